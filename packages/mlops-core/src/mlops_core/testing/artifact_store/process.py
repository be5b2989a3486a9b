"""Promises ``the_process_stays_as_it_was``, and ``vendor_errors_arrive_as_ours`` as far as no connection breaks."""

from __future__ import annotations

import errno
import io
import traceback
from typing import TYPE_CHECKING

import pytest

from mlops_core.errors import ArtifactNotFoundError, InvalidNameError, MlopsError
from mlops_core.testing.artifact_store.base import (
    ABSENT,
    KEY,
    RIVALS,
    ArtifactStorePart,
    contents,
    keys,
    read,
    takes_conditions,
)
from mlops_core.testing.process_state import unchanged_process
from mlops_core.testing.threads import all_at_once, errors_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.testing.subjects import StoreUnderTest


class _NotOfAnyVendorError(Exception):
    """A bug of the caller's."""


class Process(ArtifactStorePart):
    """What an adapter does to the process that it runs in, and with its errors."""

    def test_the_process_stays_as_it_was(self, subject: StoreUnderTest, capfd: pytest.CaptureFixture[str]) -> None:
        """Using a store, opening another one and failing leave the process as it was, and print nothing.

        If this fails: the named thing was set and not put back, often by the vendor's client when it is made.
        """
        with unchanged_process(capfd, earlier=self.changes_so_far()):
            for store in (subject.store, subject.another()):
                _use(store)

    def test_the_process_stays_as_it_was__with_two_places_at_once(
        self, fresh_store: Callable[[], StoreUnderTest]
    ) -> None:
        """Two stores of one vendor work side by side, each on its own place.

        If this fails: the place, or the client, is kept in the module instead of the instance.
        """
        contents_of = {b"first": fresh_store(), b"the second": fresh_store()}
        for data, subject in contents_of.items():
            subject.store.put(KEY, data)
        streams = {data: subject.store.open(KEY) for data, subject in contents_of.items()}
        listings = [subject.store.find() for subject in contents_of.values()]
        assert [next(each).size for each in listings] == [len(data) for data in contents_of]
        for data, subject in contents_of.items():
            with streams[data] as stream:
                assert stream.read() == data
            assert contents(subject.store) == contents(subject.another()) == {KEY: data}
            assert subject.store.stat(KEY).size == len(data)
            assert list(subject.store.folders()) == ["reports"]
        first, second = contents_of.values()
        first.store.delete(KEY)
        assert keys(second.store) == [KEY]

    def test_the_process_stays_as_it_was__used_by_several_threads(self, subject: StoreUnderTest) -> None:
        """One instance does the work of several threads at once, and mixes nothing up.

        If this fails: something of a call is kept in the instance, or the vendor's client is not made to be shared.
        """
        store = subject.store

        def work(own: int) -> None:
            data = b"%d" % own * (own * 1_000 + 1)
            for turn in range(6):
                key = f"{own}/{turn}"
                assert store.put(key, io.BytesIO(data) if turn % 2 else data).size == len(data)
                assert store.get(key).data == read(store, key) == data
                assert keys(store, f"{own}/")[-1] == key
                assert store.stat(key).key == key
                if turn % 3 == 0:
                    store.put(f"{own}/gone", b"")
                    store.delete(f"{own}/gone")

        assert errors_of(all_at_once([lambda own=own: work(own) for own in range(RIVALS)])) == []
        assert keys(store) == sorted(f"{own}/{turn}" for own in range(RIVALS) for turn in range(6))

    def test_vendor_errors_arrive_as_ours__and_bugs_pass_through_untouched(self, store: ArtifactStore) -> None:
        """What a caller's own stream raises arrives as it is, not dressed up, be it of a class that vendors use.

        If this fails: an ``except Exception`` translates what is not the vendor's. See ``translating_errors``. If it is
        the ``OSError``: the stream is read inside the translation; keep what it raised, and let that pass.
        """

        class Broken(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                del size
                raise error

        for error in (
            _NotOfAnyVendorError("a bug"),
            KeyError("a bug"),
            InvalidNameError("ours"),
            ValueError("a bug"),
            OSError(errno.EIO, "the disk of the caller"),
            ConnectionResetError("the connection of the caller"),
        ):
            with pytest.raises(type(error)) as caught:
                store.put(KEY, Broken())
            assert caught.value is error
        assert keys(store) == []

    def test_vendor_errors_arrive_as_ours__and_show_no_secret(self, subject: StoreUnderTest) -> None:
        """What a store was opened with appears in no text of it, of its answers or of its errors.

        If this fails: a dataclass shows a secret in its ``repr``, or the vendor's message quotes a request. Hold
        secrets as ``mlops_core.secret.Secret`` and redact what a vendor says.
        """
        store = subject.store
        store.put(KEY, b"1")
        shown = [repr(store), str(store), repr(store.capabilities), repr(store.get(KEY)), repr(list(store.find()))]
        for call in (lambda: store.get(ABSENT), lambda: store.get("a//b"), lambda: store.put("a\0b", b"")):
            with pytest.raises(MlopsError) as caught:
                call()
            shown += [repr(caught.value), str(caught.value), *traceback.format_exception(caught.value)]
        text = "\n".join(shown)
        assert [secret[:2] + "..." for secret in subject.secrets if secret in text] == []


def _use(store: ArtifactStore) -> None:
    store.put(KEY, b"1")
    store.put("b/c", io.BytesIO(b"2"))
    assert contents(store) == {KEY: b"1", "b/c": b"2"}
    assert read(store) == b"1"
    assert set(store.folders()) == {"reports", "b"}
    with pytest.raises(ArtifactNotFoundError):
        store.get(ABSENT)
    for key in (KEY, "b/c"):
        store.delete(key)
    if takes_conditions(store):
        store.put(KEY, b"1", if_absent=True)
    for key in keys(store):
        store.delete(key)
