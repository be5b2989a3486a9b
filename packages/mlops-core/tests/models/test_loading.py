from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlops_core.errors import (
    AliasNotFoundError,
    IntegrityError,
    SignatureMismatchError,
    UnsupportedOperationError,
    UntrustedModelError,
)
from mlops_core.models import LoadedModel, PackageCache, TrustPolicy, load_model, load_package, write_package
from mlops_core.ports.model_registry import PinnedVersion
from mlops_core.signature import FeatureColumn, Signature
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from .shelf import Shelf

RANDOM = np.random.default_rng(3)
ROWS = 80
TABLE = pl.DataFrame(
    {
        "speed": RANDOM.normal(size=ROWS),
        "stops": RANDOM.integers(0, 5, ROWS),
        "night": RANDOM.integers(0, 2, ROWS).astype(bool),
        "carrier": RANDOM.choice(["AA", "DL", "UA"], ROWS),
    }
).with_columns(
    speed=pl.when(pl.col("stops") == 4).then(None).otherwise("speed"),
    carrier=pl.when(pl.col("stops") == 3).then(None).otherwise("carrier"),
)
LATE: Any = (TABLE["stops"] + TABLE["night"].cast(pl.Int64) > 2).to_numpy()
MANY: Any = np.asarray(["early", "late", "on time"])[TABLE["stops"].to_numpy() % 3]
NUMERIC = ["speed", "stops", "night"]
TRUST = TrustPolicy()


def signature(*names: str) -> Signature:
    dtypes = {"speed": "float64", "stops": "int64", "night": "bool", "carrier": "string"}
    return Signature(features=tuple(FeatureColumn(name=each, dtype=dtypes[each], feature=each) for each in names))


def boosting(label: Any = LATE, table: Any = TABLE) -> Any:
    return HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(table[NUMERIC], label)


def loaded(model: object, folder: Path, of: Signature | None = None) -> LoadedModel:
    return load_package(write_package(model, folder / "package", signature=of), trust=TRUST)


class Touch:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf()
    shelf.put(write_package(boosting(), tmp_path / "original", signature=signature(*NUMERIC)))
    shelf.requests.clear()
    return shelf


@pytest.fixture
def cache(tmp_path: Path) -> PackageCache:
    return PackageCache(tmp_path / "cache", 1 << 40)


def test_a_warm_load_asks_the_registry_once_and_a_pinned_one_never(shelf: Shelf, cache: PackageCache) -> None:
    model = load_model(shelf.port, "churn@champion", cache=cache, trust=TRUST)
    assert len(shelf.requests) == 1 + 5
    shelf.requests.clear()
    again = load_model(shelf.port, "churn@champion", cache=cache, trust=TRUST)
    assert again.predictions(TABLE).equals(model.predictions(TABLE))
    assert shelf.requests == ["resolve churn@champion"]
    shelf.requests.clear()
    assert load_model(shelf.port, model.version, cache=cache, trust=TRUST).version == model.version
    assert shelf.requests == []


def test_the_record_is_there_before_the_estimator(shelf: Shelf, cache: PackageCache, tmp_path: Path) -> None:
    model = load_model(shelf.port, "churn@champion", cache=cache, trust=TRUST)
    (tmp_path / "cache" / model.version.digest / "model.skops").unlink()
    assert model.version == shelf.aliases["champion"]
    assert model.signature == signature(*NUMERIC)
    assert model.manifest.digest == model.version.digest
    assert repr(model).startswith("<LoadedModel churn:1 ")


def test_a_missing_alias_stays_what_it_is(shelf: Shelf, cache: PackageCache) -> None:
    with pytest.raises(AliasNotFoundError):
        load_model(shelf.port, "churn@challenger", cache=cache, trust=TRUST)


@pytest.mark.parametrize("damage", ["flip", "evict"])
def test_what_happens_to_the_cache_before_first_use_is_repaired(
    shelf: Shelf, cache: PackageCache, tmp_path: Path, damage: str
) -> None:
    model = load_model(shelf.port, "churn@champion", cache=cache, trust=TRUST)
    file = tmp_path / "cache" / model.version.digest / "model.skops"
    if damage == "flip":
        file.write_bytes(b"\0" + file.read_bytes()[1:])
    else:
        file.unlink()
    assert model.predict(TABLE).tolist() == boosting().predict(TABLE[NUMERIC]).tolist()


