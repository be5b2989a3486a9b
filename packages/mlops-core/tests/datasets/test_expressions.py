"""Expressions: one that is accepted gives a row the same value alone and among others."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_core.datasets.expressions import looks_at_other_rows, problem_with

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = pl.Schema({"a": pl.Int64(), "b": pl.Int64(), "x": pl.Float64(), "s": pl.String(), "l": pl.List(pl.Int64)})
ROWS = pl.DataFrame(
    {
        "a": [1, 2, 3, None, 2, 1],
        "b": [3, 1, 2, 1, None, 1],
        "x": [0.5, -1.0, None, 2.0, 2.0, 0.0],
        "s": ["a", "b", None, "a", "c", ""],
        "l": [[1], [2, 1], None, [3], [], [1, 1]],
    },
    schema=SCHEMA,
)
ROW_BY_ROW: dict[str, pl.Expr] = {
    "arithmetic": pl.col("a") * 2 + pl.col("x"),
    "a set of constants": pl.col("a").is_in([1, 3]),
    "a set in a series": pl.col("a").is_in(pl.Series([1, 3, 5, 7, 9, 11])),
    "a list of the row's own": pl.col("a").is_in(pl.col("l")),
    "when": pl.when(pl.col("x") > 0).then(pl.col("a")).otherwise(pl.col("b")),
    "replacing by constants": pl.col("s").replace_strict({"a": 1, "b": 2}, default=None),
    "text": pl.col("s").str.len_chars(),
    "inside a list": pl.col("l").list.eval(pl.element() * 2).list.sum(),
    "horizontal": pl.max_horizontal("a", "b"),
    "coalesce": pl.coalesce("a", "b", pl.lit(0)),
}
ACROSS_ROWS: dict[str, pl.Expr] = {
    "a set of another column's values": pl.col("a").is_in(pl.col("b")),
    "not in another column": ~pl.col("a").is_in(pl.col("b")),
    "deep inside": pl.when(pl.col("a").is_in(pl.col("b"))).then(1).otherwise(pl.col("a")),
    "a set of an expression": (pl.col("a") + 1).is_in(pl.col("b") * 2),
    "replacing by columns": pl.col("a").replace_strict(pl.col("b"), pl.col("b"), default=None),
    "a series beside the rows": pl.col("a") + pl.lit(pl.Series([1, 2, 3, 4, 5, 6])),
    "a series in a choice": pl.when(pl.col("a") > 1).then(pl.lit(pl.Series([1, 2, 3, 4, 5, 6]))).otherwise(0),
    "a series of lists as sets": pl.col("a").is_in(pl.Series([[1], [2], [3], [4], [2], [9]])),
    "mean": pl.col("x") - pl.col("x").mean(),
    "shift": pl.col("a").shift(1),
    "over": pl.col("x").sum().over("s"),
    "rank": pl.col("x").rank(),
    "unique": pl.col("a").is_unique(),
    "running": pl.col("a").cum_sum(),
    "filled": pl.col("a").forward_fill(),
}


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_what_is_accepted_gives_a_row_the_same_value_alone_and_among_others(name: str) -> None:
    expression = ROW_BY_ROW[name]
    assert problem_with(expression, SCHEMA) == ""
    whole = ROWS.select(expression.alias("value"))
    alone = pl.concat([ROWS[row].select(expression.alias("value")) for row in range(ROWS.height)])
    assert whole.equals(alone, null_equal=True)


@pytest.mark.parametrize("name", ACROSS_ROWS)
def test_what_reads_other_rows_is_refused(name: str) -> None:
    expression = ACROSS_ROWS[name]
    assert looks_at_other_rows(expression, SCHEMA)
    assert "other rows" in problem_with(expression, SCHEMA)


SERIES = pl.Series([1, 2, 3, 4, 5, 6])
NUMBERS = st.sampled_from([pl.col("a"), pl.col("b"), pl.lit(2), pl.lit(SERIES), pl.col("l").list.sum()])


ALONE: list[Callable[[pl.Expr], pl.Expr]] = [
    lambda one: one + 1,
    lambda one: one.is_in([1, 2]).cast(pl.Int64),
    lambda one: one.is_in(SERIES).cast(pl.Int64),
    lambda one: one.is_in(pl.col("l")).cast(pl.Int64),
    lambda one: one.shift(1),
    lambda one: one.max(),
    lambda one: one.cum_sum(),
    lambda one: one.replace({1: 5}),
]
TOGETHER: list[Callable[[pl.Expr, pl.Expr], pl.Expr]] = [
    lambda one, other: one + other,
    lambda one, other: one.is_in(other).cast(pl.Int64),
    lambda one, other: one.replace(other, other),
    lambda one, other: pl.when(one > other).then(one).otherwise(other),
    lambda one, other: one.fill_null(other),
    pl.max_horizontal,
]


def _apply(make: Callable[..., pl.Expr], *parts: pl.Expr) -> pl.Expr:
    return make(*parts)


def _combined(parts: st.SearchStrategy[pl.Expr]) -> st.SearchStrategy[pl.Expr]:
    alone = st.builds(_apply, st.sampled_from(ALONE), parts)
    return alone | st.builds(_apply, st.sampled_from(TOGETHER), parts, parts)


@given(expression=st.recursive(NUMBERS, _combined, max_leaves=5))
@settings(max_examples=200, deadline=None)
def test_whatever_is_accepted_gives_a_row_the_same_value_alone_and_among_others(expression: pl.Expr) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Polars on sets that are columns
        if problem_with(expression, SCHEMA):
            return
        try:
            whole = ROWS.with_columns(value=expression).select("value")
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):  # Polars 2.1 panics on some sets of literals
            return
        alone = pl.concat([ROWS[row].with_columns(value=expression).select("value") for row in range(ROWS.height)])
    assert whole.equals(alone, null_equal=True)
