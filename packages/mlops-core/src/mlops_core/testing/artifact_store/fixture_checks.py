"""Checks of what the author's fixture gives: if these fail, no other result means anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.testing.artifact_store.base import KEY, ArtifactStorePart, contents, keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.testing.subjects import ArtifactStoreBackDoor, StoreUnderTest


class FixtureChecks(ArtifactStorePart):
    """What ``fresh_store`` gives."""

    def test_fixture_is_empty(self, store: ArtifactStore, back_door: ArtifactStoreBackDoor) -> None:
        """A fresh store holds nothing, from both sides.

        If this fails: ``fresh_store`` has to give a new place with each call, such as a new folder, prefix or bucket.
        """
        assert keys(store) == []
        assert list(back_door.keys()) == []

    def test_fixture_is_isolated(self, fresh_store: Callable[[], StoreUnderTest]) -> None:
        """What one fresh store is given, the next one does not hold.

        If this fails: ``fresh_store`` gives the same place twice, or the adapter keeps state in a class or a module.
        """
        first, second = fresh_store(), fresh_store()
        first.store.put(KEY, b"first")
        assert keys(second.store) == []
        second.back_door.write(KEY, b"second")
        assert contents(first.store) == {KEY: b"first"}
        assert contents(second.store) == {KEY: b"second"}

    def test_fixture_opens_another_on_the_same_place(self, subject: StoreUnderTest) -> None:
        """``another`` gives new instances that see what the first one does, and the reverse.

        If this fails: ``another`` returns the store itself, or opens it on another place.
        """
        other, third = subject.another(), subject.another()
        assert len({id(subject.store), id(other), id(third)}) == 3
        subject.store.put("a", b"1")
        other.put("b", b"2")
        assert contents(subject.store) == contents(other) == contents(third) == {"a": b"1", "b": b"2"}
        assert other.capabilities == subject.store.capabilities

    def test_fixture_back_door_leads_to_the_same_place(
        self, store: ArtifactStore, back_door: ArtifactStoreBackDoor
    ) -> None:
        """What the store writes the back door reads, and the reverse.

        If this fails: the back door looks at another folder, prefix or bucket than the store.
        """
        store.put("by/the store", b"1")
        back_door.write("by/hand", b"2")
        assert sorted(back_door.keys()) == ["by/hand", "by/the store"]
        assert back_door.read("by/the store") == b"1"
        assert contents(store) == {"by/hand": b"2", "by/the store": b"1"}