def test_nothing_is_deserialised_before_it_is_verified(tmp_path: Path) -> None:
    marker = tmp_path / "touched"
    package = write_package([1.0], tmp_path / "package", serializer="pickle")
    model = load_package(package, trust=TRUST, allow_unsafe=True)
    import pickle

    (package.folder / "model.pkl").write_bytes(pickle.dumps(Touch(marker)))
    with pytest.raises(IntegrityError, match="not the file that was registered"):
        _ = model.estimator
    with pytest.raises(IntegrityError):
        load_package(package, trust=TRUST, allow_unsafe=True)
    assert not marker.exists()


def test_a_pickle_is_refused_when_it_is_used_without_permission(tmp_path: Path) -> None:
    model = load_package(write_package([1.0], tmp_path / "package", serializer="pickle"), trust=TRUST)
    with pytest.raises(UntrustedModelError, match="can run any code") as caught:
        _ = model.estimator
    assert caught.value.where == "package:0, model.pkl"


def test_threads_load_the_estimator_once(shelf: Shelf, cache: PackageCache) -> None:
    model = load_model(shelf.port, "churn@champion", cache=cache, trust=TRUST)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(id(model.estimator))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_predictions_of_two_classes(tmp_path: Path) -> None:
    table = loaded(boosting(), tmp_path, signature(*NUMERIC)).predictions(TABLE)
    assert table.schema == {"probability": pl.Float64, "prediction": pl.Boolean}
    expected = boosting().predict_proba(TABLE[NUMERIC])[:, 1]
    assert table["probability"].to_numpy().tobytes() == expected.tobytes()
    assert table["prediction"].to_list() == boosting().predict(TABLE[NUMERIC]).tolist()


def test_predictions_of_many_classes(tmp_path: Path) -> None:
    fitted = boosting(MANY)
    table = loaded(fitted, tmp_path, signature(*NUMERIC)).predictions(TABLE)
    assert table.columns == ["probability_early", "probability_late", "probability_on time", "prediction"]
    assert table["prediction"].to_list() == fitted.predict(TABLE[NUMERIC]).tolist()
    assert table["probability_late"].to_list() == fitted.predict_proba(TABLE[NUMERIC])[:, 1].tolist()


def numbers() -> Any:
    return TABLE[["stops", "night"]]


MODELS: dict[str, Any] = {
    "two classes": boosting(),
    "many classes": boosting(MANY),
    "classes as objects": boosting(MANY.astype(object)),
    "a regressor of integers": LinearRegression().fit(numbers(), np.arange(ROWS)),
    "no probabilities": LinearSVC().fit(numbers(), MANY),
    "outliers": IsolationForest(n_estimators=3, random_state=0).fit(numbers()),
    "two targets": LinearRegression().fit(numbers(), np.zeros((ROWS, 2))),
}


@pytest.mark.parametrize("name", MODELS)
def test_predictions_have_one_row_per_row_and_the_same_columns_for_none(tmp_path: Path, name: str) -> None:
    model = MODELS[name]
    names = [str(each) for each in model.feature_names_in_]
    ready = loaded(model, tmp_path, signature(*names))
    table = ready.predictions(TABLE)
    assert table.height == ROWS
    assert all(dtype in {pl.Float64(), pl.Boolean(), pl.String()} for dtype in table.schema.values())
    if name != "two targets":
        assert ready.predictions(TABLE.clear()).schema == table.schema
        assert table["prediction"].to_list() == model.predict(TABLE[names]).tolist()


def test_columns_go_by_name_and_others_are_left_out(tmp_path: Path) -> None:
    model = loaded(boosting(), tmp_path, signature(*NUMERIC))
    shuffled = TABLE.select("carrier", "night", "stops", "speed")
    assert model.predictions(shuffled).equals(model.predictions(TABLE))
    assert model.predict(shuffled.to_pandas()).tolist() == model.predict(TABLE).tolist()


WRONG = {
    "stops: int64 is missing (did you mean 'stop'?)": TABLE.rename({"stops": "stop"}),
    "stops: trained on int64, given int32": TABLE.cast({"stops": pl.Int32}),
    "stops: trained on int64, given string": TABLE.cast({"stops": pl.String}),
    "speed: trained on float64, given int64": TABLE.with_columns(speed=pl.lit(1, pl.Int64)),
    "night: trained on bool, given int64": TABLE.with_columns(night=pl.lit(1, pl.Int64)),
}


