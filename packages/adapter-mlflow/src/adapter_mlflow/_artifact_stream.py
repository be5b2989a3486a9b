"""A file of the server as a stream, which goes on where a broken connection has left it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from adapter_mlflow._errors import UnreachableError
from adapter_mlflow._http import telling_failures

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer
    from requests import Response

_MOST_BREAKS: Final = 5


class ArtifactStream(io.RawIOBase):
    """The body of an answer, read once from its beginning to its end.

    Args:
        answer: The answer, whose body has not been read.
        resumed: Asks for the rest, from a position on.
    """

    def __init__(self, answer: Response, resumed: Callable[[str, int], Response]) -> None:
        super().__init__()
        self._answer = answer
        self._url = answer.url
        self._resumed = resumed
        self._position = 0
        self._breaks = 0

    def readable(self) -> bool:
        """See :meth:`io.IOBase.readable`."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """See :meth:`io.RawIOBase.readinto`.

        Raises:
            MlflowError: The rest cannot be had.
        """
        view = memoryview(buffer).cast("B")
        while True:
            try:
                with telling_failures(self._url):
                    data: bytes = self._answer.raw.read(len(view))
            except UnreachableError:
                self._breaks += 1
                if self._breaks > _MOST_BREAKS:
                    raise
                self._answer.close()
                self._answer = self._resumed(self._url, self._position)
            else:
                view[: len(data)] = data
                self._position += len(data)
                return len(data)

    def close(self) -> None:
        """Give the connection back; what was not read is not waited for."""
        self._answer.close()
        super().close()
