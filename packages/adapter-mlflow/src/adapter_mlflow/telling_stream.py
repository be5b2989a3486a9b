"""A stream whose errors are the core's."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from _typeshed import WriteableBuffer


class TellingStream(io.RawIOBase):
    """Reads from another stream, which is closed with it.

    Args:
        stream: The other stream.
        telling: Turns errors of the server into the core's.
    """

    def __init__(self, stream: BinaryIO, telling: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__()
        self._stream = stream
        self._telling = telling

    def readable(self) -> bool:
        """See :meth:`io.IOBase.readable`."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """See :meth:`io.RawIOBase.readinto`."""
        view = memoryview(buffer).cast("B")
        with self._telling():
            data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """See :meth:`io.IOBase.close`."""
        self._stream.close()
        super().close()
