"""Neutral names of types, and units of time at the edge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import polars as pl
import pytest
from mlops_core.datasets.frames import normalised, normalised_schema
from mlops_core.dtypes import dtype_name, shortened


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (pl.Int64(), "int64"),
        (pl.UInt8(), "uint8"),
        (pl.Float32(), "float32"),
        (pl.String(), "string"),
        (pl.Boolean(), "bool"),
        (pl.Date(), "date"),
        (pl.Time(), "time"),
        (pl.Datetime("us"), "datetime[us]"),
        (pl.Datetime("us", "UTC"), "datetime[us, UTC]"),
        (pl.Datetime("ms", "Europe/Berlin"), "datetime[ms, Europe/Berlin]"),
        (pl.Duration("us"), "duration[us]"),
        (pl.Categorical(), "categorical"),
        (pl.Enum(["a", "ü"]), 'enum["a", "ü"]'),
        (pl.Decimal(10, 2), "decimal[10, 2]"),
        (pl.List(pl.Int8()), "list[int8]"),
        (pl.Array(pl.Int8(), 3), "array[int8, 3]"),
        (pl.Struct({"a": pl.Int8(), "b": pl.List(pl.String())}), "struct[a: int8, b: list[string]]"),
        (pl.Binary(), "binary"),
        (pl.Null(), "null"),
    ],
)
def test_every_type_has_a_neutral_name(dtype: pl.DataType, name: str) -> None:
    assert dtype_name(dtype) == name


def test_long_names_are_cut_for_errors_only() -> None:
    name = dtype_name(pl.Enum([str(number) for number in range(100)]))
    assert len(shortened(name)) < 70 < len(name)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_units_become_microseconds_and_zones_stay(unit: Literal["ms", "us", "ns"], zone: str | None) -> None:
    times = pl.Series("t", [datetime(1960, 1, 1, tzinfo=UTC), None]).dt.replace_time_zone(zone)
    frame = times.to_frame().with_columns(x=1)
    other = frame.with_columns(pl.col("t").dt.cast_time_unit(unit))
    assert normalised(other).equals(frame)
    assert normalised_schema(other.schema) == frame.schema


def test_nanoseconds_before_1970_are_floored_so_that_earlier_stays_earlier() -> None:
    times = pl.Series("t", [-1_001, -1_000, -999, -1, 0, 999, 1_000]).cast(pl.Datetime("ns"))
    assert normalised(times.to_frame()).get_column("t").to_physical().to_list() == [-2, -1, -1, -1, 0, 0, 1]
