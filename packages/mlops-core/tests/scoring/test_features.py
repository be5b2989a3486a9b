"""From a trained package to scores: features as of each row's moment, checked before anything is loaded."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from mlops_core.datasets import DatasetBuilder, FeatureChangedWarning
from mlops_core.errors import IntegrityError, MlopsError, ScoringError, SignatureMismatchError
from mlops_core.features import FeatureFactory, Source, Window, feature, window
from mlops_core.manifest import FolderPackage
from mlops_core.models.loading import LoadedModel, load_package
from mlops_core.models.package import write_package
from mlops_core.models.trust import TrustPolicy
from mlops_core.scoring import Chain, Features, Predict, check

from .standins import Doubles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def weather(gusts: list[float]) -> pl.DataFrame:
    """One row an hour from noon on, for the airport A."""
    return pl.DataFrame(
        {"origin": ["A"] * len(gusts), "hour": [NOON + HOUR * each for each in range(len(gusts))], "gust": gusts},
        schema_overrides={"hour": pl.Datetime("us", "UTC")},
    )


def definitions(gusts: list[float], *, version: int = 1, factor: int = 2) -> FeatureFactory:
    factory = FeatureFactory()
    source = Source("weather", weather(gusts), entity="origin", event_time="hour", max_age="2h")

    @feature(source=source, version=version, factory=factory)
    def gust() -> pl.Expr:
        return pl.col("gust")

    @feature(source=source, factory=factory)
    def recent_gust(over: str = "3h") -> Window:
        return window("max", "gust", over=over, closed="left")

    @feature(factory=factory)
    def far() -> pl.Expr:
        return pl.col("distance") * factor

    return factory


def flights(hours: list[float | None], *, start: int = 0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "flight": [start + each for each in range(len(hours))],
            "origin": ["A"] * len(hours),
            "departure": [None if each is None else NOON + HOUR * each for each in hours],
            "distance": [100 * (1 + each % 7) for each in range(len(hours))],
        },
        schema={
            "flight": pl.Int64,
            "origin": pl.String,
            "departure": pl.Datetime("us", "UTC"),
            "distance": pl.Int64,
        },
    )


GUSTS = [float(each % 5) for each in range(20)]


@dataclass(frozen=True)
class Trained:
    """A package, and what its estimator predicts for the rows that it was trained on."""

    package: FolderPackage
    probability: list[float]

    def load(self) -> LoadedModel:
        return load_package(self.package, trust=TrustPolicy())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from sklearn.ensemble import HistGradientBoostingClassifier

    spine = flights([each / 3 for each in range(60)]).with_columns(late=pl.col("distance") > 400)
    dataset = (
        DatasetBuilder(spine, at="departure", factory=definitions(GUSTS))
        .with_features("gust", "recent_gust", "far")
        .with_label("late")
        .build()
    )
    x, y = dataset.xy()
    estimator: Any = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=2, random_state=0).fit(x, y)
    package = write_package(estimator, tmp_path_factory.mktemp("model") / "late", signature=dataset.signature)
    return Trained(package=package, probability=estimator.predict_proba(x)[:, 1].tolist())


@pytest.fixture
def unloadable(trained: Trained, tmp_path: Path) -> LoadedModel:
    """A model whose record is known, while its estimator would be refused on loading."""
    folder = tmp_path / "late"
    shutil.copytree(trained.package.folder, folder)
    model = load_package(FolderPackage.read(folder), trust=TrustPolicy())
    (folder / model.manifest.model_file).write_bytes(b"")
    with pytest.raises(IntegrityError):
        _ = model.estimator
    return model


def test_scores_are_those_of_the_training_features(trained: Trained, tmp_path: Path) -> None:
    source = tmp_path / "flights.parquet"
    flights([each / 3 for each in range(60)]).write_parquet(source)
    model = trained.load()
    chain = Chain(
        Features(model, at="departure", factory=definitions(GUSTS)),
        check("weather is fresh", pl.col("gust").is_not_null()),
        Predict(model),
    )

    result = chain.run(source, key="flight", out=tmp_path / "scores.parquet", batch_rows=7)

    assert result.rejected == 0
    assert result.scores.columns == ["flight", "probability", "model"]
    assert result.scores["probability"].to_list() == trained.probability
    assert result.model == model.version
    assert sum(each.rows for each in result.ledger.bins) == 60


@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_rows_rejected_earlier_do_not_shift_the_features(trained: Trained, batch_rows: int) -> None:
    model = trained.load()
    rows = flights([0.5, None, 2, 30, 3.5, 0.5])
    chain = Chain(
        check("has a departure", "departure IS NOT NULL"),
        check("is not the third", "flight <> 2"),
        Features(model, at="departure", factory=definitions(GUSTS)),
        check("weather is fresh", "gust IS NOT NULL"),
        Predict(model),
    )

    result = chain.run(rows, key="flight", batch_rows=batch_rows)

    assert result.scores["flight"].to_list() == [0, 4, 5]
    assert result.rejects.select("flight", "reason").rows() == [
        (1, "has a departure"),
        (2, "is not the third"),
        (3, "weather is fresh"),
    ]
    alone = chain.run(rows.filter(pl.col("flight") == 4), key="flight")
    assert alone.scores["probability"].to_list() == result.scores["probability"].to_list()[1:2]


def test_every_kind_of_table_gives_the_same_scores(trained: Trained, tmp_path: Path) -> None:
    model = trained.load()
    chain = Chain(Features(model, at="departure", factory=definitions(GUSTS)), Predict(model))
    rows = flights([0.5, 2, 7, 3.5])
    expected = chain.run(rows, key="flight").scores
    rows.write_parquet(tmp_path / "flights.parquet")
    rows.write_csv(tmp_path / "flights.csv")
    (tmp_path / "parts").mkdir()
    rows.head(1).write_parquet(tmp_path / "parts" / "0.parquet")
    rows.tail(3).write_parquet(tmp_path / "parts" / "1.parquet")

    for source in (
        rows.lazy(),
        rows.to_pandas(),
        rows.to_arrow(),
        tmp_path / "flights.parquet",
        str(tmp_path / "flights.csv"),
        tmp_path / "parts",
    ):
        assert chain.run(source, key="flight", batch_rows=3).scores.equals(expected)


def test_the_moment_may_have_another_name(trained: Trained) -> None:
    model = trained.load()
    rows = flights([0.5, 2])
    features = Features(model, at="leaves", factory=definitions(GUSTS))

    renamed = Chain(features, Predict(model)).run(rows.rename({"departure": "leaves"}))

    usual = Chain(Features(model, factory=definitions(GUSTS)), Predict(model)).run(rows)
    assert renamed.scores.equals(usual.scores)


def test_no_rows_and_no_accepted_rows_give_the_usual_columns(trained: Trained) -> None:
    model = trained.load()
    features = Features(model, at="departure", factory=definitions(GUSTS))
    expected = Chain(features, Predict(model)).run(flights([1])).scores.schema

    assert Chain(features, Predict(model)).run(flights([])).scores.schema == expected
    nothing = Chain(check("is a flight", "flight < 0"), features, Predict(model)).run(flights([1, 2]))
    assert nothing.scores.schema == expected


def without_distance(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.drop("distance")


def with_naive_times(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("departure").dt.replace_time_zone(None))


def with_numbers_as_texts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.cast({"distance": pl.String})


@pytest.mark.parametrize("change", [without_distance, with_naive_times, with_numbers_as_texts])
def test_a_table_unlike_the_one_in_training_is_refused_before_the_estimator_is_loaded(
    unloadable: LoadedModel, change: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    chain = Chain(Features(unloadable, at="departure", factory=definitions(GUSTS)), Predict(unloadable))

    with pytest.raises(SignatureMismatchError) as caught:
        chain.run(change(flights([1])))

    column = "departure" if change is with_naive_times else "distance"
    assert column in caught.value.why


def test_features_of_the_wrong_type_in_the_table_are_refused_before_the_estimator_is_loaded(
    unloadable: LoadedModel,
) -> None:
    rows = pl.DataFrame({"gust": ["strong"], "recent_gust": [1.0]})

    with pytest.raises(SignatureMismatchError) as caught:
        Chain(Predict(unloadable)).run(rows)

    assert "gust: trained on float64, given string" in caught.value.why
    assert "far" in caught.value.why


def test_another_version_of_a_feature_is_refused(trained: Trained) -> None:
    model = trained.load()
    chain = Chain(Features(model, at="departure", factory=definitions(GUSTS, version=2)), Predict(model))

    with pytest.raises(SignatureMismatchError, match="features"):
        chain.run(flights([1]))


def test_a_changed_definition_warns_or_is_refused_when_strict(trained: Trained) -> None:
    model = trained.load()
    changed = definitions(GUSTS, factor=3)

    with pytest.warns(FeatureChangedWarning):
        Chain(Features(model, at="departure", factory=changed), Predict(model)).run(flights([1]))
    with pytest.raises(SignatureMismatchError):
        Chain(Features(model, at="departure", factory=changed, strict=True), Predict(model)).run(flights([1]))


def test_a_feature_that_is_not_defined_is_named(trained: Trained) -> None:
    model = trained.load()

    with pytest.raises(SignatureMismatchError) as caught:
        Chain(Features(model, at="departure", factory=FeatureFactory()), Predict(model)).run(flights([1]))

    assert "recent_gust" in caught.value.why


def test_a_table_that_has_the_features_already_is_refused(trained: Trained) -> None:
    model = trained.load()
    features = Features(model, at="departure", factory=definitions(GUSTS))

    with pytest.raises(ScoringError, match="already has columns"):
        Chain(features, Predict(model)).run(flights([1]).with_columns(gust=1.0))


def test_features_of_a_model_without_a_signature(trained: Trained) -> None:
    with pytest.raises(MlopsError, match="no signature"):
        Chain(Features(Doubles(signature=None), at="departure")).run(flights([1]))


def test_a_source_that_changed_starts_a_killed_run_anew(trained: Trained, tmp_path: Path) -> None:
    class Stop(Exception):  # noqa: N818
        pass

    def stop(rows: int, _: int | None) -> None:
        if rows == 4:
            raise Stop

    model, rows, out = trained.load(), flights([1, 2, 3, 4, 5, 6]), tmp_path / "scores.parquet"

    def chain(gusts: list[float]) -> Chain:
        return Chain(Features(model, at="departure", factory=definitions(gusts)), Predict(model))

    with pytest.raises(Stop):
        chain(GUSTS).run(rows, out=out, batch_rows=2, progress=stop)
    later = chain([each + 1 for each in GUSTS]).run(rows, out=out, batch_rows=2, max_reject_rate=0.0)

    assert later.resumed_parts == 0


def test_one_openmp_thread_predicts_unless_the_user_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    from threadpoolctl import threadpool_info

    import_module("sklearn.ensemble")  # loads OpenMP

    counts: list[set[int]] = []

    class Counting(Doubles):
        def predictions(self, features: pl.DataFrame, /, *, classes: bool = True) -> pl.DataFrame:
            pools: Any = threadpool_info()
            counts.append({pool["num_threads"] for pool in pools if pool["user_api"] == "openmp"})
            return super().predictions(features, classes=classes)

    rows = pl.DataFrame({"x": [1.0, 2.0, 3.0]})
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    Chain(Predict(Counting())).run(rows, batch_rows=1)
    limited, counts = counts, []
    monkeypatch.setenv("OMP_NUM_THREADS", str(os.cpu_count()))
    Chain(Predict(Counting())).run(rows, batch_rows=1)

    assert limited[1:] == [{1}, {1}]
    assert counts[1:] == [limited[0]] * 2
