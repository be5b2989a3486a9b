"""Sources: what they may be made of, what they read, and when two are the same."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from mlops_core.errors import FeatureError
from mlops_core.features import Source, window

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = pl.DataFrame({"id": [1, 2], "value": [0.5, None]})


def parquet(folder: Path) -> Path:
    ROWS.write_parquet(folder / "rows.parquet")
    return folder / "rows.parquet"


def csv(folder: Path) -> str:
    ROWS.write_csv(folder / "rows.csv")
    return str(folder / "rows.csv")


def several(folder: Path) -> Path:
    (folder / "parts").mkdir()
    ROWS.head(1).write_parquet(folder / "parts" / "a.parquet")
    ROWS.tail(1).write_parquet(folder / "parts" / "b.parquet")
    return folder / "parts"


def arrow_dataset(folder: Path) -> object:
    return ds.dataset(str(parquet(folder)))


KINDS: dict[str, Callable[[Path], object]] = {
    "parquet": parquet,
    "csv": csv,
    "folder": several,
    "polars": lambda _: ROWS,
    "lazy": lambda _: ROWS.lazy(),
    "pandas": lambda _: ROWS.to_pandas(),
    "arrow": lambda _: ROWS.to_arrow(),
    "arrow dataset": arrow_dataset,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_reads_the_same(kind: str, tmp_path: Path) -> None:
    source = Source("rows", KINDS[kind](tmp_path), entity="id")
    assert source.schema() == ROWS.schema
    assert source.scan().sort("id").collect().equals(ROWS)


def test_a_csv_with_times_has_times(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,at\n1,2013-01-01T10:00:00Z\n")
    dtype = Source("x", tmp_path / "x.csv", entity="id").schema()["at"]
    assert dtype == pl.Datetime("us", "UTC")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["501", "00501"], pl.String()),
        (["1"] * 300 + ["007"], pl.String()),
        (["1.5", "007"], pl.String()),
        (["-01", "2"], pl.String()),
        (["12345678901234567890", "1.5"], pl.String()),
        (["0", "501", "-7"], pl.Int64()),
        (["0.5", "-0.25", "1e3", "0"], pl.Float64()),
        (["0.12345678901234567", "2"], pl.Float64()),
    ],
)
def test_digits_of_a_csv_are_numbers_only_if_no_character_is_lost(
    values: list[str], dtype: pl.DataType, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text("id,other\n" + "".join(f"{value},1\n" for value in values))
    table = Source("x", tmp_path / "x.csv", entity="id").scan().collect()
    assert table.schema == {"id": dtype, "other": pl.Int64()}
    assert dtype != pl.String or table.get_column("id").to_list() == values


def test_a_csv_is_typed_by_all_its_rows(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id\n" + "1\n" * 2_000 + "1.5\n")
    assert Source("x", tmp_path / "x.csv", entity="id").scan().collect().get_column("id").sum() == 2001.5


@pytest.mark.parametrize(
    ("data", "why"),
    [("absent.parquet", "no such file"), ("rows.xlsx", "'.xlsx' is not known")],
)
def test_a_path_that_cannot_be_read_names_the_source(data: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "rows.xlsx").touch()
    with pytest.raises(FeatureError) as caught:
        Source("rows", tmp_path / data, entity="id").scan()
    assert "source 'rows'" in caught.value.what
    assert why in caught.value.why
    assert caught.value.where
    assert caught.value.hint


def test_a_file_that_is_not_what_its_name_says_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"not parquet")
    with pytest.raises(FeatureError, match="cannot read source 'rows'"):
        Source("rows", tmp_path / "rows.parquet", entity="id").schema()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "neither an entity nor an event time"),
        ({"entity": "a", "on": {"a": "b"}}, "entity names columns"),
        ({"entity": "a", "max_age": "1h"}, "has no event time"),
        ({"entity": "a", "created_time": "c"}, "has no event time"),
        ({"entity": ["a", "a"]}, "twice"),
        ({"entity": "a", "event_time": "t", "max_age": "1 fortnight"}, "number"),
        ({"entity": "a", "event_time": "t", "max_age": "-1h"}, "number"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(FeatureError) as caught:
        Source("rows", ROWS, **arguments)
    assert why in caught.value.why
    assert caught.value.hint


def test_data_that_is_no_table_is_refused() -> None:
    with pytest.raises(FeatureError, match="cannot be used") as caught:
        Source("rows", {"id": [1]}, entity="id")
    assert "dict" in caught.value.why


def test_sources_are_equal_by_rules_and_data() -> None:
    one = Source("rows", "rows.parquet", entity="id", event_time="t", max_age="24h")
    assert one == Source("rows", Path("rows.parquet"), on={"id": "id"}, event_time="t", max_age="1d")
    assert hash(one) == hash(Source("rows", Path("rows.parquet"), entity=["id"], event_time="t", max_age="1d"))
    assert one != Source("rows", "other.parquet", entity="id", event_time="t", max_age="24h")
    assert one != Source("rows", "rows.parquet", entity="id", event_time="t", max_age="25h")
    assert Source("rows", ROWS, entity="id") == Source("rows", ROWS, entity="id")
    assert Source("rows", ROWS, entity="id") != Source("rows", ROWS.clone(), entity="id")
    assert one != "rows"


def test_a_source_pickles_with_its_data() -> None:
    path = Source("rows", "rows.parquet", entity="id")
    assert pickle.loads(pickle.dumps(path)) == path
    table = pickle.loads(pickle.dumps(Source("rows", pa.table({"id": [1]}), entity="id")))
    assert table.schema() == {"id": pl.Int64}


@pytest.mark.parametrize(
    ("kind", "arguments", "why"),
    [
        ("avg", {"column": "x", "over": "7d"}, "'avg' is not known"),
        ("mean", {"over": "7d"}, "needs a column"),
        ("mean", {"column": "x", "over": "0s"}, "zero"),
        ("mean", {"column": "x", "over": "7d", "closed": "both"}, "'both'"),
    ],
)
def test_a_window_that_cannot_work_is_refused(kind: str, arguments: dict[str, Any], why: str) -> None:
    with pytest.raises(FeatureError) as caught:
        window(kind, **arguments)
    assert why in caught.value.why
    assert caught.value.hint
