"""What an ``MLmodel`` asks to be trusted is trusted by MLflow, which then runs it, and by nobody here."""

from __future__ import annotations

import hashlib
import itertools
import json
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlops_core.errors import IntegrityError, UntrustedModelError
from mlops_core.manifest import Manifest, PackageFile
from mlops_core.models.cache import PackageCache
from mlops_core.models.loading import load_model
from mlops_core.models.mlmodel import ModelFile, environment_files
from mlops_core.models.package import write_package
from mlops_core.models.trust import TrustPolicy
from mlops_core.testing.packages import MemoryPackage
from sklearn.linear_model import LogisticRegression

from .registry_places import Place, place_on
from .with_mlflow import run_with_mlflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket
LOAD = """
try:
    mlflow.sklearn.load_model("models:/churn/1")
except Exception:
    pass  # what was to happen has happened
answer = os.path.exists(given["trace"])
"""


@pytest.fixture
def place(mlflow_on_sqlite: MlflowServer) -> Iterator[Place]:
    with place_on(mlflow_on_sqlite) as made:
        yield made


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def archive_that_runs(command: str, folder: Path) -> bytes:
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


def load(place: Place, folder: Path) -> Any:
    cache = PackageCache(folder, 1 << 30)
    return load_model(place.cold(), "churn:1", cache=cache, trust=TrustPolicy()).estimator


def test_an_mlmodel_that_lists_a_function_is_run_by_mlflow_and_refused_here(place: Place, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    data = archive_that_runs(f"touch {trace}", tmp_path)
    described = ModelFile(
        data=data, serializer="skops", untrusted_types=["subprocess.getoutput"], sklearn_version="1.9.1"
    )
    files = {"model.skops": data, **environment_files(described, None, [])}
    assert b"subprocess.getoutput" in files["MLmodel"]
    entries = tuple(
        PackageFile(path=path, size=len(each), sha256=hashlib.sha256(each).hexdigest())
        for path, each in sorted(files.items())
    )
    manifest = Manifest(framework="sklearn", model_file="model.skops", serializer="skops", files=entries)
    place.registry.register("churn", MemoryPackage(manifest=manifest, files=files), operation_id="op")
    with pytest.raises(UntrustedModelError, match=r"subprocess\.getoutput"):
        load(place, tmp_path / "cache")
    assert not trace.exists()
    assert run_with_mlflow(LOAD, place.rest, tmp_path, trace=str(trace)) is True


def test_an_mlmodel_that_was_switched_to_pickle_is_run_by_mlflow_and_refused_here(place: Place, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    model: Any = LogisticRegression()
    package = write_package(model.fit([[0.0], [1.0]], [0, 1]), tmp_path / "package")
    place.registry.register("churn", package, operation_id="op")
    (description,) = place.rest.server.artifacts.glob(f"workspaces/{place.rest.workspace}/**/MLmodel")
    switched = json.loads(description.read_bytes())
    switched["flavors"]["sklearn"] |= {"serialization_format": "pickle", "pickled_model": "model.pkl"}
    switched["flavors"]["python_function"]["model_path"] = "model.pkl"
    description.write_text(json.dumps(switched))
    (description.parent / "model.pkl").write_bytes(pickle.dumps(Touch(trace)))
    with pytest.raises(IntegrityError, match="MLmodel"):
        load(place, tmp_path / "cache")
    assert not trace.exists()
    assert run_with_mlflow(LOAD, place.rest, tmp_path, trace=str(trace)) is True


@pytest.mark.parametrize("form", ["pickle", "cloudpickle"])
def test_a_pickle_of_somebody_else_is_refused(place: Place, tmp_path: Path, form: str) -> None:
    trace = tmp_path / "trace"
    flavor = {"pickled_model": "model.pkl", "serialization_format": form}
    folder_of = place.rest.tell("experiments/create", name="by hand")["experiment_id"]
    run = place.rest.tell("runs/create", experiment_id=folder_of)["run"]["info"]
    folder = place.rest.folder(run["artifact_uri"])
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text(json.dumps({"flavors": {"sklearn": flavor}}))
    (folder / "model.pkl").write_bytes(pickle.dumps(Touch(trace)))
    place.rest.tell("registered-models/create", name="churn")
    place.rest.tell("model-versions/create", name="churn", source=run["artifact_uri"], run_id=run["run_id"])
    with pytest.raises(UntrustedModelError, match="pickle"):
        load(place, tmp_path / "cache")
    assert not trace.exists()
