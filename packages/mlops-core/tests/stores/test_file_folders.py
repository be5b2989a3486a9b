"""The folders of a store over files: what they are, and what asking for them costs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import InvalidNameError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.manifest import FolderPackage
    from mlops_core.stores.files import FileArtifactStore
    from mlops_core.stores.registry import StoreModelRegistry


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that were read, in order."""
    found: list[str] = []
    scandir = os.scandir

    def counted(path: Path) -> object:
        found.append(path.name)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    return found


def test_folders_come_in_the_order_in_which_their_keys_are_found(store: FileArtifactStore) -> None:
    for key in ["a/b/2", "a/b/1", "a/c/x/y", "a/d", "a/b.c/1", "a/b-c/1", "a/B/1", "a/é/1", "ab/1"]:
        store.put(key, b"")
    assert list(store.folders("a/")) == ["B", "b-c", "b.c", "b", "c", "é"]
    assert list(store.folders()) == ["a", "ab"]
    assert list(store.folders("a/d/")) == list(store.folders("absent/")) == []


def test_a_leftover_folder_without_a_key_below_it_is_none(store: FileArtifactStore, root: Path) -> None:
    store.put("a/b/1", b"")
    (root / "a" / "empty" / "deep").mkdir(parents=True)
    (root / "a" / "linked").mkdir()
    (root / "a" / "linked" / "outside").symlink_to(root / "a" / "b" / "1")
    (root / "a" / "other").symlink_to(root / "a" / "b")
    (root / "a" / "no key").mkdir()
    (root / "a" / "no key" / "line\nbreak").touch()
    assert list(store.folders("a/")) == ["b"]
    assert [info.key for info in store.find("a/")] == ["a/b/1"]


def test_temporary_files_are_in_no_folder(store: FileArtifactStore) -> None:
    store.put("a/1", b"")
    assert list(store.folders()) == ["a"]
    assert list(store.folders("tmp/")) == []


@pytest.mark.parametrize("prefix", ["a", "/", "/a/", "a//", "../", "a/./", "a\n/"])
def test_a_prefix_that_no_folder_can_have_is_refused(store: FileArtifactStore, root: Path, prefix: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        list(store.folders(prefix))
    assert caught.value.why
    assert not root.exists()


def test_a_folder_costs_one_look_however_many_keys_it_has(store: FileArtifactStore, reads: list[str]) -> None:
    for number in range(30):
        store.put(f"a/b/{number}", b"")
        store.put(f"a/b/deep/{number}", b"")
    reads.clear()
    assert list(store.folders("a/")) == ["b"]
    assert reads == ["a", "b"]


def test_models_are_listed_by_their_folders_alone(
    registry: StoreModelRegistry, package: Callable[[bytes], FolderPackage], reads: list[str]
) -> None:
    for model in ["churn.2", "churn", "churn-2"]:
        for content in [b"1", b"2"]:
            registry.register(model, package(content), operation_id=content.decode(), if_exists="new")
    reads.clear()
    assert [each.name for each in registry.models()] == ["churn", "churn-2", "churn.2"]
    assert sorted(reads) == ["churn", "churn-2", "churn.2", "models"]
