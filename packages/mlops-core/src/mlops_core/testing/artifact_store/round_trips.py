"""Promise ``bytes_round_trip``."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Final

import pytest

from mlops_core.testing.artifact_store.base import KEY, ArtifactStorePart, contents, read
from mlops_core.testing.artifact_store.streams import OneWayStream

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.testing.subjects import ArtifactStoreBackDoor

BIG: Final = random.Random(7).randbytes(3_000_003)  # noqa: S311 (not a secret)
"""More than a vendor's client sends in one piece, or more than a store hashes."""
EVERY_BYTE: Final = bytes(range(256)) + b"\r\n\n\r\x1a\0"


class RoundTrips(ArtifactStorePart):
    """Bytes in, bytes out."""

    def test_bytes_round_trip(self, store: ArtifactStore, back_door: ArtifactStoreBackDoor) -> None:
        """Every byte comes back as it was put, by every way to read it, and is stored as it is.

        If this fails: something decodes, compresses or turns line ends; or ``size`` is not that of the bytes.
        """
        for data in (b"", b"\0", EVERY_BYTE, BIG):
            put = store.put(KEY, data)
            found = store.get(KEY)
            assert found.data == data
            assert type(found.data) is bytes
            assert read(store) == data
            assert back_door.read(KEY) == data
            assert (put.key, put.size, put.etag) == (KEY, len(data), found.info.etag)
            assert found.info == store.stat(KEY)

    def test_bytes_round_trip__from_the_back_door(self, store: ArtifactStore, back_door: ArtifactStoreBackDoor) -> None:
        """What the vendor's own tools have stored is read as it is.

        If this fails: the adapter expects something of an object, such as metadata, that only it writes.
        """
        for data in (b"", EVERY_BYTE, BIG):
            back_door.write(KEY, data)
            assert store.get(KEY).data == read(store) == data
            assert store.stat(KEY).size == len(data)

    @pytest.mark.parametrize("make", [io.BytesIO, OneWayStream], ids=["whole", "in small pieces"])
    def test_bytes_round_trip__of_streams(self, store: ArtifactStore, make: Callable[[bytes], BinaryIO]) -> None:
        """A stream is read to its end, in pieces of any size, whether or not it can seek, and is left open.

        If this fails: the adapter takes one ``read()`` for the whole, asks for the length or the position of a stream,
        or the vendor's client closes what it is given.
        """
        for data in (b"", b"\0", BIG):
            with make(data) as stream:
                put = store.put(KEY, stream)
                assert not stream.closed
                assert stream.read() == b""
            assert put.size == len(data)
            assert store.get(KEY).data == data

    def test_bytes_round_trip__of_the_rest_of_a_stream(self, store: ArtifactStore) -> None:
        """A stream is read from where it stands.

        If this fails: the adapter rewinds the stream first.
        """
        stream = io.BytesIO(b"read before|kept")
        stream.seek(12)
        assert store.put(KEY, stream).size == 4
        assert store.get(KEY).data == b"kept"

    @pytest.mark.parametrize("size", [0, 1, 10, len(BIG)])
    def test_bytes_round_trip__in_ranges(self, store: ArtifactStore, size: int) -> None:
        """A range is what a slice of the bytes is, with the whole object's size and etag beside it.

        If this fails: look at the ends. A vendor counts the last byte in, refuses a range that begins at or after the
        end, or answers an empty range with the whole object; or ``info.size`` is that of the range.
        """
        data = BIG[:size]
        store.put(KEY, data)
        info = store.stat(KEY)
        ranges: list[tuple[int, int | None]] = [(0, 0), (0, 1), (0, None), (1, 3), (3, 1), (3, 3), (5, None)]
        ranges += [(0, size), (0, size + 9), (max(0, size - 1), None), (size, None), (size, size), (size + 9, None)]
        ranges += [(size + 9, size + 99), (0, 1 << 40), (1 << 40, None)]
        for start, stop in ranges:
            found = store.get(KEY, start=start, stop=stop)
            assert found.data == data[start:stop], f"from {start} to {stop} of {size}"
            assert found.info == info
            assert read(store, start=start) == data[start:], f"from {start} of {size}"

    def test_bytes_round_trip__negative_positions_are_refused(self, store: ArtifactStore) -> None:
        """Positions count from the beginning; a negative one is a ``ValueError``, of every kind of object.

        If this fails: the number is handed to a slice or to the vendor, where it means "from the end" or nothing.
        """
        store.put(KEY, b"0123456789")
        calls: list[Callable[[], object]] = [
            lambda: store.get(KEY, start=-1),
            lambda: store.get(KEY, stop=-1),
            lambda: store.get(KEY, start=-5, stop=-2),
            lambda: store.open(KEY, start=-1).close(),
        ]
        for call in calls:
            with pytest.raises(ValueError, match=r"start|stop"):
                call()
        assert contents(store) == {KEY: b"0123456789"}
