"""Labels: no feature reads what a label is made of, unless the caller says that it is known by then."""

from __future__ import annotations

import polars as pl
import pytest
from mlops_core.datasets import DatasetBuilder
from mlops_core.errors import DatasetError
from mlops_core.features import Feature, FeatureFactory, Source, Window, feature, window

from .example import LANDED, PLANES, spine

TABLE = spine().with_columns(limit=pl.lit(500))
LATE = pl.col("distance") > pl.col("limit")


def reading(column: str) -> Feature:
    def read() -> pl.Expr:
        return pl.col(column)

    return feature(factory=FeatureFactory())(read)


def looked_up(source: Source) -> Feature:
    def year() -> pl.Expr:
        return pl.col("year")

    return feature(source, factory=FeatureFactory())(year)


def counted(by: str) -> Feature:
    def count() -> Window:
        return window("count", by=by, over="1d")

    return feature(Source("landed", LANDED, event_time="landed_at"), factory=FeatureFactory())(count)


def asked(made: Feature) -> DatasetBuilder:
    return DatasetBuilder(TABLE, at="at").with_features(made)


@pytest.mark.parametrize("column", ["distance", "limit"])
def test_every_column_of_the_label_is_hidden(column: str) -> None:
    with pytest.raises(DatasetError, match="reads the label") as caught:
        asked(reading(column)).with_label(LATE, name="far").plan()
    assert f"{column!r} is what the label is made of" in caught.value.why
    assert f"features_may_read=[{column!r}]" in caught.value.hint
    assert caught.value.where


@pytest.mark.parametrize("allowed", ["limit", ["limit"]])
def test_what_is_known_by_then_may_be_read_if_the_caller_says_so(allowed: str | list[str]) -> None:
    made = asked(reading("limit")).with_label(LATE, name="far", features_may_read=allowed).build()
    assert made.features.get_column("read").to_list() == [500] * TABLE.height
    with pytest.raises(DatasetError, match="reads the label"):
        asked(reading("distance")).with_label(LATE, name="far", features_may_read=allowed).plan()


@pytest.mark.parametrize(("label", "hint"), [(LATE, "'limit'"), ("late", "leave it out")])
def test_what_the_label_is_not_made_of_cannot_be_allowed(label: pl.Expr | str, hint: str) -> None:
    builder = asked(reading("origin")).with_label(label, name="far", features_may_read=["limti"])
    with pytest.raises(DatasetError, match="'limti'") as caught:
        builder.plan()
    assert hint in caught.value.hint
    assert caught.value.why


def test_joins_use_the_moment_and_the_keys_of_a_source_and_expressions_do_not() -> None:
    label = (pl.col("at").dt.hour() > 5) & (pl.col("tailnum") == "N1") & (pl.col("dest") == "BOS")
    planes = Source("planes", PLANES, entity="tailnum")
    assert asked(looked_up(planes)).with_label(label, name="y").build().features.width == 1
    assert asked(counted("carrier")).with_label(label, name="y").plan().columns
    for made in (reading("at"), reading("tailnum"), counted("dest")):
        with pytest.raises(DatasetError, match="reads the label"):
            asked(made).with_label(label, name="y").plan()
