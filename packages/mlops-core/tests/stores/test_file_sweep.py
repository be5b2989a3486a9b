"""What killed writes have left in a file store's temporary folder goes; locks and writes under way stay."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import BackendUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.stores.files import FileArtifactStore

_DAY = timedelta(days=1)


def leave(root: Path, name: str, *, days: float) -> Path:
    path = root / "tmp" / name
    path.write_bytes(b"half")
    then = time.time() - days * 86_400
    os.utime(path, (then, then))
    return path


def test_old_unfinished_files_go_and_nothing_else(store: FileArtifactStore, root: Path) -> None:
    store.put("a", b"1")
    old = [leave(root, "a.part", days=2), leave(root, "b.link", days=2), leave(root, "future.part", days=-3650)]
    kept = [leave(root, "young.part", days=0.5), leave(root, "locks/07.lock", days=9), leave(root, "note.txt", days=9)]
    assert store.sweep(older_than=_DAY, dry_run=True) == (3, 12)
    assert all(path.exists() for path in old)
    assert store.sweep(older_than=_DAY) == (3, 12)
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in kept)
    assert store.sweep(older_than=_DAY) == (0, 0)
    assert store.get("a").data == b"1"


def leave_folder(root: Path, name: str, *, days: float) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    for each in [folder, *folder.parents]:
        if each.is_relative_to(root):
            then = time.time() - days * 86_400
            os.utime(each, (then, then))
    return folder


def test_old_empty_folders_go_with_those_that_become_empty_and_nothing_else(
    store: FileArtifactStore, root: Path
) -> None:
    store.put("a/b/1", b"1")
    kept = [leave_folder(root, "young/deep", days=0.5), leave_folder(root, "tmp/locks", days=9), root / "a" / "b"]
    gone = [leave_folder(root, name, days=2) for name in ["x/y/z", "x/y/too", "a/b/empty", "future"]]
    assert store.sweep(older_than=_DAY, dry_run=True) == (6, 0)
    assert all(folder.is_dir() for folder in gone)
    assert store.sweep(older_than=_DAY) == (6, 0)
    assert not any(folder.exists() for folder in [*gone, root / "x"])
    assert all(folder.is_dir() for folder in kept)
    assert store.sweep(older_than=_DAY) == (0, 0)
    assert store.get("a/b/1").data == b"1"


def test_a_folder_that_a_write_goes_to_just_now_may_be_swept(
    store: FileArtifactStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("other", b"1")
    swept: list[tuple[int, int]] = []
    link = os.link

    def suspended(source: Path, target: Path) -> None:
        if not swept:
            leave_folder(root, "a/b", days=2)
            swept.append(store.sweep(older_than=_DAY))
        link(source, target)

    monkeypatch.setattr(os, "link", suspended)
    store.put("a/b/1", b"1", if_absent=True)
    assert swept == [(2, 0)]
    assert store.get("a/b/1").data == b"1"


def test_a_store_that_is_not_there_has_nothing_to_sweep(store: FileArtifactStore, root: Path) -> None:
    assert store.sweep(older_than=_DAY) == (0, 0)
    assert not root.exists()


def test_a_writer_whose_unfinished_file_was_swept_fails_and_stores_nothing_half(
    store: FileArtifactStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a", b"old")
    sync = os.fsync

    def suspended(descriptor: int) -> None:
        sync(descriptor)
        for path in (root / "tmp").glob("*.part"):
            os.utime(path, (0, 0))
        store.sweep(older_than=_DAY)

    monkeypatch.setattr(os, "fsync", suspended)
    with pytest.raises(BackendUnavailableError):
        store.put("a", b"new")
    assert store.get("a").data == b"old"
