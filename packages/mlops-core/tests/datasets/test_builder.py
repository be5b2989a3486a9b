"""The builder: every kind of table gives the same answer, and comes back as it went in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from mlops_core.datasets import Dataset, DatasetBuilder
from mlops_core.errors import DatasetError, FeatureError
from mlops_core.features import FeatureFactory, Source, feature
from polars.testing import assert_frame_equal

from .example import COLUMNS, EVERYTHING, FACTORY, PLANES, spine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def build(table: object) -> Dataset:
    return DatasetBuilder(table, at="at", factory=FACTORY).with_features(*EVERYTHING).with_label("late").build()


def odd_pandas() -> pd.DataFrame:
    """The spine as a data scientist may have it: an odd index, other dtypes, columns that Polars cannot hold."""
    table: Any = spine().to_pandas()
    table["at"] = table["at"].astype("datetime64[ns, UTC]")
    table["carrier"] = table["carrier"].astype(object)
    table["origin"] = table["origin"].astype("string")
    table["distance"] = table["distance"].astype("Int64")
    table["late"] = table["late"].astype("boolean")
    table["mixed"] = [1, "a"] * (len(table) // 2)
    table[7] = 1
    table.index = pd.Index([9, 9, *range(len(table) - 2)], name="odd")
    table.attrs["from"] = "me"
    return table


def parquet(folder: Path) -> str:
    spine().write_parquet(folder / "spine.parquet")
    return str(folder / "spine.parquet")


def csv(folder: Path) -> Path:
    spine().with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_csv(folder / "spine.csv")
    return folder / "spine.csv"


KINDS: dict[str, tuple[Callable[[Path], object], type]] = {
    "polars": (lambda _: spine(), pl.DataFrame),
    "chunked": (lambda _: pl.concat([spine().head(7), spine().tail(-7)], rechunk=False), pl.DataFrame),
    "lazy": (lambda _: spine().lazy(), pl.LazyFrame),
    "pandas": (lambda _: odd_pandas(), pd.DataFrame),
    "arrow": (lambda _: spine().to_arrow(), pa.Table),
    "arrow dataset": (lambda folder: ds.dataset(parquet(folder)), pa.Table),
    "parquet": (parquet, pl.DataFrame),
    "csv": (csv, pl.DataFrame),
    "milliseconds": (lambda _: spine().with_columns(pl.col("at").dt.cast_time_unit("ms")), pl.DataFrame),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_gives_the_same_answer(kind: str, tmp_path: Path) -> None:
    make, comes_back = KINDS[kind]
    expected, made = build(spine()), build(make(tmp_path))
    assert_frame_equal(made.features, expected.features)
    assert made.signature == expected.signature
    assert made.digest == expected.digest
    assert isinstance(made.frame, comes_back)
    assert len(made) == spine().height


def test_a_polars_frame_comes_back_with_the_features_to_its_right() -> None:
    made = build(spine())
    assert_frame_equal(made.frame.select(spine().columns), spine())
    assert made.frame.columns == [*spine().columns, *COLUMNS]
    assert_frame_equal(build(spine().lazy()).frame.collect(), made.frame)


def test_the_own_columns_keep_units_that_features_do_not_see() -> None:
    table = spine().with_columns(pl.col("at").dt.cast_time_unit("ns"))
    assert_frame_equal(build(table).frame.select(table.columns), table)


def test_a_pandas_frame_comes_back_untouched() -> None:
    before = odd_pandas()
    given = before.copy()
    made = build(given)
    pd.testing.assert_frame_equal(given, before)
    after = made.frame
    assert list(after.columns) == [*before.columns, *COLUMNS]
    pd.testing.assert_frame_equal(after[list(before.columns)], before)
    assert after.attrs == {"from": "me"}
    dtypes = {name: str(dtype) for name, dtype in after.dtypes.items() if name in COLUMNS}
    assert dtypes == {
        "distance_band": "Int64",
        "long_haul": "boolean",
        "destination": "category",
        "wind_gusts": "float64",
        "very_rough_day": "boolean",
        "delay__by_dest__over_1d": "float64",
        "year": "Int64",
        "landings": "Int64",
    }
    for name in COLUMNS:
        values = [None if pd.isna(value) else value for value in after[name]]
        assert values == made.features.get_column(name).to_list()


def test_what_the_caller_does_to_the_frame_later_changes_no_dataset() -> None:
    given = odd_pandas()
    made = build(given)
    given["dest"] = "changed"
    assert set(made.frame["dest"]) == {"BOS", "ORD"}


def test_an_arrow_table_keeps_its_metadata() -> None:
    table = spine().to_arrow().replace_schema_metadata({"from": "me"})
    after = build(table).frame
    assert after.schema.metadata == {b"from": b"me"}
    assert after.select(table.column_names).equals(table)
    made = pl.DataFrame(after.select(COLUMNS)).with_columns(pl.col("destination").cast(pl.Enum(["BOS", "ORD"])))
    assert_frame_equal(made, build(spine()).features)


@pytest.mark.parametrize("kind", ["polars", "pandas", "arrow"])
def test_no_rows_give_the_right_schema(kind: str) -> None:
    table = spine().clear()
    empty: Any = {"polars": table, "pandas": table.to_pandas(), "arrow": table.to_arrow()}[kind]
    made = build(empty)
    assert len(made) == 0
    assert made.features.schema == build(spine()).features.schema
    assert list(pl.DataFrame(made.frame).columns) == [*table.columns, *COLUMNS]


def test_a_column_that_polars_cannot_hold_matters_only_if_it_is_needed() -> None:
    def reads_mixed() -> pl.Expr:
        return pl.col("mixed")

    asked = DatasetBuilder(odd_pandas(), factory=FACTORY)
    with pytest.raises(DatasetError, match="cannot be read") as caught:
        asked.with_features(feature(factory=FeatureFactory())(reads_mixed)).build()
    assert "Polars cannot hold it" in caught.value.why
    with pytest.raises(DatasetError, match="called like a column"):
        asked.with_features("year(alias='mixed')").build()


def test_what_stands_in_the_index_is_not_a_column() -> None:
    table = odd_pandas().reset_index().set_index("at")
    with pytest.raises(DatasetError, match="'at'") as caught:
        DatasetBuilder(table, at="at", factory=FACTORY).with_features("landings").plan()
    assert "reset_index" in f"{caught.value.why} {caught.value.hint}"


def test_pandas_missing_values_are_null_everywhere() -> None:
    table = pd.DataFrame({"x": [1.5, float("nan")], "empty": pd.Series([None, None], dtype=object)})

    def known() -> pl.Expr:
        return pl.col("x").is_not_null()

    def text() -> pl.Expr:
        return pl.col("empty").str.len_chars()

    factory = FeatureFactory()
    made = DatasetBuilder(table).with_features(feature(factory=factory)(known), feature(factory=factory)(text)).build()
    assert made.features.get_column("known").to_list() == [True, False]
    assert made.features.get_column("text").null_count() == 2


def test_a_fixed_offset_is_the_instant_that_it_means() -> None:
    table = pd.DataFrame({"at": pd.to_datetime(["2026-01-11T05:30:00+05:30"]), "dest": ["BOS"], "carrier": ["AA"]})
    made = DatasetBuilder(table, at="at", factory=FACTORY).with_features("landings").build()
    expected = pl.DataFrame({"at": [datetime(2026, 1, 11, tzinfo=UTC)], "dest": ["BOS"]})
    assert_frame_equal(
        made.features, DatasetBuilder(expected, at="at", factory=FACTORY).with_features("landings").build().features
    )


def test_every_type_comes_out_of_polars_into_pandas() -> None:
    values: dict[str, Any] = {
        "u8": pl.Series([1, None], dtype=pl.UInt8),
        "f32": pl.Series([1.5, None], dtype=pl.Float32),
        "day": pl.Series([date(2026, 1, 1), None]),
        "naive": pl.Series([datetime(2026, 1, 1, tzinfo=UTC), None]).dt.replace_time_zone(None),
        "span": pl.Series([1, None], dtype=pl.Duration("us")),
        "dec": pl.Series([Decimal("1.50"), None]),
        "cat": pl.Series(["b", None], dtype=pl.Categorical),
        "list": pl.Series([[1], None]),
    }
    table = pd.DataFrame({"id": [0, 1]}, index=[5, 5])
    source = Source("values", pl.DataFrame({"id": [0, 1], **values}), entity="id")
    factory = FeatureFactory()

    def value(name: str) -> pl.Expr:
        return pl.col(name)

    made = feature(source, factory=factory)(value)
    dataset = DatasetBuilder(table).with_features(*(made(name=name, alias=name) for name in values)).build()
    dtypes = {name: str(dtype) for name, dtype in dataset.frame.dtypes.items()}
    assert dtypes == {
        "id": "int64",
        "u8": "UInt8",
        "f32": "float32",
        "day": "date32[day][pyarrow]",
        "naive": "datetime64[us]",
        "span": "timedelta64[us]",
        "dec": "decimal128(38, 2)[pyarrow]",
        "cat": "category",
        "list": "large_list<item: int64>[pyarrow]",
    }
    assert dataset.frame["u8"].tolist() == [1, pd.NA]
    assert dataset.frame["cat"].tolist()[0] == "b"
    assert dataset.frame.isna()["dec"].tolist() == [False, True]


def test_a_label_can_be_an_expression() -> None:
    asked = DatasetBuilder(spine(), factory=FACTORY).with_features("year")
    late = asked.with_label((pl.col("distance") > 1_000).alias("far")).build()
    named = asked.with_label(pl.col("distance") > 1_000, name="far").build()
    assert late.signature == named.signature
    assert (late.signature.label, late.signature.label_dtype) == ("far", "bool")
    assert late.frame.columns[-2:] == ["year", "far"]
    assert late.frame.get_column("far").to_list() == spine().select(pl.col("distance") > 1_000).to_series().to_list()


def test_a_builder_is_never_changed() -> None:
    first = DatasetBuilder(spine(), at="at", factory=FACTORY)
    second = first.with_features("delay")
    third = second.with_features("year").with_label("late").known_at()
    assert first.features == ()
    assert second.plan().columns == ["delay"]
    assert not second.plan().signature.known_at
    assert third.plan().columns == ["delay", "year"]
    assert third.plan().signature.known_at


def test_plans_hold_objects_so_names_are_not_looked_up_later() -> None:
    factory = FeatureFactory()

    def meaning(number: int) -> None:
        @feature(factory=factory)
        def settled() -> pl.Expr:
            return pl.col("distance") * number

        assert settled.name == "settled"

    meaning(2)
    plan = DatasetBuilder(spine(), factory=factory).with_features("settled").plan()
    meaning(3)
    assert plan.compute(spine()).get_column("settled").to_list() == (spine().get_column("distance") * 2).to_list()


def test_a_source_that_cannot_be_read_is_an_error_of_the_plan() -> None:
    def year() -> pl.Expr:
        return pl.col("year")

    gone = feature(Source("planes", "no_such_file.parquet", entity="tailnum"), factory=FeatureFactory())(year)
    with pytest.raises(FeatureError, match="source 'planes'"):
        DatasetBuilder(spine()).with_features(gone).plan()


def test_a_lazy_query_that_fails_is_our_error() -> None:
    broken = spine().lazy().with_columns(pl.col("dest").cast(pl.Int64))
    with pytest.raises(DatasetError, match="cannot read the table"):
        DatasetBuilder(broken, factory=FACTORY).with_features("year").build()


def test_integer_keys_of_other_widths_match() -> None:
    table = pl.DataFrame({"id": pl.Series([1, 2], dtype=pl.Int8)})
    rows = pl.DataFrame({"id": pl.Series([2, 1], dtype=pl.UInt64), "year": [2002, 2001]})

    def year() -> pl.Expr:
        return pl.col("year")

    made = feature(Source("rows", rows, entity="id"), factory=FeatureFactory())(year)
    assert DatasetBuilder(table).with_features(made).build().features.get_column("year").to_list() == [2001, 2002]
    assert PLANES.height == 3
