"""Versions that were registered with MLflow alone: a manifest is made when they are read.

Nobody has said what their files were when they were registered. So their sizes and SHA-256 are those of this moment:
they show what changes from now on, and nothing of what was changed before.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any, Final, cast

from mlops_core.errors import IntegrityError
from mlops_core.manifest import MANIFEST_FILE, Manifest, PackageFile

from adapter_mlflow.redaction import without_secrets_of_addresses
from adapter_mlflow.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapter_mlflow._artifact_entry import ArtifactEntry
    from adapter_mlflow._client import MlflowRestClient
    from adapter_mlflow.version_documents import StoredVersion
    from adapter_mlflow.version_roots import VersionRoots

_log = logging.getLogger(__name__)

MADE_AT_READING: Final = "manifest_made_at_reading"
"""The parameter by which such a manifest can be told: nothing vouches for what the files were before."""
_MLMODEL: Final = "MLmodel"
_REQUIREMENTS: Final = "requirements.txt"
_CHUNK: Final = 1 << 20
_LONGEST_TEXT: Final = 16 << 20
_REMEMBERED: Final = 256
_PICKLES: Final = frozenset({"pickle", "cloudpickle"})


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
        root = self._roots.root(version, where=where)
        paths = sorted(each.path for each in self._listed(root, ""))
        if MANIFEST_FILE in paths:  # one of our packages, registered with MLflow's own tools
            return Manifest.from_bytes(self._text(root, MANIFEST_FILE, where), where=where)
        if _MLMODEL not in paths:
            why = f"there is no {_MLMODEL} below {without_secrets_of_addresses(root)}"
            hint = "register a folder that mlflow.<flavor>.save_model has written"
            raise IntegrityError("the version holds no model", where=where, why=why, hint=hint)
        description = _description(self._text(root, _MLMODEL, where), where)
        requirements = self._text(root, _REQUIREMENTS, where) if _REQUIREMENTS in paths else b""
        _log.warning("%s was registered without a manifest: what its files were then cannot be verified", where)
        framework, model_file, serializer = _model_of(description, paths)
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


def _description(data: bytes, where: str) -> Mapping[str, Any]:
    import yaml

    try:
        flavors = dict(yaml.safe_load(data)["flavors"])
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError) as exc:
        why = f"{type(exc).__name__}: {exc}"
        raise IntegrityError(f"{_MLMODEL!r} describes no model", where=where, why=why[:300]) from exc
    return cast("dict[str, Any]", flavors)


def _model_of(flavors: Mapping[str, Any], paths: list[str]) -> tuple[str, str, str]:
    """Framework, model file and serializer; what this library cannot load is told by a serializer it does not know."""
    sklearn = flavors.get("sklearn")
    if isinstance(sklearn, dict):
        described = cast("dict[str, object]", sklearn)
        file, form = str(described.get("pickled_model")), str(described.get("serialization_format"))
        if file in paths:
            return "sklearn", file, "pickle" if form in _PICKLES else form
    named = sorted(str(each) for each in flavors if each != "python_function")
    framework = named[0] if named else "python_function"
    return framework, _MLMODEL, f"mlflow.{framework}"
