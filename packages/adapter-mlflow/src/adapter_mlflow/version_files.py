"""Opening the files of versions."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import ArtifactNotFoundError, IntegrityError, near_matches
from mlops_core.manifest import MANIFEST_FILE

from adapter_mlflow._errors import ServerError, is_missing, telling
from adapter_mlflow.artifact_names import stored_name
from adapter_mlflow.telling_stream import TellingStream

if TYPE_CHECKING:
    from mlops_core.manifest import Manifest
    from mlops_core.ports.model_registry import PinnedVersion

    from adapter_mlflow._client import MlflowRestClient
    from adapter_mlflow.foreign_versions import ForeignVersions
    from adapter_mlflow.lookups import Lookups
    from adapter_mlflow.recent_looks import Look, RecentLooks
    from adapter_mlflow.version_roots import VersionRoots

_BUFFER: Final = 1 << 20


class VersionFiles:
    """Opens files of versions. It may be used from several threads.

    Args:
        files: Requests about files.
        find: Looks at versions.
        looks: What was seen a moment ago.
        foreign: Versions without a record.
        roots: Where the files of versions lie.
        backend: The configured name, for messages.
    """

    def __init__(
        self,
        files: MlflowRestClient,
        *,
        find: Lookups,
        looks: RecentLooks,
        foreign: ForeignVersions,
        roots: VersionRoots,
        backend: str,
    ) -> None:
        self._files = files
        self._find = find
        self._looks = looks
        self._foreign = foreign
        self._roots = roots
        self._backend = backend

    def open(self, version: PinnedVersion, path: str) -> BinaryIO:
        """A stream of one file, whose errors are the core's.

        Raises:
            ModelNotFoundError: There is no such model.
            VersionNotFoundError: There is no such version, or its number is another package now.
            ArtifactNotFoundError: The version holds no such file.
            IntegrityError: The manifest names the file, and the server has lost it.
            MlflowError: It failed.
        """
        look = self._looks.take(version, path) or self._find.look(version, path)
        if path == MANIFEST_FILE:
            return io.BytesIO(self._manifest_bytes(look))
        subject = f"{version.model}:{version.version}"
        manifest = self._manifest(look)
        if path not in manifest.paths:
            raise ArtifactNotFoundError(
                f"{subject} holds no {path!r:.80}",
                operation="open",
                subject=subject,
                backend=self._backend,
                why=f"it holds {', '.join(manifest.paths)}",
                hint=near_matches(path, manifest.paths) or "open a path of manifest.paths",
            )
        try:
            stream = self._files.get_artifact(*self._place(look, path))
        except ServerError as exc:
            if not is_missing(exc):
                raise
            self._find.look(version, path)  # perhaps the version is gone too
            raise IntegrityError(
                f"{path!r} of {subject} is missing",
                where=f"backend {self._backend!r}",
                why="the manifest names it, and the server has no such file",
                hint='register the model again with if_exists="new"',
            ) from exc
        if isinstance(stream, io.BytesIO):
            return stream
        told = TellingStream(stream, lambda: telling("open", subject=subject, backend=self._backend))
        return io.BufferedReader(told, _BUFFER)

    def _manifest_bytes(self, look: Look) -> bytes:
        """``package.json`` of a version, as it is stored."""
        if look.version.digest is None:
            return self._manifest(look).to_bytes()
        data = look.version.manifest_bytes
        if not data:
            raise IntegrityError(
                "'package.json' of a version is missing",
                where=self._find.where(look.version),
                why="its tags mlops.manifest are gone",
                hint='register the model again with if_exists="new"',
            )
        return data

    def _manifest(self, look: Look) -> Manifest:
        if look.manifest is None:
            where = self._find.where(look.version)
            if look.version.digest is None:
                look.manifest = self._foreign.manifest(look.version, where=where)
            else:
                look.manifest = look.version.manifest(where=where)
        return look.manifest

    def _place(self, look: Look, path: str) -> tuple[str, str]:
        """Where a file of a version lies: the address of the folder, and the name below it."""
        root = self._roots.root(look.version, where=self._find.where(look.version))
        return root, path if look.version.digest is None else stored_name(path)
