"""Promises ``deleting_is_idempotent`` and ``missing_is_an_error_of_its_own``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops_core.errors import ArtifactNotFoundError, NotFoundError
from mlops_core.testing.artifact_store.base import (
    ABSENT,
    KEY,
    RIVALS,
    ArtifactStorePart,
    assert_missing,
    contents,
    keys,
    readers,
)
from mlops_core.testing.threads import all_at_once, errors_of

if TYPE_CHECKING:
    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.testing.subjects import ArtifactStoreBackDoor, StoreUnderTest


class Removal(ArtifactStorePart):
    """What is not there, from the beginning or any more."""

    def test_deleting_is_idempotent(self, subject: StoreUnderTest) -> None:
        """What was removed is gone for every later call of every instance; removing it again is fine.

        If this fails: the vendor's "no such key" is raised by ``delete``, or something is cached.
        """
        store, other = subject.store, subject.another()
        for data in (b"", b"1", b"2" * 300_001):
            store.put(KEY, data)
            other.delete(KEY)
            other.delete(KEY)
            store.delete(KEY)
            for each in (store, other):
                assert_missing(each, KEY)
            assert list(subject.back_door.keys()) == []
            store.put(KEY, b"again")
            assert contents(other) == {KEY: b"again"}

    def test_deleting_is_idempotent__where_nothing_was(
        self, store: ArtifactStore, back_door: ArtifactStoreBackDoor
    ) -> None:
        """Removing what never was is fine, in an empty store too, and removes nothing else.

        If this fails: a missing key is an error of the vendor's, or ``delete`` removes a whole prefix.
        """
        store.delete(ABSENT)
        store.put("a/b/c", b"1")
        for key in (ABSENT, "a", "a/b", "a/b/c/d", "a/b/c2"):
            store.delete(key)
        assert contents(store) == {"a/b/c": b"1"}
        assert list(back_door.keys()) == ["a/b/c"]

    def test_deleting_is_idempotent__by_several_at_once(self, subject: StoreUnderTest) -> None:
        """Several who remove and write in one folder get in nobody's way.

        If this fails: look at what is removed besides the object, such as a folder that has become empty.
        """
        subject.store.put(KEY, b"1")
        stores = [subject.another() for _ in range(RIVALS)]
        assert errors_of(all_at_once([lambda each=each: each.delete(KEY) for each in stores])) == []
        assert_missing(subject.store, KEY)

        def come_and_go(store: ArtifactStore, key: str) -> None:
            for _ in range(8):
                store.put(key, b"")
                store.delete(key)

        calls = [lambda each=each, key=f"a/b/{number}": come_and_go(each, key) for number, each in enumerate(stores)]
        assert errors_of(all_at_once(calls)) == []
        assert keys(subject.store) == []

    def test_missing_is_an_error_of_its_own(self, store: ArtifactStore) -> None:
        """What is not there is ``ArtifactNotFoundError`` from every call that reads, not empty bytes nor another error.

        If this fails: translate the vendor's "no such key" of each method; an answer to ``stat`` often has no body.
        """
        for held in (False, True):
            if held:
                store.put("folder/object", b"1")
            for key in (ABSENT, "folder", "folder/object2", "folder/object/below"):
                assert_missing(store, key)

    def test_missing_is_an_error_of_its_own__that_says_what_is_missing(self, store: ArtifactStore) -> None:
        """The error names the key, the method's subject and what to do next, and is a ``LookupError``.

        If this fails: raise it with all four parts, see ``mlops_core.errors``.
        """
        for name, call in readers(store, ABSENT).items():
            with pytest.raises(ArtifactNotFoundError) as caught:
                call()
            error = caught.value
            assert isinstance(error, NotFoundError)
            assert isinstance(error, LookupError)
            assert ABSENT in str(error)
            assert error.subject == ABSENT
            assert error.operation == name.split(" ")[0]
            assert all([error.what, error.where, error.why, error.hint, error.backend])
            assert not error.retryable
