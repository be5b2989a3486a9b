"""Versions that were registered with MLflow alone: a manifest is made when they are read.

Nobody has said what their files were when they were registered. So their sizes and SHA-256 are those of this moment:
they show what changes from now on, and nothing of what was changed before. A ``package.json`` among them is believed,
and may have been changed with them.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Final

from mlops_core.errors import IntegrityError
from mlops_core.manifest import MANIFEST_FILE, Manifest, PackageFile

from adapter_mlflow.redaction import without_secrets_of_addresses
from adapter_mlflow.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter_mlflow._artifact_entry import ArtifactEntry
    from adapter_mlflow._client import MlflowRestClient
    from adapter_mlflow.version_documents import StoredVersion
    from adapter_mlflow.version_roots import VersionRoots

_log = logging.getLogger(__name__)

MADE_AT_READING: Final = "manifest_made_at_reading"
"""The parameter by which such a manifest can be told: nothing vouches for what the files were before."""
_REQUIREMENTS: Final = "requirements.txt"
_CHUNK: Final = 1 << 20
_LONGEST_TEXT: Final = 16 << 20
_REMEMBERED: Final = 256


class ForeignVersions:
    """Makes and remembers the manifests of versions without one. It may be used from several threads.

    The first time costs a request for each folder and each file, and reads all of them.

    Args:
        roots: Where the files of versions lie.
        files: Requests about files.
    """

    def __init__(self, roots: VersionRoots, files: MlflowRestClient) -> None:
        self._roots = roots
        self._files = files
        self._known = Remembered[tuple[object, ...], Manifest](_REMEMBERED)

    def manifest(self, version: StoredVersion, *, where: str) -> Manifest:
        """What a version holds, as far as its files tell.

        Raises:
            IntegrityError: They are no model of MLflow's.
            MlflowError: They cannot be read.
        """
        key = (version.model, version.number, version.source, version.created_at)
        return self._known.get(key) or self._known.put(key, self._made(version, where))

    def _made(self, version: StoredVersion, where: str) -> Manifest:
        from adapter_mlflow.foreign_mlmodel import MLMODEL, flavors_of, model_of

        root = self._roots.root(version, where=where)
        paths = sorted(each.path for each in self._listed(root, ""))
        _log.warning("%s was registered without a record: what its files were then cannot be verified", where)
        if MANIFEST_FILE in paths:  # one of our packages, registered with MLflow's own tools
            return Manifest.from_bytes(self._text(root, MANIFEST_FILE, where), where=where)
        if MLMODEL not in paths:
            why = f"there is no {MLMODEL} below {without_secrets_of_addresses(root)}"
            hint = "register a folder that mlflow.<flavor>.save_model has written"
            raise IntegrityError("the version holds no model", where=where, why=why, hint=hint)
        flavors = flavors_of(self._text(root, MLMODEL, where), where=where)
        requirements = self._text(root, _REQUIREMENTS, where) if _REQUIREMENTS in paths else b""
        framework, model_file, serializer = model_of(flavors, paths)
        made = Manifest(
            framework=framework,
            model_file=model_file,
            serializer=serializer,
            files=tuple(self._measured(root, path) for path in paths),
            parameters={MADE_AT_READING: True},
            requirements=tuple(each for each in requirements.decode(errors="replace").splitlines() if each.strip()),
        )
        return Manifest.from_bytes(made.to_bytes(), where=where)

    def _listed(self, root: str, folder: str) -> Iterator[ArtifactEntry]:
        for entry in self._files.list_artifacts(root, folder):
            if entry.is_folder:
                yield from self._listed(root, entry.path)
            else:
                yield entry

    def _measured(self, root: str, path: str) -> PackageFile:
        digest, size = hashlib.sha256(), 0
        with self._files.get_artifact(root, path) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
        return PackageFile(path=path, size=size, sha256=digest.hexdigest())

    def _text(self, root: str, path: str, where: str) -> bytes:
        with self._files.get_artifact(root, path) as stream:
            data = stream.read(_LONGEST_TEXT + 1)
        if len(data) > _LONGEST_TEXT:
            raise IntegrityError(f"{path!r} is too large to be read", where=where, why=f"over {_LONGEST_TEXT:,} bytes")
        return data
