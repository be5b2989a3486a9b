"""Promises ``a_write_is_seen_whole_or_not_at_all``, ``etags_name_contents`` and ``times_are_the_stores_own``."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from mlops_core.testing.artifact_store.base import ABSENT, KEY, ArtifactStorePart, assert_missing, contents, read
from mlops_core.testing.artifact_store.streams import OneWayStream
from mlops_core.testing.threads import all_at_once, errors_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.testing.subjects import ArtifactStoreBackDoor, StoreUnderTest

_BIG: Final = 300_001
"""Bytes, more than a store hashes or a client sends in one piece."""
_ROUNDS: Final = 12
_ONE_SECOND: Final = timedelta(seconds=1)
"""How exact a store's times are at least."""


class Writes(ArtifactStorePart):
    """What a write does, and what is known of an object afterwards."""

    def test_a_write_is_seen_whole_or_not_at_all(self, subject: StoreUnderTest) -> None:
        """What one call has stored, every later call sees, through every instance.

        If this fails: something is cached, or written after the call has returned.
        """
        store, other = subject.store, subject.another()
        for data in (b"first", b"second and longer", b"3rd", b""):
            store.put(KEY, data)
            assert other.get(KEY).data == read(other) == data
            assert [(info.key, info.size) for info in other.find()] == [(KEY, len(data))]
            assert other.stat(KEY) == store.stat(KEY) == next(iter(store.find(KEY)))
            assert other.stat(KEY).size == len(data)

    @pytest.mark.parametrize("size", [0, 5, _BIG])
    def test_a_write_is_seen_whole_or_not_at_all__when_a_stream_fails(
        self, store: ArtifactStore, back_door: ArtifactStoreBackDoor, size: int
    ) -> None:
        """A stream that raises half way leaves the old object, or none, and its error arrives untouched.

        If this fails: bytes are stored under the key before the stream has ended, such as on closing an unfinished
        upload; or a bug of the caller's is dressed up as a failure of the backend.
        """

        def fail() -> None:
            raise ZeroDivisionError("a bug of the caller's")

        store.put(KEY, b"old")
        before = store.stat(KEY)
        for key in (KEY, ABSENT):
            with pytest.raises(ZeroDivisionError, match="a bug of the caller's"):
                store.put(key, OneWayStream(b"new" * size, at_end=fail))
        assert contents(store) == {KEY: b"old"}
        assert store.stat(KEY) == before
        assert list(back_door.keys()) == [KEY]
        assert_missing(store, ABSENT)

    @pytest.mark.parametrize("streamed", [False, True])
    def test_a_write_is_seen_whole_or_not_at_all__by_readers_meanwhile(
        self, subject: StoreUnderTest, *, streamed: bool
    ) -> None:
        """Whoever reads while others write sees one of the written contents, whole, with its own etag and size.

        If this fails: objects are written in place; or ``get`` asks for the etag and for the bytes in two requests.
        """
        versions = [b"%d" % number * (number * 40_000 + 1) for number in range(4)]
        etags = {data: subject.store.put(KEY, data).etag for data in versions}

        def write() -> None:
            store = subject.another()
            for _ in range(_ROUNDS):
                for data in versions:
                    store.put(KEY, OneWayStream(data) if streamed else data)

        def look() -> None:
            store = subject.another()
            for _ in range(2 * _ROUNDS):
                found = store.get(KEY)
                assert found.data in etags, "half of a write was seen"
                assert found.info.size == len(found.data)
                assert streamed or found.info.etag == etags[found.data], "the etag is that of another content"
                assert read(store) in etags, "half of a write was seen"

        assert errors_of(all_at_once([write, look, look])) == []

    def test_a_write_is_seen_whole_or_not_at_all__what_is_open_stays_as_it_was(self, store: ArtifactStore) -> None:
        """A stream goes on with the object that it was opened on, though that is replaced or removed meanwhile.

        If this fails: the stream asks for its next piece by key alone, and so joins two contents.
        """
        old, new = b"o" * 1_000_003, b"n" * 1_500_007
        for change in ("replaced", "removed"):
            store.put(KEY, old)
            with store.open(KEY) as stream:
                begin = stream.read(10)
                if change == "replaced":
                    store.put(KEY, new)
                else:
                    store.delete(KEY)
                assert begin + stream.read() == old, f"it was {change}"

    def test_etags_name_contents(self, subject: StoreUnderTest) -> None:
        """Other bytes have another etag, also of the same length, and every call tells the same one.

        If this fails: the etag is made of the size, or of a time that is too coarse for two writes in one moment.
        """
        store, other = subject.store, subject.another()
        for size in (1, _BIG):
            seen: list[str] = []
            for letter in (b"a", b"b", b"c"):
                put = store.put(KEY, letter * size)
                found = other.get(KEY)
                listed = next(iter(other.find(KEY)))
                assert put.etag == found.info.etag == other.stat(KEY).etag == listed.etag == store.stat(KEY).etag
                assert found.data == letter * size
                seen.append(put.etag)
            assert len(set(seen)) == len(seen)
            assert all(seen)

    def test_etags_name_contents__changed_through_the_back_door(
        self, store: ArtifactStore, back_door: ArtifactStoreBackDoor
    ) -> None:
        """What the vendor's own tools have changed has another etag, at the same length too.

        If this fails: the adapter remembers etags, or keeps them beside the object.
        """
        store.put(KEY, b"before")
        before = store.stat(KEY)
        back_door.write(KEY, b"after!")
        after = store.stat(KEY)
        assert after.etag != before.etag
        assert after.size == before.size
        assert store.get(KEY).info == after

    def test_times_are_the_stores_own(self, subject: StoreUnderTest) -> None:
        """Times are aware UTC and go with the order of writes, whoever writes, on every way to read them.

        If this fails: the adapter stamps with the clock of its own machine, or gives a time without a zone.
        """
        store, other, back_door = subject.store, subject.another(), subject.back_door
        back_door.write("1", b"before")
        put = store.put("2", b"between")
        back_door.write("3", b"after")
        first, second, third = (other.stat(key).modified_at for key in "123")
        assert first - _ONE_SECOND <= second <= third + _ONE_SECOND
        listed = [info.modified_at for info in store.find()]
        got = store.get("2").info.modified_at
        assert listed == [first, second, third]
        assert got == second
        # What put gives may be the time of the reply, which comes after that of the object.
        assert second - _ONE_SECOND <= put.modified_at <= second + timedelta(seconds=30)
        for when in (first, second, third, put.modified_at, got, *listed):
            assert when.tzinfo is UTC or when.utcoffset() == timedelta(0)
            assert datetime(1970, 1, 2, tzinfo=UTC) < when < datetime(9000, 1, 1, tzinfo=UTC)

    def test_times_are_the_stores_own__wherever_the_process_is(
        self, subject: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The time zone of the process moves no time.

        If this fails: a time of the system is read as local time, or written as local time and called UTC.
        """
        store = subject.store
        store.put("1", b"")
        before = store.stat("1")
        with _far_from_utc(monkeypatch):
            store.put("2", b"")
            assert store.stat("1") == before
            assert next(iter(store.find("1"))) == before
            abroad = store.stat("2")
        assert store.stat("2") == abroad
        assert abs(abroad.modified_at - before.modified_at) < timedelta(minutes=5)

    def test_times_are_the_stores_own__and_change_with_each_write(self, store: ArtifactStore) -> None:
        """An object that is written again has the time of the last write; what is not written keeps its own.

        If this fails: the time is that of the object's creation, or that of reading it.
        """
        store.put(KEY, b"1")
        store.put("other", b"1")
        other = store.stat("other")
        for content in (b"1", b"2", b"3"):
            store.put(KEY, content)
            assert store.stat(KEY).modified_at >= other.modified_at
            read(store, "other")
        assert store.stat("other") == other


@contextmanager
def _far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """The process in a zone that no machine of a test is in, where the system can do that."""
    with monkeypatch.context() as patch:
        patch.setitem(os.environ, "TZ", "FAR-09:17")
        _read_zone()
        yield
    _read_zone()


def _read_zone() -> None:
    if hasattr(time, "tzset"):
        time.tzset()
