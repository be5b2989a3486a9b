"""A package's file as a stream that fails at its end if the bytes are not those that the manifest promises."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from mlops_core.manifest import verified_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

    from mlops_core.manifest import PackageFile


def verified_stream(stream: BinaryIO, expected: PackageFile, *, where: str) -> BinaryIO:
    """The stream, verified while it is read; closing it does not close the one below.

    A store that reads it to the end gives the object its name only afterwards, so wrong bytes get no name.

    Args:
        stream: The bytes.
        expected: What the manifest says of them.
        where: Where they come from, for the message.

    Raises:
        IntegrityError: From ``read``: size or SHA-256 differ.
    """
    return io.BufferedReader(_Chunks(verified_chunks(stream, expected, where=where)), 1 << 20)


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._rest = self._rest or next(self._chunks, b"")
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
