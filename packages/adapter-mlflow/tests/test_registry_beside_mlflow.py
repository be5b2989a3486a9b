"""Models of ours in MLflow's hands, MLflow's models in ours, and prompts, which nobody here touches."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from adapter_mlflow.foreign_versions import MADE_AT_READING
from adapter_mlflow.package_homes import SECONDS
from mlops_core.errors import (
    ArtifactNotFoundError,
    ConflictError,
    IntegrityError,
    ModelNotFoundError,
    UntrustedModelError,
    VersionNotFoundError,
)
from mlops_core.models.cache import PackageCache
from mlops_core.models.loading import load_model
from mlops_core.models.package import write_package
from mlops_core.models.trust import TrustPolicy
from mlops_core.signature import FeatureColumn, Signature
from mlops_core.stores.conditional_writes import Retries
from mlops_core.testing import make_package
from sklearn.linear_model import LogisticRegression

from .registry_places import Place, by_hand, place_on
from .with_mlflow import run_with_mlflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adapter_mlflow import MlflowModelRegistry
    from mlops_core.models.loading import LoadedModel

    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket
_RANDOM = np.random.default_rng(5)
TABLE: Any = pd.DataFrame({"distance": _RANDOM.uniform(size=50), "hour": _RANDOM.uniform(size=50)})
_UNFITTED: Any = LogisticRegression()
FITTED: Any = _UNFITTED.fit(TABLE, TABLE["distance"] + TABLE["hour"] > 1)
COLUMNS = tuple(FeatureColumn(name=name, dtype="float64", feature=name) for name in ("distance", "hour"))

LOAD = """
table = pandas.DataFrame(given["table"])
model = mlflow.pyfunc.load_model("models:/late-flight@champion")
try:
    refused = None
    model.predict(table.drop(columns="hour"))
except mlflow.exceptions.MlflowException as exc:
    refused = str(exc)
client = mlflow.MlflowClient()
version = client.get_model_version_by_alias("late-flight", "champion")
run = client.get_run(version.run_id)
answer = {
    "pyfunc": model.predict(table).tolist(),
    "sklearn": mlflow.sklearn.load_model("models:/late-flight@champion").predict_proba(table)[:, 1].tolist(),
    "refused": refused,
    "version": [version.version, dict(version.tags)["team"]],
    "run": [dict(run.data.params), dict(run.data.metrics)],
}
"""
LOG = """
from sklearn.linear_model import LogisticRegression
table = pandas.DataFrame(given["table"])
fitted = LogisticRegression().fit(table, given["late"])
mlflow.set_experiment("by MLflow")
for form in ("skops", "pickle"):
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            fitted,
            name="model",
            registered_model_name=f"Fraud Model, {form}",
            pip_requirements=["scikit-learn"],
            serialization_format=form,
            input_example=table.head(2) if form == "skops" else None,
        )
    mlflow.MlflowClient().set_registered_model_alias(f"Fraud Model, {form}", "Champion", "1")