@pytest.mark.parametrize("line", WRONG)
def test_a_table_of_other_columns_is_refused_before_the_estimator_is_loaded(tmp_path: Path, line: str) -> None:
    model = loaded(boosting(), tmp_path, signature(*NUMERIC))
    (tmp_path / "package" / "model.skops").unlink()
    for refused in (model.predictions, model.predict, model.predict_proba):
        with pytest.raises(SignatureMismatchError) as caught:
            refused(WRONG[line])
        assert line in caught.value.why
        assert caught.value.where == "package:0"


def test_every_difference_has_its_line(tmp_path: Path) -> None:
    model = loaded(boosting(), tmp_path, signature(*NUMERIC))
    with pytest.raises(SignatureMismatchError) as caught:
        model.predictions(TABLE.select(pl.col("night").cast(pl.String)))
    assert [line.strip().partition(":")[0] for line in caught.value.why.splitlines()] == ["speed", "stops", "night"]


def test_an_integer_with_missing_values_may_come_as_floats(tmp_path: Path) -> None:
    model = loaded(boosting(), tmp_path, signature(*NUMERIC))
    floats = TABLE.with_columns(pl.col("stops", "night").cast(pl.Float64))
    assert model.predictions(floats).equals(model.predictions(TABLE))


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_pandas_and_polars_give_the_same_answers_missing_values_included(tmp_path: Path, library: str) -> None:
    names = ["speed", "stops", "night", "carrier"]
    carriers = ColumnTransformer([("carrier", OneHotEncoder(handle_unknown="ignore"), ["carrier"])])
    table: Any = TABLE if library == "polars" else TABLE.to_pandas()
    fitted = make_pipeline(carriers, LogisticRegression()).fit(table[names], LATE)
    model = loaded(fitted, tmp_path, signature(*names))
    expected = fitted.predict_proba(table[names])
    given: list[Any] = [
        TABLE,
        TABLE.lazy(),
        TABLE.to_arrow(),
        TABLE.to_pandas(),
        TABLE.to_pandas().set_index(pd.Index(range(ROWS, 0, -1))),
    ]
    for each in given:
        assert model.predict_proba(each).tobytes() == expected.tobytes()
    assert model.predictions(TABLE)["probability"].to_numpy().tobytes() == expected[:, 1].tobytes()


def test_an_array_has_its_columns_in_the_order_of_the_signature(tmp_path: Path) -> None:
    fitted = LogisticRegression().fit(numbers().to_numpy(), LATE)
    model = loaded(fitted, tmp_path, signature("stops", "night"))
    array = numbers().to_numpy()
    assert model.predict(array.astype(float)).tolist() == fitted.predict(array).tolist()
    assert model.predictions(TABLE)["prediction"].to_list() == fitted.predict(array).tolist()
    with pytest.raises(SignatureMismatchError, match="model's columns"):
        model.predict(array[:, :1])


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    model = loaded(boosting(), tmp_path, signature(*NUMERIC))
    for wrong in (None, 3, [[1.0]], {"speed": [1.0]}):
        with pytest.raises(SignatureMismatchError, match="not a table"):
            model.predict(wrong)


def test_a_model_without_a_signature_takes_what_its_estimator_takes(tmp_path: Path) -> None:
    model = loaded(boosting(), tmp_path)
    assert model.signature is None
    assert model.predict(TABLE[NUMERIC]).tolist() == boosting().predict(TABLE[NUMERIC]).tolist()
    assert model.predictions(TABLE[NUMERIC]).height == ROWS


def test_probabilities_of_a_model_that_has_none(tmp_path: Path) -> None:
    model = loaded(LinearSVC().fit(numbers(), LATE), tmp_path)
    with pytest.raises(UnsupportedOperationError, match="no probabilities") as caught:
        model.predict_proba(numbers())
    assert "CalibratedClassifierCV" in caught.value.hint


def test_a_package_loaded_from_its_folder_is_named_after_it(tmp_path: Path) -> None:
    package = write_package(boosting(), tmp_path / "package")
    expected = PinnedVersion(model="package", version=0, digest=package.manifest.digest)
    assert load_package(package, trust=TRUST).version == expected
