"""From a fitted model to a version and back through a session; what cannot be stored is refused before any write."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.errors import ConfigurationError, InvalidNameError, UntrustedModelError
from mlops_core.operations.register import as_metrics, register_model
from mlops_core.sessions import Session
from mlops_core.settings import BackendSettings, CacheSettings, Settings, TrustSettings
from mlops_core.signature import FeatureColumn, Signature
from sklearn.linear_model import LogisticRegression

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_core.ports.model_registry import ModelRegistry

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
COLUMNS = tuple(FeatureColumn(name=name, dtype="float64", feature=name) for name in ("a", "b"))
SIGNATURE = Signature(features=COLUMNS, label="late", label_dtype="int64")


@dataclass(frozen=True)
class TrainedOn:
    signature: Signature = SIGNATURE
    digest: str = "d" * 64

    def __len__(self) -> int:  # a dataset that is falsy is a dataset
        return 0


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    return cast("Any", LogisticRegression()).fit(ROWS, [0, 0, 1, 1])


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    backends = {"home": BackendSettings(adapter="local", options={"path": "store"})}
    with Session(Settings(backends=backends, base=tmp_path, cache=CacheSettings(path=tmp_path / "cache"))) as opened:
        yield opened


def test_a_registered_model_loads_and_predicts_the_same(session: Session, model: LogisticRegression) -> None:
    import polars as pl

    metrics = {"auc": np.float32(0.5), "ok": np.bool_(1), "rows": 4}
    version = session.register("late-flight", model, dataset=TrainedOn(), metrics=metrics, tags={"team": "ops"})
    assert (version.version, version.reused) == (1, False)
    assert version.metrics == {"auc": 0.5, "ok": 1.0, "rows": 4.0}
    assert all(type(value) is float for value in version.metrics.values())
    assert version.manifest.dataset_digest == "d" * 64
    assert version.tags == {"team": "ops"}

    session.model_registry.set_alias("late-flight", "champion", 1)
    loaded = session.load("late-flight@champion")
    assert loaded.signature == SIGNATURE
    answer = loaded.predictions(pl.DataFrame(ROWS, schema=["a", "b"]))
    expected = cast("Any", model).predict_proba(ROWS)[:, 1]
    assert answer["probability"].to_list() == expected.tolist()


def test_the_same_model_again_gives_back_the_version(session: Session, model: LogisticRegression) -> None:
    first = session.register("late-flight", model)
    again = session.register("late-flight", model)
    assert (again.version, again.reused) == (first.version, True)
    assert session.register("late-flight", model, if_exists="new").version > first.version


def test_what_a_version_that_was_there_does_not_take_over_is_told(
    session: Session, model: LogisticRegression, caplog: pytest.LogCaptureFixture
) -> None:
    session.register("late-flight", model, metrics={"auc": 0.5, "loss": float("nan")}, tags={"team": "ops"}, run="a")
    session.register("late-flight", model, metrics={"loss": float("nan")}, tags={"team": "ops"}, run="a")
    session.register("late-flight", model)
    assert not caplog.records
    session.register("late-flight", model, metrics={"auc": 0.6}, tags={"team": "risk"}, run="b", commit="c")
    (told,) = caplog.messages
    assert "late-flight:1 holds the same model" in told
    assert "tags and metrics and run and commit" in told


@pytest.mark.parametrize("dataset", [[[1.0]], np.array([[1.0]]), "table.parquet"])
def test_a_table_is_no_dataset_and_the_error_says_what_is(
    session: Session, model: LogisticRegression, dataset: Any
) -> None:
    with pytest.raises(ConfigurationError, match="DatasetBuilder"):
        session.register("late-flight", model, dataset=dataset)
    assert not list(session.model_registry.models())


def test_a_pickle_is_written_and_loaded_by_explicit_choice_only(session: Session, model: LogisticRegression) -> None:
    session.register("late-flight", model, serializer="pickle")
    with pytest.raises(UntrustedModelError):
        _ = session.load("late-flight").estimator
    assert session.load("late-flight", allow_unsafe=True).estimator is not None


def test_the_trust_of_the_settings_reaches_the_loader(session: Session, model: LogisticRegression) -> None:
    session.register("late-flight", model)
    base = session.settings
    wrong = Settings(backends=base.backends, base=base.base, trust=TrustSettings(types=("not a type",)))
    with Session(wrong) as other, pytest.raises(ConfigurationError, match="'not a type'"):
        other.load("late-flight")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Late Flight", {}),
        ("late-flight", {"tags": {"mlops.x": "y"}}),
        ("late-flight", {"tags": {"x": 3}}),
        ("late-flight", {"tags": {"x": None}}),
        ("late-flight", {"run": b"x"}),
        ("late-flight", {"commit": 3}),
        ("late-flight", {"operation_id": 3}),
        ("late-flight", {"metrics": {"auc": "0.8"}}),
        ("late-flight", {"metrics": {"": 0.8}}),
    ],
)
def test_what_cannot_be_stored_is_refused_before_anything_is_written(name: str, arguments: dict[str, Any]) -> None:
    unusable = cast("ModelRegistry", object())  # neither the model nor the registry is touched
    with pytest.raises(InvalidNameError):
        register_model(unusable, name, object(), **arguments)


@pytest.mark.parametrize(
    "value",
    ["0.8", b"1", None, 1j, [1.0], np.array([1.0]), np.array("x"), np.str_("1"), 10**400, object()],
)
def test_a_metric_is_one_number(value: object) -> None:
    with pytest.raises(InvalidNameError, match="'auc'"):
        as_metrics({"auc": value})


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (True, 1.0),
        (np.bool_(0), 0.0),
        (np.int8(3), 3.0),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 4), 0.25),
        (np.array(2), 2),
    ],
)
def test_numbers_of_every_kind_become_floats(value: object, number: float) -> None:
    found = as_metrics({"auc": value})["auc"]
    assert type(found) is float
    assert found == number


@given(st.floats() | st.integers(-(2**53), 2**53))
def test_plain_numbers_are_kept_exactly(value: float) -> None:
    assert repr(as_metrics({"x": value})["x"]) == repr(float(value))