answer = fitted.predict_proba(table)[:, 1].tolist()
"""


@pytest.fixture
def place(mlflow_on_sqlite: MlflowServer) -> Iterator[Place]:
    with place_on(mlflow_on_sqlite) as made:
        yield made


def loaded(registry: MlflowModelRegistry, reference: str, folder: Path, *, allow_unsafe: bool = False) -> LoadedModel:
    cache = PackageCache(folder, 1 << 30)
    return load_model(registry, reference, cache=cache, trust=TrustPolicy(), allow_unsafe=allow_unsafe)


def near(values: Any) -> Any:
    """The same numbers: in another process, of another layout of the table, a last bit may differ."""
    return pytest.approx(np.asarray(values).tolist(), rel=1e-12)


def test_mlflow_loads_what_we_have_registered_and_enforces_its_signature(place: Place, tmp_path: Path) -> None:
    package = write_package(FITTED, tmp_path / "package", signature=Signature(features=COLUMNS))
    with place.ports.tracker.start_run("late-flight") as run:
        run.log_params({"C": 1.0})
        run.log_metrics({"auc": 0.75})
        place.registry.register(
            "late-flight", package, operation_id="op", tags={"team": "risk"}, run=run.id, metrics={"auc": 0.75}
        )
    place.registry.set_alias("late-flight", "champion", 1)
    seen = run_with_mlflow(LOAD, place.rest, tmp_path, table=TABLE.to_dict("list"))
    assert seen["pyfunc"] == FITTED.predict(TABLE).tolist()
    assert seen["sklearn"] == near(FITTED.predict_proba(TABLE)[:, 1])
    assert "hour" in seen["refused"]
    assert seen["version"] == ["1", "risk"]
    assert seen["run"] == [{"C": "1.0"}, {"auc": 0.75}]


def test_what_was_registered_with_mlflow_alone_is_listed_resolved_and_loaded(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    late = (TABLE["distance"] + TABLE["hour"] > 1).tolist()
    expected = run_with_mlflow(LOG, place.rest, tmp_path, table=TABLE.to_dict("list"), late=late)
    registry = place.registry
    assert [(each.name, dict(each.aliases)) for each in registry.models()] == [
        ("Fraud Model, pickle", {"Champion": 1}),
        ("Fraud Model, skops", {"Champion": 1}),
    ]
    with caplog.at_level(logging.WARNING):
        pinned = registry.resolve("Fraud Model, skops", "Champion")
    assert "cannot be verified" in caplog.text
    assert place.count(lambda: registry.resolve("Fraud Model, skops", "Champion")) == 1
    (record,) = registry.versions("Fraud Model, skops")
    assert (record.digest, record.aliases, record.operation_id) == (pinned.digest, ("Champion",), "")
    assert record.manifest.parameters == {MADE_AT_READING: True}
    assert (record.manifest.framework, record.manifest.serializer) == ("sklearn", "skops")
    assert "scikit-learn" in record.manifest.requirements
    assert record.run is not None
    assert place.cold().latest("Fraud Model, skops") == pinned
    model = loaded(registry, "Fraud Model, skops@Champion", tmp_path / "cache")
    assert model.predict_proba(TABLE)[:, 1].tolist() == near(expected)

    with pytest.raises(UntrustedModelError):
        _ = loaded(registry, "Fraud Model, pickle@Champion", tmp_path / "cache").estimator
    pickled = loaded(registry, "Fraud Model, pickle@Champion", tmp_path / "cache", allow_unsafe=True)
    assert pickled.predict_proba(TABLE)[:, 1].tolist() == near(expected)

    registry.set_alias("Fraud Model, skops", "trusted", 1)
    registry.set_tags("Fraud Model, skops", 1, {"seen": "yes"})
    assert registry.get("Fraud Model, skops", 1).tags == {"seen": "yes"}

    (file,) = place.rest.server.artifacts.glob(f"workspaces/{place.rest.workspace}/**/model.skops")
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(IntegrityError):  # this instance has seen what it was
        loaded(registry, "Fraud Model, skops:1", tmp_path / "another")
    registry.delete_version("Fraud Model, skops", 1)
    registry.delete_model("Fraud Model, skops")
    assert [each.name for each in registry.models()] == ["Fraud Model, pickle"]


class TestOddVersions:
    """Versions that MLflow's own tools can make."""

    def test_a_package_of_ours_that_was_registered_by_hand_is_read_by_its_manifest(self, place: Place) -> None:
        package = make_package("by hand")
        source = by_hand(place, {**package.files, "package.json": package.manifest.to_bytes(), "extra.txt": b"x"})
        assert source
        record = place.registry.get("by-hand", 1)
        assert (record.manifest, record.digest) == (package.manifest, package.manifest.digest)
        with place.registry.open(record, "model.bin") as stream:
            assert stream.read() == b"by hand"
        with pytest.raises(ArtifactNotFoundError):
            place.registry.open(record, "extra.txt")

    def test_nothing_vouches_for_the_manifest_of_such_a_package(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        package, other = make_package("by hand"), make_package("of somebody else")
        source = by_hand(place, {**package.files, "package.json": package.manifest.to_bytes()})
        with caplog.at_level(logging.WARNING):
            record = place.registry.get("by-hand", 1)
        assert [each.getMessage() for each in caplog.records if "by-hand:1" in each.getMessage()]
        assert "cannot be verified" in caplog.text
        for path, data in {**other.files, "package.json": other.manifest.to_bytes()}.items():
            (place.rest.folder(source) / path).write_bytes(data)
        with pytest.raises(VersionNotFoundError, match="another package"):
            place.cold().open(record, "model.bin")
        assert place.cold().get("by-hand", 1).digest == other.manifest.digest, "MLflow keeps no digest of it"

    @pytest.mark.parametrize("files", [{}, {"model.pkl": b"x"}, {"MLmodel": b": : :"}, {"MLmodel": b"flavors: 5"}])
    def test_what_is_no_model_is_an_error_that_says_so(self, place: Place, files: dict[str, bytes]) -> None:
        by_hand(place, files)
        for read in (lambda: place.registry.get("by-hand", 1), lambda: place.registry.latest("by-hand")):
            with pytest.raises(IntegrityError, match="by-hand:1"):
                read()

    def test_a_model_of_another_kind_is_described_and_not_loaded(self, place: Place, tmp_path: Path) -> None:
        by_hand(place, {"MLmodel": b"flavors:\n  python_function: {}\n  keras: {}\n", "data/model.keras": b"x"})
        record = place.registry.get("by-hand", 1)
        assert (record.manifest.framework, record.manifest.serializer) == ("keras", "mlflow.keras")
        with pytest.raises(Exception, match=r"no serializer is called 'mlflow\.keras'"):
            _ = loaded(place.registry, "by-hand:1", tmp_path).estimator

    @pytest.mark.parametrize("tag", ["mlops.digest", "mlops.manifest", "mlops.metrics", "mlops.origin"])
    def test_a_record_that_somebody_has_changed_is_no_record(self, place: Place, tag: str) -> None:
        place.registry.register("churn", make_package("a"), operation_id="op", metrics={"auc": 0.5})
        place.rest.tell("model-versions/set-tag", name="churn", version="1", key=tag, value="changed")
        with pytest.raises(IntegrityError):
            place.cold().get("churn", 1)

    @pytest.mark.parametrize("name", ["it's", 'say "hi"', 'it\'s "both"', "100%", "a_b", "back\\slash", " Größe\n"])
    def test_any_name_that_mlflow_takes_is_managed(self, place: Place, name: str) -> None:
        package = make_package("a")
        place.back_door.make_model("a-b", package)
        files = {**package.files, "package.json": package.manifest.to_bytes()}
        by_hand(place, files, name)
        registry = place.registry
        registry.set_alias(name, "champion", 1)
        assert registry.resolve(name, "champion") == registry.latest(name)
        (record,) = registry.versions(name)
        assert (record.model, record.aliases) == (name, ("champion",))
        registry.delete_model(name, force=True)
        assert [each.name for each in registry.models()] == ["a-b"]


class TestPrompts:
    """Prompts share the names of models, and most requests of MLflow's registry do not mind."""

    @pytest.fixture
    def prompt(self, place: Place) -> dict[str, Any]:
        return self.make_prompt(place)

    @staticmethod
    def make_prompt(place: Place) -> dict[str, Any]:
        is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
        place.rest.tell("registered-models/create", name="greeting", tags=[is_prompt])
        tags = [is_prompt, {"key": "mlflow.prompt.text", "value": "Hello {{name}}"}]
        place.rest.tell("model-versions/create", name="greeting", source="dummy-source", tags=tags)
        place.rest.tell("registered-models/alias", name="greeting", alias="live", version="1")
        return place.rest.ask("registered-models/get", name="greeting")

    def test_they_are_not_there_for_us_and_stay_as_they_are(self, place: Place, prompt: dict[str, Any]) -> None:
        calls: tuple[Callable[[MlflowModelRegistry], object], ...] = (
            lambda each: each.get("greeting", 1),
            lambda each: each.resolve("greeting", "live"),
            lambda each: each.latest("greeting"),
            lambda each: next(each.versions("greeting")),
            lambda each: each.set_alias("greeting", "live", 1),
            lambda each: each.delete_alias("greeting", "live"),
            lambda each: each.set_tags("greeting", 1, {"team": "risk"}),
            lambda each: each.delete_version("greeting", 1),
        )
        for registry in (place.registry, place.cold()):
            for call in calls:
                with pytest.raises(ModelNotFoundError):
                    call(registry)
            registry.delete_model("greeting", force=True)
            with pytest.raises(ConflictError, match="prompt"):
                registry.register("greeting", make_package("a"), operation_id="op")
            assert list(registry.models()) == []
        assert place.rest.ask("registered-models/get", name="greeting") == prompt

    def test_one_in_the_place_of_a_model_is_met_after_some_minutes(self, place: Place) -> None:
        seconds = 0.0
        registry = place.another(retries=Retries(clock=lambda: seconds)).registry
        registry.register("greeting", make_package("a"), operation_id="op")
        place.rest.drop("registered-models/delete", name="greeting")
        prompt = self.make_prompt(place)
        seconds = SECONDS + 1
        with pytest.raises(ConflictError, match="prompt"):
            registry.register("greeting", make_package("b"), operation_id="op-2", if_exists="new")
        with pytest.raises(ModelNotFoundError, match="prompt"):
            registry.set_alias("greeting", "champion", 1)
        with pytest.raises(ModelNotFoundError, match="prompt"):
            registry.delete_alias("greeting", "live")
        assert place.rest.ask("registered-models/get", name="greeting") == prompt

    def test_a_model_may_be_called_one(self, place: Place) -> None:
        for registry in (place.registry, place.cold()):
            registry.register("prompt-ranker", make_package("a"), operation_id="op")
        assert [each.version for each in place.registry.versions("prompt-ranker")] == [1]
