"""Packages that run code in the hands of whoever believes their ``MLmodel``."""

from __future__ import annotations

import hashlib
import itertools
import json
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_core.manifest import Manifest, PackageFile
from mlops_core.models.mlmodel import ModelFile, environment_files
from mlops_core.models.package import write_package
from mlops_core.testing.packages import MemoryPackage
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.manifest import FolderPackage


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def package_that_lists_a_function(trace: Path, folder: Path) -> MemoryPackage:
    """A package whose model is the result of a command, and whose ``MLmodel`` wants that trusted.

    Args:
        trace: The file that the command makes.
        folder: Where to write.
    """
    data = _archive_that_runs(f"touch {trace}", folder)
    listed = ["subprocess.getoutput"]
    described = ModelFile(data=data, serializer="skops", untrusted_types=listed, sklearn_version="1.9.1")
    files = {"model.skops": data, **environment_files(described, None, [])}
    assert b"subprocess.getoutput" in files["MLmodel"]
    return MemoryPackage(manifest=_manifest(files), files=files)


def harmless_package(folder: Path) -> FolderPackage:
    """A package of ours, with a model that tells 0 from 1."""
    model: Any = LogisticRegression()
    return write_package(model.fit([[0.0], [1.0]], [0, 1]), folder)


def switched_to_pickle(description: bytes, trace: Path) -> dict[str, bytes]:
    """An ``MLmodel`` that names a pickle instead, and that pickle, which makes a file."""
    switched = json.loads(description)
    switched["flavors"]["sklearn"] |= {"serialization_format": "pickle", "pickled_model": "model.pkl"}
    switched["flavors"]["python_function"]["model_path"] = "model.pkl"
    return {"MLmodel": json.dumps(switched).encode(), "model.pkl": pickle.dumps(Touch(trace))}


def package_switched_to_pickle(package: FolderPackage, trace: Path) -> MemoryPackage:
    """The same package, switched by somebody who can also write its manifest."""
    files: dict[str, bytes] = {}
    for each in package.manifest.files:
        with package.open(each.path) as stream:
            files[each.path] = stream.read()
    files |= switched_to_pickle(files["MLmodel"], trace)
    return MemoryPackage(manifest=_manifest(files), files=files)


def _manifest(files: Mapping[str, bytes]) -> Manifest:
    entries = tuple(
        PackageFile(path=path, size=len(each), sha256=hashlib.sha256(each).hexdigest())
        for path, each in sorted(files.items())
    )
    return Manifest(framework="sklearn", model_file="model.skops", serializer="skops", files=entries)


def _archive_that_runs(command: str, folder: Path) -> bytes:
    """A skops file of which a part is the result of a command."""
    numbers = itertools.count()

    def node(loader: str, module: str, kind: str, **rest: object) -> dict[str, object]:
        return {"__loader__": loader, "__module__": module, "__class__": kind, "__id__": next(numbers), **rest}

    text = node("JsonNode", "builtins", "str", content=json.dumps(command), is_json=True)
    arguments = node("TupleNode", "builtins", "tuple", content=[text])
    schema = node("ConstructorFromReduceNode", "subprocess", "getoutput", content=arguments)
    path = folder / "model.skops"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("schema.json", json.dumps({**schema, "protocol": 2, "_skops_version": "0.16.0"}))
    return path.read_bytes()
