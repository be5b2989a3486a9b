"""A registry that is a dictionary: what fetching and loading ask of one, with a count of what was asked."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from mlops_core.errors import AliasNotFoundError, ArtifactNotFoundError
from mlops_core.manifest import MANIFEST_FILE, FolderPackage
from mlops_core.ports.model_registry import PinnedVersion

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry


class Trickle(io.BytesIO):
    """A stream that, like a connection, gives less at a time than it is asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(700 if size is None or size < 0 else min(size, 700))


class Shelf:
    """Versions of packages in memory; ``requests`` lists every call."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.files: dict[str, dict[str, bytes]] = {}
        self.aliases: dict[str, PinnedVersion] = {}

    @property
    def port(self) -> ModelRegistry:
        return cast("ModelRegistry", self)

    def put(self, package: FolderPackage, *, alias: str = "champion") -> PinnedVersion:
        manifest = package.manifest
        paths = [MANIFEST_FILE, *(each.path for each in manifest.files)]
        self.files[manifest.digest] = {path: (package.folder / path).read_bytes() for path in paths}
        version = PinnedVersion(model="churn", version=len(self.files), digest=manifest.digest)
        self.aliases[alias] = version
        return version

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        self.requests.append(f"resolve {model}@{alias}")
        if alias not in self.aliases:
            raise AliasNotFoundError(f"{model} has no alias {alias!r}", operation="resolve", subject=model)
        return self.aliases[alias]

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        self.requests.append(f"open {path}")
        try:
            return cast("BinaryIO", Trickle(self.files[version.digest][path]))
        except KeyError:
            raise ArtifactNotFoundError(f"no {path!r}", operation="open", subject=path) from None
