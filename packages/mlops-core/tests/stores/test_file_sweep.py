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
