"""What ``collect_garbage`` takes for left over, where versions have lost their files."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.manifest import FolderPackage
    from mlops_core.stores.files import FileArtifactStore
    from mlops_core.stores.registry import StoreModelRegistry


def leave_folder(store: FileArtifactStore, name: str) -> Path:
    """A package's folder that no version names, of long ago."""
    store.put(f"packages/churn/{name}/model.bin", b"x" * 1000)
    folder = store.root / "packages" / "churn" / name
    os.utime(folder / "model.bin", (0, 0))
    return folder


@pytest.mark.parametrize("leftovers", [1, 2, 3])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_what_no_version_names_goes_however_many_versions_have_lost_their_files(
    registry: StoreModelRegistry,
    store: FileArtifactStore,
    package: Callable[[bytes], FolderPackage],
    leftovers: int,
    lost: int,
) -> None:
    for number in range(2):
        registry.register("churn", package(b"%d" % number), operation_id=f"op-{number}")
    folders = sorted((store.root / "packages" / "churn").iterdir())
    for folder in folders[:lost]:
        shutil.rmtree(folder)
    left = [leave_folder(store, f"killed.{number}") for number in range(leftovers)]
    found = registry.collect_garbage()
    assert [each.what for each in found.leftovers] == [f"packages/churn/{folder.name}/" for folder in left]
    assert not any(folder.exists() for folder in left)
    assert all(folder.is_dir() for folder in folders[lost:])
