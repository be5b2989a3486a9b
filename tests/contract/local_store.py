"""The store of the adapter ``local`` as a subject of its contract, and a back door that knows only files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.local import LocalBackend
from mlops_core.testing import BreakableStore, StoreUnderTest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.testing import ArtifactStoreBackDoor


@dataclass(frozen=True)
class FileBackDoor:
    """Reads and writes a store's files past the adapter; see ``ArtifactStoreBackDoor``."""

    root: Path

    def keys(self) -> Sequence[str]:
        found = (path for path in self.root.rglob("*") if path.is_file())
        keys = (path.relative_to(self.root).as_posix() for path in found)
        return [key for key in keys if not key.startswith("tmp/")]

    def read(self, key: str, /) -> bytes:
        return (self.root / key).read_bytes()

    def write(self, key: str, data: bytes, /) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def local_store(root: Path) -> StoreUnderTest:
    """An empty store in a folder that does not exist yet; others open it as a user does, by the adapter."""
    connection = BreakableStore(FileArtifactStore(root, backend="home"))

    def another() -> ArtifactStore:
        return LocalBackend("home", {"path": str(root)}, base=root.parent).artifact_store()

    return StoreUnderTest(store=connection, another=another, back_door=FileBackDoor(root), connection=connection)


if TYPE_CHECKING:
    _back_door: type[ArtifactStoreBackDoor] = FileBackDoor
