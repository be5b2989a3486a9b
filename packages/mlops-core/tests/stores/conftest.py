from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from mlops_core.manifest import FolderPackage, Manifest, PackageFile
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path) -> Callable[[bytes], FolderPackage]:
    """Makes packages of two files, one of them with the given content; equal content makes equal packages."""

    def make(content: bytes) -> FolderPackage:
        folder = tmp_path / "packages" / hashlib.sha256(content).hexdigest()
        files = {"model.bin": content, "notes/read me.txt": b"hello\n"}
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        entries = tuple(
            PackageFile(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())
            for path, data in sorted(files.items())
        )
        manifest = Manifest(framework="test", model_file="model.bin", serializer="bytes", files=entries)
        (folder / "package.json").write_bytes(manifest.to_bytes())
        return FolderPackage.read(folder)

    return make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> FileArtifactStore:
    return FileArtifactStore(root, backend="home")


@pytest.fixture
def registry(store: FileArtifactStore) -> StoreModelRegistry:
    return StoreModelRegistry(store, backend="home")
