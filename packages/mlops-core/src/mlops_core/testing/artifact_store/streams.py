"""Streams such as callers may give to a store: in small pieces, one way, failing half way."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class OneWayStream(io.BytesIO):
    """A stream like a pipe's: it cannot seek, and it may give less than it was asked for.

    Args:
        data: What it gives.
        piece: The most bytes that one ``read(size)`` gives.
        at_end: What is called where the end would be reported.
    """

    def __init__(self, data: bytes, *, piece: int = 70_001, at_end: Callable[[], None] | None = None) -> None:
        super().__init__(data)
        self._piece = piece
        self._at_end = at_end

    def read(self, size: int | None = -1, /) -> bytes:
        """At most ``size`` bytes and at most one piece; all that is left for a negative size."""
        count = -1 if size is None or size < 0 else min(size, self._piece)
        data = super().read(count)
        if self._at_end is not None and (count < 0 or (count and not data)):
            self._at_end()
        return data

    def read1(self, size: int | None = -1, /) -> bytes:
        """Like :meth:`read`."""
        return self.read(size)

    def seekable(self) -> bool:
        """It is not."""
        return False

    def seek(self, position: int, whence: int = 0, /) -> int:
        """Refused."""
        del position, whence
        raise io.UnsupportedOperation("seek")

    def tell(self) -> int:
        """Refused."""
        raise io.UnsupportedOperation("tell")
