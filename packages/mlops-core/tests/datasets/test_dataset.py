"""A dataset: splitting by time, labels, digests, and what estimators take."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, cast

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlops_core.datasets import Dataset, DatasetBuilder
from mlops_core.datasets.content_digest import content_digest
from mlops_core.errors import DatasetError
from mlops_core.features import FeatureFactory, feature
from polars.testing import assert_frame_equal
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from .example import COLUMNS, EVERYTHING, FACTORY, spine

KINDS = ("polars", "lazy", "pandas", "arrow")


def table_of(kind: str, table: pl.DataFrame | None = None) -> Any:
    rows = spine() if table is None else table
    if kind == "pandas":
        frame: Any = rows.to_pandas()
        if "distance" in frame:
            frame["distance"] = pd.array(rows.get_column("distance").to_list(), dtype="Int64")
        frame.index = pd.Index(range(len(frame), 0, -1))
        return frame
    return {"polars": rows, "lazy": rows.lazy(), "arrow": rows.to_arrow()}[kind]


def build(kind: str = "polars", table: pl.DataFrame | None = None, *, label: str | None = "late") -> Dataset:
    builder = DatasetBuilder(table_of(kind, table), at="at", factory=FACTORY).with_features(*EVERYTHING)
    return (builder if label is None else builder.with_label(label)).build()


def timed() -> Dataset:
    return build(table=spine().drop_nulls("at"))


# --- splitting ---


@pytest.mark.parametrize("kind", KINDS)
def test_a_split_is_by_moment_and_loses_no_row(kind: str) -> None:
    table = spine().drop_nulls("at")
    whole = build(kind, table)
    parts = whole.split(at=["2026-01-11", "2026-01-12T12:00"])
    cuts = [datetime(2026, 1, 11, tzinfo=UTC), datetime(2026, 1, 12, 12, tzinfo=UTC)]
    expected = [
        table.filter(pl.col("at") < cuts[0]),
        table.filter(pl.col("at").is_between(cuts[0], cuts[1], closed="left")),
        table.filter(pl.col("at") >= cuts[1]),
    ]
    assert [len(part) for part in parts] == [each.height for each in expected]
    for part, rows in zip(parts, expected, strict=True):
        frame = part.frame.collect() if kind == "lazy" else pl.DataFrame(part.frame)
        assert frame.get_column("flight_id").to_list() == rows.get_column("flight_id").to_list()
        assert_frame_equal(part.features, build(table=rows).features)


@pytest.mark.parametrize(
    "cut",
    [
        "2026-01-11",
        "2026-01-11T00:00:00",
        "2026-01-11T01:00:00+01:00",
        date(2026, 1, 11),
        datetime(2026, 1, 11, tzinfo=UTC),
        datetime(2026, 1, 11, 1, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_cut_means_the_same_instant_however_it_is_written(cut: str | date | datetime) -> None:
    before, after = timed().split(at=[cut])
    instant = pl.lit(datetime(2026, 1, 11, tzinfo=UTC))
    assert before.table.select((pl.col("at") < instant).all()).item()
    assert after.table.select((pl.col("at") >= instant).all()).item()


def test_a_text_means_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [len(part) for part in timed().split(at="2026-01-11")]
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert [len(part) for part in timed().split(at="2026-01-11")] == expected
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("cut", ["2026-01-11", date(2026, 1, 11), datetime(2026, 1, 11, tzinfo=UTC)])
def test_one_time_is_one_cut(cut: str | date | datetime) -> None:
    assert [len(part) for part in timed().split(at=cut)] == [len(part) for part in timed().split(at=["2026-01-11"])]


def test_a_naive_moment_takes_naive_cuts() -> None:
    table = spine().drop_nulls("at").select("distance", "at").with_columns(pl.col("at").dt.replace_time_zone(None))
    whole = DatasetBuilder(table, at="at", factory=FACTORY).with_features("distance_band").build()
    cut = datetime(2026, 1, 11)  # noqa: DTZ001
    before, after = whole.split(at=[cut])
    assert before.table.select((pl.col("at") < cut).all()).item()
    assert after.table.select((pl.col("at") >= cut).all()).item()
    with pytest.raises(DatasetError, match="cannot split"):
        whole.split(at=[datetime(2026, 1, 11, tzinfo=UTC)])


@pytest.mark.parametrize(
    ("cuts", "what"),
    [
        ([], "cannot be split at"),
        (["2026-01-12", "2026-01-11"], "cannot be split at"),
        (["2026-01-11", "2026-01-11"], "cannot be split at"),
        (["tomorrow"], "is not a time"),
        ([5], "5 is not a time"),
        (5, "5 is not a time"),
        (None, "None is not a time"),
        ([datetime(2026, 1, 11)], "cannot split at"),  # noqa: DTZ001
    ],
)
def test_cuts_that_mean_nothing_are_refused(cuts: Any, what: str) -> None:
    with pytest.raises(DatasetError) as caught:
        timed().split(at=cuts)
    assert what in caught.value.what
    assert caught.value.why
    assert caught.value.hint


def test_a_row_without_a_moment_belongs_to_no_part() -> None:
    with pytest.raises(DatasetError, match="is null in") as caught:
        build().split(at=["2026-01-11"])
    assert "is_not_null" in caught.value.hint


def test_without_a_moment_there_is_no_split_by_time() -> None:
    whole = DatasetBuilder(spine(), factory=FACTORY).with_features("year").build()
    with pytest.raises(DatasetError, match="without a moment"):
        whole.split(at=["2026-01-11"])


# --- labels and rows ---


def test_null_labels_are_counted_and_never_dropped_silently() -> None:
    made, missing = build(), spine().get_column("late").null_count()
    with pytest.raises(DatasetError) as caught:
        made.xy()
    assert f"null in {missing} of 60 rows" in caught.value.what
    assert "drop_null_labels()" in caught.value.hint
    kept = made.drop_null_labels()
    assert (kept.dropped, len(kept)) == (missing, 60 - missing)
    assert kept.drop_null_labels().dropped == missing
    assert made.dropped == 0


def test_nan_is_no_label() -> None:
    table = pl.DataFrame({"distance": [1, 2, 3], "y": [1.0, float("nan"), None]})
    made = DatasetBuilder(table, factory=FACTORY).with_features("distance_band").with_label("y").build()
    with pytest.raises(DatasetError, match="null in 2 of 3"):
        made.xy()
    assert made.drop_null_labels().dropped == 2


@pytest.mark.parametrize("call", ["xy", "drop_null_labels"])
def test_without_a_label_there_is_nothing_to_learn(call: str) -> None:
    with pytest.raises(DatasetError, match="has no label") as caught:
        getattr(build(label=None), call)()
    assert "with_label" in caught.value.hint


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_filtered_by_columns_and_features_and_null_is_false(kind: str) -> None:
    expression = (pl.col("distance_band") > 1) & (pl.col("dest") == "BOS")
    some = build(kind).filter(expression)
    expected = build().frame.filter(expression)
    assert_frame_equal(some.features, expected.select(COLUMNS))
    assert len(some) == expected.height
    frame = some.frame.collect() if kind == "lazy" else pl.DataFrame(some.frame)
    assert frame.get_column("flight_id").to_list() == expected.get_column("flight_id").to_list()


@pytest.mark.parametrize("expression", [pl.col("nowhere") > 1, pl.col("distance"), pl.col("late").first()])
def test_a_filter_that_cannot_work_is_refused(expression: pl.Expr) -> None:
    with pytest.raises(DatasetError, match="cannot be filtered") as caught:
        build().filter(expression)
    assert caught.value.where
    assert caught.value.why


# --- digests ---


def test_the_digest_is_of_the_features_and_the_label() -> None:
    made = build()
    assert made.digest == build(table=spine().with_columns(flight_id=pl.lit(0))).digest
    assert made.digest != build(table=spine().with_columns(late=pl.lit(value=True))).digest
    assert made.digest != build(table=spine().with_columns(pl.col("distance") + 500)).digest
    assert made.digest != build(table=spine().reverse()).digest
    assert made.digest != build(label=None).digest


EVERY_TYPE = pl.DataFrame(
    {
        "i": pl.Series([1, None, -3], dtype=pl.Int16),
        "u": pl.Series([1, None, 2**64 - 1], dtype=pl.UInt64),
        "f": [0.5, None, float("nan")],
        "b": [True, None, False],
        "s": ["é", None, ""],
        "e": pl.Series(["x", None, "y"], dtype=pl.Enum(["x", "y"])),
        "c": pl.Series(["x", None, "y"], dtype=pl.Categorical),
        "d": [date(2026, 1, 1), None, date(1969, 1, 1)],
        "t": pl.Series([datetime(2026, 1, 1, tzinfo=UTC), None, datetime(1969, 1, 1, tzinfo=UTC)]),
        "l": [["a", None], None, []],
        "r": [{"x": 1}, None, {"x": None}],
        "bin": [b"a", None, b""],
    }
)
GOLDEN = "fe3107a94ee9d6c4de5375f1892d8360026cd43186ceaad4367972ac8f14a6cb"


def test_the_digest_does_not_depend_on_chunks() -> None:
    chunked = pl.concat([EVERY_TYPE.head(1), EVERY_TYPE.tail(2)], rechunk=False)
    assert content_digest(chunked) == content_digest(EVERY_TYPE)


@pytest.mark.parametrize("column", EVERY_TYPE.columns)
def test_the_digest_sees_every_value_and_every_null(column: str) -> None:
    one = EVERY_TYPE.select(column)
    variants = [
        one,
        one.reverse(),
        one.head(2),
        one.rename({column: "other"}),
        one.with_columns(pl.col(column).fill_null(strategy="forward")),
    ]
    assert len({content_digest(each) for each in variants}) == len(variants)


def test_the_digest_tells_apart_what_looks_alike_in_bytes() -> None:
    texts = [["ab", ""], ["a", "b"], ["", "ab"], ["ab", None], [None, "ab"]]
    assert len({content_digest(pl.DataFrame({"x": each})) for each in texts}) == len(texts)
    lists = [[[1], [2]], [[1, 2], []], [[], [1, 2]], [[1, 2], None]]
    assert len({content_digest(pl.DataFrame({"x": each})) for each in lists}) == len(lists)
    assert content_digest(pl.DataFrame({"x": [0.0, -0.0]})) == content_digest(pl.DataFrame({"x": [0.0, 0.0]}))
    quiet = np.array([0x7FF8000000000001, 0x7FF8000000000000], dtype=np.uint64).view(np.float64)
    assert content_digest(pl.DataFrame({"x": quiet})) == content_digest(pl.DataFrame({"x": [float("nan")] * 2}))


def test_the_digest_is_the_same_in_every_process_and_release() -> None:
    assert content_digest(EVERY_TYPE) == GOLDEN
    script = (
        "import polars as pl; from mlops_core.datasets.content_digest import content_digest as digest;"
        "print(digest(pl.DataFrame({'x': ['b', 'a', None]}).with_columns(pl.col('x').cast(pl.Categorical))))"
    )
    environ = {**os.environ, "PYTHONHASHSEED": "1"}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ)
    series = pl.Series("x", ["b", "a", None], dtype=pl.Categorical)
    assert run.stdout.strip() == content_digest(series.to_frame())


# --- estimators ---


def learnable(kind: str) -> Dataset:
    """400 rows, a label that depends on the features, texts and categories among them."""
    dice = np.random.default_rng(5)
    rows = 400
    table = pl.DataFrame(
        {
            "number": dice.integers(0, 9, rows),
            "real": dice.normal(size=rows),
            "flag": dice.random(rows) > 0.5,
            "word": dice.choice(["x", "y", "z"], rows),
        }
    ).with_columns(pl.when(pl.col("real").abs() > 0.1).then(pl.all()))
    table = table.with_columns(
        late=(pl.col("real") + (pl.col("word") == "x").cast(pl.Int8) > 0.3).fill_null(value=False)
    )

    def value(name: str) -> pl.Expr:
        return pl.col(name)

    def category() -> pl.Expr:
        return pl.col("word").cast(pl.Enum(["x", "y", "z"]))

    factory = FeatureFactory()
    made = feature(factory=factory)(value)
    features = [made(name=name, alias=f"{name}_") for name in ("number", "real", "flag", "word")]
    asked = DatasetBuilder(table_of(kind, table)).with_features(*features, feature(factory=factory)(category))
    return asked.with_label("late").build()


def boosted() -> Any:
    return HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype", random_state=0)


def linear() -> Any:
    encoder = OneHotEncoder(handle_unknown="ignore")
    numbers = ["number_", "real_", "flag_"]
    return make_pipeline(
        make_column_transformer((SimpleImputer(), numbers), (encoder, ["word_"])), LogisticRegression()
    )


ESTIMATORS: dict[str, tuple[Any, list[str]]] = {
    "boosted": (boosted, ["number_", "real_", "flag_", "category"]),
    "linear": (linear, ["number_", "real_", "flag_", "word_"]),
    "imputed": (lambda: make_pipeline(SimpleImputer(), LogisticRegression()), ["number_", "real_", "flag_"]),
}


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("fitted_on", KINDS)
def test_estimators_take_x_and_y_and_predict_alike_on_every_library(estimator: str, fitted_on: str) -> None:
    make, columns = ESTIMATORS[estimator]
    x, y = learnable(fitted_on).xy()
    model = make().fit(x[columns], y)
    assert list(model.classes_) == [False, True]
    expected = model.predict_proba(x[columns])
    for kind in KINDS:
        np.testing.assert_array_equal(model.predict_proba(learnable(kind).xy()[0][columns]), expected)


def test_x_has_the_columns_of_the_signature_and_no_other() -> None:
    made = build("pandas").drop_null_labels()
    x, y = made.xy()
    assert list(x.columns) == made.signature.feature_names == COLUMNS
    assert list(x.index) == list(y.index) == list(made.frame.index)
    assert (y.name, y.dtype) == ("late", np.dtype(bool))
    polars_x, polars_y = cast("tuple[pl.DataFrame, pl.Series]", build().drop_null_labels().xy())
    assert polars_x.columns == COLUMNS
    assert polars_y.name == "late"


@pytest.mark.parametrize("kind", KINDS)
def test_a_dataset_pickles(kind: str) -> None:
    made = build(kind)
    again = pickle.loads(pickle.dumps(made))
    assert (again.digest, again.signature, len(again)) == (made.digest, made.signature, len(made))


def test_a_dataset_says_what_it_is() -> None:
    assert repr(build()) == "<Dataset of 60 rows, 8 features, label 'late'>"
    assert repr(build(label=None)) == "<Dataset of 60 rows, 8 features, no label>"
