"""What an ``MLmodel`` asks to be trusted is trusted by MLflow, which then runs it, and by nobody here."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from mlops_core.errors import IntegrityError, UntrustedModelError
from mlops_core.models.cache import PackageCache
from mlops_core.models.loading import load_model
from mlops_core.models.trust import TrustPolicy

from tests.contract.harmful_packages import (
    Touch,
    harmless_package,
    package_switched_to_pickle,
    package_that_lists_a_function,
    switched_to_pickle,
)

from .registry_places import Place, place_on
from .with_mlflow import run_with_mlflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def load(place: Place, folder: Path) -> Any:
    cache = PackageCache(folder, 1 << 30)
    return load_model(place.cold(), "churn:1", cache=cache, trust=TrustPolicy()).estimator


def test_an_mlmodel_that_lists_a_function_is_run_by_mlflow_and_refused_here(place: Place, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    place.registry.register("churn", package_that_lists_a_function(trace, tmp_path), operation_id="op")
    with pytest.raises(UntrustedModelError, match=r"subprocess\.getoutput"):
        load(place, tmp_path / "cache")
    assert not trace.exists()
    assert run_with_mlflow(LOAD, place.rest, tmp_path, trace=str(trace)) is True


@pytest.mark.parametrize("switched", ["before it was registered", "afterwards"])
def test_an_mlmodel_that_was_switched_to_pickle_is_run_by_mlflow_and_not_here(
    place: Place, tmp_path: Path, switched: str
) -> None:
    trace = tmp_path / "trace"
    package = harmless_package(tmp_path / "package")
    if switched == "afterwards":
        place.registry.register("churn", package, operation_id="op")
        description = place.back_door.read("churn", 1, "MLmodel")
        for path, data in switched_to_pickle(description, trace).items():
            place.back_door.add("churn", 1, path, data)
        with pytest.raises(IntegrityError, match="MLmodel"):
            load(place, tmp_path / "cache")
    else:
        place.registry.register("churn", package_switched_to_pickle(package, trace), operation_id="op")
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
