"""Writes a fitted model as a package: a folder that every registry stores as it is."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from typing import TYPE_CHECKING, Any, Final, cast

from mlops_core.durable_files import sync_folder, write_durably
from mlops_core.errors import ConfigurationError
from mlops_core.json_values import plain, to_json_value
from mlops_core.manifest import MANIFEST_FILE, FolderPackage, Manifest, PackageFile
from mlops_core.models.mlmodel import ModelFile, environment_files
from mlops_core.models.requirements import installed_version, pinned_requirements
from mlops_core.models.serializers import MODEL_FILES, serialize, serializer_named, untrusted_types
from mlops_core.models.skops_schema import read_contents

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_core.json_values import JsonValue
    from mlops_core.models.serializers import SerializerName
    from mlops_core.signature import Signature

_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")


def write_package(
    model: object,
    folder: Path,
    /,
    *,
    signature: Signature | None = None,
    dataset_digest: str | None = None,
    serializer: str | None = None,
) -> FolderPackage:
    """Write a package. The same fitted model gives the same bytes, and so the same digest, in any process.

    ``package.json`` is written last and every file is synced, so that a folder with a manifest is a whole package.

    Args:
        model: The fitted model, such as a scikit-learn estimator.
        folder: Where to write; absent or empty. Left as it was found if writing fails.
        signature: The columns that the model was trained on, from its dataset.
        dataset_digest: Digest of the training dataset.
        serializer: ``"skops"`` (the default), or ``"pickle"``, which whoever loads it must allow explicitly.

    Raises:
        ConfigurationError: The folder is not empty, there is no such serializer, or it cannot write this model.
        AdapterNotFoundError: The serializer's library is not installed.
        OSError: The disk is full, or the folder cannot be written.
    """
    chosen = serializer_named(serializer)
    if folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(
            "the folder for the package is not empty", where=str(folder), hint="name a new folder, or empty this one"
        )
    data = serialize(model, chosen)
    requirements = pinned_requirements(_modules(model, data, chosen))
    description = ModelFile(
        data=data,
        serializer=chosen,
        untrusted_types=untrusted_types(data) if chosen == "skops" else (),
        sklearn_version=installed_version("scikit-learn"),
    )
    files = {MODEL_FILES[chosen]: data, **environment_files(description, signature, requirements)}
    manifest = Manifest(
        framework="sklearn" if _is_sklearn(model) else "python",
        model_file=MODEL_FILES[chosen],
        serializer=chosen,
        files=tuple(
            PackageFile(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())
            for path, content in sorted(files.items())
        ),
        signature=signature,
        parameters=_parameters(model),
        dataset_digest=dataset_digest,
        requirements=requirements,
    )
    _write(folder, {**files, MANIFEST_FILE: manifest.to_bytes()})
    return FolderPackage(folder, manifest)


def _modules(model: object, data: bytes, serializer: SerializerName) -> set[str]:
    if serializer == "pickle":
        return {"numpy", "scipy", "sklearn", type(model).__module__.partition(".")[0]}
    return {"numpy", "scipy", "sklearn", "skops", *read_contents(data, where=MODEL_FILES[serializer]).modules}


def _is_sklearn(model: object) -> bool:
    base = sys.modules.get("sklearn.base")
    return base is not None and isinstance(model, cast("type[object]", base.BaseEstimator))


def _parameters(model: object) -> Mapping[str, JsonValue]:
    get_params: Any = getattr(model, "get_params", None)
    if not callable(get_params):
        return {}
    value = to_json_value(get_params(deep=False))
    # the repr of a function holds its address, which differs between processes
    text = _ADDRESS.sub("", json.dumps(plain(value)))
    return cast("Mapping[str, JsonValue]", json.loads(text))


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for path, content in files.items():
            write_durably(folder / path, [content])
        sync_folder(folder)
    except BaseException:
        for path in files:
            (folder / path).unlink(missing_ok=True)
        if not existed:
            folder.rmdir()
        raise
