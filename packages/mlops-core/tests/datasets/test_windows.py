"""Window aggregates: one test per sentence of their promise, and random tables against the oracle."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_core.datasets.windows import Aggregate, WindowRule, aggregate_windows
from mlops_core.errors import DatasetError
from polars.testing import assert_frame_equal

from .oracle import aggregate, inside, is_nan, number
from .tables import EVERY_KEY, Tables, tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from mlops_core.features.window import AggregateKind

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULE = WindowRule(keys=(("id", "entity"),), event_time="t", over=2 * HOUR)
LEFT = replace(RULE, closed="left")
ROWS = Aggregate(kind="count", column=None, name="rows")
EVERY_KIND: tuple[AggregateKind, ...] = ("count", "sum", "mean", "min", "max", "last", "n_unique")


def spine_of(*hours: float | None) -> pl.DataFrame:
    at = [None if hour is None else NOON + (hour - 12) * HOUR for hour in hours]
    return pl.DataFrame({"entity": ["a"] * len(at), "at": pl.Series(at, dtype=pl.Datetime("us", "UTC"))})


def events_of(*events: tuple[float | None, Any], dtype: pl.DataType | None = None) -> pl.LazyFrame:
    """Rows of (hour of the event, value), all of entity a."""
    times = [None if hour is None else NOON + (hour - 12) * HOUR for hour, _ in events]
    return pl.LazyFrame(
        {
            "id": pl.Series(["a"] * len(events), dtype=pl.String),
            "t": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "v": pl.Series([value for _, value in events], dtype=dtype),
        }
    )


def of(kind: str, column: str | None = "v") -> Aggregate:
    return Aggregate(kind=cast("AggregateKind", kind), column=column, name=kind)


def answer(
    spine: pl.DataFrame, source: pl.LazyFrame, *aggregates: Aggregate, rule: WindowRule = RULE
) -> list[tuple[Any, ...]]:
    return aggregate_windows(spine, source, rule, at="at", aggregates=aggregates, source_name="events").rows()


def single(
    kind: str, *values: Any, dtype: pl.DataType | None = None, column: str | None = "v", rule: WindowRule = RULE
) -> Any:
    """One aggregate over one window with these values, the first being the earliest."""
    step = 1 / max(len(values), 1)
    source = events_of(*((11 + place * step, value) for place, value in enumerate(values)), dtype=dtype)
    return answer(spine_of(12), source, of(kind, column), rule=rule)[0][0]


# --- the window ---


def test_the_window_is_open_at_its_far_end_and_closed_at_the_moment() -> None:
    source = events_of((10, 1), (12, 2))
    assert answer(spine_of(12, 11.999, 12.001, 10, 9.999, 14), source, ROWS) == [(1,), (1,), (1,), (1,), (0,), (0,)]
    assert answer(spine_of(12), source, of("sum")) == [(2,)]


def test_closed_left_includes_the_far_end_and_not_the_moment() -> None:
    source = events_of((10, 1), (12, 2))
    assert answer(spine_of(12, 11.999, 12.001, 10, 14), source, ROWS, rule=LEFT) == [(1,), (1,), (1,), (0,), (1,)]
    assert answer(spine_of(12), source, of("sum"), rule=LEFT) == [(1,)]


def test_the_window_is_relative_to_the_rows_own_moment_and_not_to_the_last_event() -> None:
    source = events_of((9, 1), (10.5, 2), (11, 4))
    assert answer(spine_of(11, 12, 12.75, 13.5), source, of("sum")) == [(6,), (6,), (4,), (0,)]


def test_a_null_moment_a_null_key_and_a_null_event_time_match_nothing() -> None:
    spine = pl.DataFrame({"entity": ["a", None, "a"], "at": [NOON, NOON, None]})
    source = pl.LazyFrame({"id": ["a", None, "a"], "t": [NOON, NOON, None], "v": [1, 2, 4]})
    assert answer(spine, source, of("sum"), ROWS) == [(1, 1), (0, 0), (0, 0)]


def test_entities_do_not_share_windows() -> None:
    spine = pl.DataFrame({"entity": ["b", "a", "z", "b"], "at": [NOON] * 4})
    source = pl.LazyFrame({"id": ["a", "b", "a", "c"], "t": [NOON, NOON, NOON - HOUR, NOON], "v": [1, 2, 4, 8]})
    assert answer(spine, source, of("sum")) == [(2,), (5,), (0,), (2,)]
    assert answer(spine, source, of("sum"), rule=replace(RULE, keys=())) == [(15,)] * 4


def test_known_at_counts_only_what_was_recorded_by_the_moment() -> None:
    created = [NOON - HOUR, NOON, NOON + HOUR, None]
    source = events_of((11, 1), (11.5, 2), (11.75, 4), (11.8, 8)).with_columns(c=pl.Series(created))
    rule = replace(RULE, created_time="c", known_at=True)
    aggregates = [of("sum"), of("last"), ROWS]
    assert answer(spine_of(12, 13, 11.4, 11.999), source, *aggregates, rule=rule) == [
        (3, 2, 2), (6, 4, 2), (1, 1, 1), (1, 1, 1),
    ]  # fmt: skip


def test_known_at_can_leave_a_window_empty() -> None:
    source = events_of((11, 1)).with_columns(c=pl.lit(NOON + HOUR))
    rule = replace(RULE, created_time="c", known_at=True)
    aggregates = [of(kind) for kind in EVERY_KIND]
    assert answer(spine_of(12), source, *aggregates, rule=rule) == [(0, 0, None, None, None, None, 0)]


# --- the aggregates ---


def test_an_empty_window_has_zero_counts_and_sums_and_everything_else_null() -> None:
    for dtype in (pl.Int32(), pl.Float32(), pl.Boolean()):
        source = events_of((1, None), dtype=dtype)
        aggregates = [of(kind) for kind in EVERY_KIND]
        assert answer(spine_of(12), source, *aggregates, ROWS) == [(0, 0, None, None, None, None, 0, 0)]


def test_nulls_are_ignored_but_by_last_and_the_count_of_rows() -> None:
    found = [single(kind, 5, None, 3, None) for kind in EVERY_KIND]
    assert found == [2, 8, 4.0, 3, 5, None, 2]
    assert single("count", 5, None, 3, None, column=None) == 4
    assert [single(kind, None, None, dtype=pl.Float64()) for kind in EVERY_KIND] == [0, 0, None, None, None, None, 0]


def test_sums_of_integers_are_exact() -> None:
    assert single("sum", 2**62, 1, -(2**62), 2**53 + 1) == 2**53 + 2
    assert single("sum", 250, 250, dtype=pl.UInt8()) == 500


def test_running_sums_may_overflow_where_no_window_does() -> None:
    events = [(hour / 10, 2**62) for hour in range(120)]
    assert answer(spine_of(6), events_of(*events), of("sum"), rule=replace(RULE, over=HOUR / 10)) == [(2**62,)]


@pytest.mark.parametrize("values", [(2**62, 2**62), (-(2**62), -(2**62), -1)])
def test_a_sum_that_does_not_fit_is_an_error(values: tuple[int, ...]) -> None:
    with pytest.raises(DatasetError) as caught:
        single("sum", *values)
    error = caught.value
    assert error.what == "the sum 'sum' overflows"
    assert error.where == "source 'events', column 'v'"
    assert "1 windows" in error.why
    assert "Float64" in error.hint


def test_the_mean_of_integers_comes_from_the_exact_sum() -> None:
    assert single("mean", 2**62, 2**62, 2**62) == 2**62
    assert single("mean", 2**53, 1, 1) == (2**53 + 2) / 3
    assert single("mean", 2**64 - 1, 2**64 - 1, dtype=pl.UInt64()) == 2.0**64


def test_booleans_count_as_zero_and_one() -> None:
    values = (True, False, True, None)
    assert [single(kind, *values) for kind in ("sum", "mean", "min", "max")] == [2, 2 / 3, False, True]


def test_a_float_sum_holds_nothing_of_what_left_the_window() -> None:
    """A running float sum fails here: 1e16 swallows the ones after it for good."""
    events = [(hour / 100, 1e16 if hour % 7 == 0 else 1.0) for hour in range(1200)]
    rule = replace(RULE, over=3 * HOUR / 100)
    hours = [hour / 100 for hour in range(1, 1200)] + [13.0]
    found = answer(spine_of(*hours), events_of(*events), of("sum"), of("mean"), ROWS, rule=rule)
    exact = [events[max(0, place - 2) : place + 1] for place in range(1, 1200)]
    for (total, mean, rows), window in zip(found, exact, strict=False):
        values = [value for _, value in window]
        assert rows == len(values)
        assert total == pytest.approx(math.fsum(values), rel=1e-15)
        assert mean == pytest.approx(math.fsum(values) / len(values), rel=1e-15)
    assert found[-1] == (0.0, None, 0)


def test_a_long_float_sum_is_accurate() -> None:
    values = [0.1] * 100_000
    events = pl.LazyFrame({"id": "a", "t": [NOON] * len(values), "v": values})
    assert answer(spine_of(12), events, of("sum"))[0][0] == pytest.approx(math.fsum(values), rel=1e-14)


def test_nan_makes_sum_and_mean_nan_and_only_in_its_own_windows() -> None:
    source = events_of((9, 1.0), (10, math.nan), (11.5, 2.0), (12, 4.0))
    found = answer(spine_of(9.5, 11, 12), source, of("sum"), of("mean"))
    assert found[0] == (1.0, 1.0)
    assert all(math.isnan(value) for value in found[1])
    assert found[2] == (6.0, 3.0)


def test_infinities_follow_arithmetic() -> None:
    assert single("sum", math.inf, 1.0) == math.inf
    assert math.isnan(single("sum", math.inf, -math.inf))
    assert [single("min", math.inf, 1.0), single("max", math.inf, 1.0)] == [1.0, math.inf]


def test_min_and_max_pass_over_nan_unless_there_is_nothing_else() -> None:
    assert [single(kind, math.nan, 1.0, 2.0) for kind in ("min", "max")] == [1.0, 2.0]
    assert all(math.isnan(single(kind, math.nan, None)) for kind in ("min", "max"))


@pytest.mark.parametrize("dtype", [pl.Date(), pl.Datetime("ms", "Asia/Tokyo"), pl.Duration("ns"), pl.Time()])
def test_min_and_max_of_times(dtype: pl.DataType) -> None:
    values = pl.Series([3, None, 1]).cast(dtype)
    source = events_of((11, 0), (11.1, 0), (11.2, 0)).with_columns(v=values)
    assert answer(spine_of(12), source, of("min"), of("max")) == [(values[2], values[0])]


@pytest.mark.parametrize(
    ("dtype", "lowest", "highest"),
    [
        (pl.Int8(), -128, 127),
        (pl.Int64(), -(2**63), 2**63 - 1),
        (pl.UInt64(), 0, 2**64 - 1),
        (pl.Float32(), -math.inf, math.inf),
    ],
)
def test_min_and_max_at_the_ends_of_a_type(dtype: pl.DataType, lowest: float, highest: float) -> None:
    source = events_of((11, lowest), (11.5, None), (12, highest), dtype=dtype)
    assert answer(spine_of(11.4, 12, 13.9), source, of("min"), of("max")) == [
        (lowest, lowest), (lowest, highest), (highest, highest),
    ]  # fmt: skip


def test_last_is_the_latest_by_event_time_then_created_time_then_position() -> None:
    assert single("last", "early", "late", None) is None
    source = events_of((11, 1), (11, 2), (10.5, 3)).with_columns(c=pl.Series([NOON, NOON - HOUR, NOON]))
    assert answer(spine_of(12), source, of("last")) == [(2,)]
    assert answer(spine_of(12), source, of("last"), rule=replace(RULE, created_time="c")) == [(1,)]
    unknown = source.with_columns(c=pl.Series([NOON, None, None], dtype=pl.Datetime("us", "UTC")))
    assert answer(spine_of(12), unknown, of("last"), rule=replace(RULE, created_time="c")) == [(1,)]


def test_n_unique_counts_different_values_and_one_nan() -> None:
    assert single("n_unique", "x", "y", "x", None) == 2
    assert single("n_unique", math.nan, math.nan, 0.0, -0.0) == 2


def test_n_unique_looks_only_into_its_own_window() -> None:
    source = events_of((9, "x"), (10.5, "y"), (11, "x"), (12, "x"), (12.5, "y"))
    assert answer(spine_of(10, 11, 12, 12.4, 12.5), source, of("n_unique")) == [(1,), (2,), (2,), (2,), (2,)]
    assert answer(spine_of(12.4), source, of("n_unique"), rule=replace(RULE, over=HOUR)) == [(1,)]


# --- schema, errors, edges ---

SUMMED = {"count": pl.Int64(), "n_unique": pl.Int64(), "mean": pl.Float64()}


@pytest.mark.parametrize("known_at", [False, True])
@pytest.mark.parametrize("rows", [(0, 0), (0, 3), (3, 0), (3, 3)])
@pytest.mark.parametrize("dtype", [pl.Int8(), pl.UInt64(), pl.Boolean(), pl.Float32(), pl.Float64()])
def test_dtypes_depend_on_the_schema_alone(dtype: pl.DataType, rows: tuple[int, int], *, known_at: bool) -> None:
    rule = replace(RULE, created_time="t", known_at=known_at)
    source = events_of((11, 1), (11.5, None), (12, 0)).cast({"v": dtype}).head(rows[1])
    found = aggregate_windows(
        spine_of(12, 13, 1).head(rows[0]), source, rule, at="at",
        aggregates=[ROWS, *map(of, EVERY_KIND)], source_name="events",
    )  # fmt: skip
    total = pl.Float64() if dtype.is_float() else pl.Int64()
    assert dict(found.schema) == {"rows": pl.Int64(), **dict.fromkeys(EVERY_KIND, dtype), **SUMMED, "sum": total}
    assert found.height == rows[0]


@pytest.mark.parametrize("dtype", [pl.String(), pl.Categorical(), pl.List(pl.Int8()), pl.Date()])
def test_last_and_count_take_every_dtype(dtype: pl.DataType) -> None:
    source = events_of((11, None), dtype=pl.Int8()).with_columns(v=pl.lit(None, dtype=dtype))
    found = aggregate_windows(
        spine_of(12), source, RULE, at="at", aggregates=[of("last"), of("count")], source_name="events"
    )
    assert found.schema == pl.Schema({"last": dtype, "count": pl.Int64()})


@pytest.mark.parametrize("kind", ["sum", "mean", "min", "max"])
@pytest.mark.parametrize("dtype", [pl.String(), pl.Categorical(), pl.Decimal(9, 2), pl.List(pl.Int8()), pl.Int128()])
def test_an_aggregate_that_a_type_does_not_have_is_an_error(kind: str, dtype: pl.DataType) -> None:
    source = events_of((11, None), dtype=pl.Int8()).with_columns(v=pl.lit(None, dtype=dtype))
    with pytest.raises(DatasetError) as caught:
        answer(spine_of(12), source, of(kind))
    error = caught.value
    assert error.what == f"the aggregate '{kind}' cannot be computed"
    assert error.where == "source 'events'"
    assert f"{kind} of the column 'v'" in error.why
    assert str(dtype) in error.why
    assert "cast" in error.hint


@pytest.mark.parametrize("kind", ["sum", "mean"])
def test_times_have_no_sum(kind: str) -> None:
    with pytest.raises(DatasetError, match="cannot be computed"):
        single(kind, NOON)


def test_n_unique_of_nested_values_is_an_error() -> None:
    with pytest.raises(DatasetError, match="n_unique of the column 'v'"):
        single("n_unique", [1, 2])


@pytest.mark.parametrize(
    ("aggregates", "why", "hint"),
    [
        ([of("quantile")], "'quantile'", "known: count, last, max, mean, min, n_unique, sum"),
        ([of("summ")], "'summ'", "did you mean 'sum'?"),
        ([of("sum", None)], "needs a column", "count"),
        ([of("sum", "vv")], "no column 'vv'", "did you mean 'v'?"),
        ([of("sum"), of("sum")], "same name", "name of its own"),
    ],
)
def test_an_aggregate_that_cannot_be_computed_is_an_error(aggregates: list[Aggregate], why: str, hint: str) -> None:
    with pytest.raises(DatasetError, match="cannot be computed") as caught:
        answer(spine_of(12), events_of((11, 1)), *aggregates)
    assert caught.value.where == "source 'events'"
    assert why in caught.value.why
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (replace(RULE, over=timedelta(0)), "its length is 0:00:00"),
        (replace(RULE, over=-HOUR), "its length is -1 day"),
        (replace(RULE, closed=cast("Any", "both")), "'both'"),
        (replace(RULE, known_at=True), "created time"),
    ],
)
def test_a_rule_that_cannot_work_is_an_error(rule: WindowRule, why: str) -> None:
    with pytest.raises(DatasetError, match="the window cannot work") as caught:
        answer(spine_of(12), events_of((11, 1)), ROWS, rule=rule)
    assert caught.value.where == "source 'events'"
    assert why in caught.value.why
    assert caught.value.hint


def test_a_window_longer_than_all_time_holds_every_event() -> None:
    for closed in ("left", "right"):
        rule = replace(RULE, over=timedelta.max, closed=closed)
        assert answer(spine_of(12), events_of((1, 1), (11, 2)), of("sum"), rule=rule) == [(3,)]


def test_names_of_columns_never_collide() -> None:
    names = ["spine_row", "slot", "row", "group", "time", "created", "moment", "position", "first", "end", "value", "v"]
    spine = pl.DataFrame({name: ["a"] for name in names} | {"moment": [NOON]})
    source = pl.LazyFrame({name: [1, 2] for name in names} | {"time": [NOON, NOON], "group": ["a", "a"]})
    rule = WindowRule(keys=(("group", "spine_row"),), event_time="time", over=HOUR)
    columns = [name for name in names if name not in ("time", "group")]
    aggregates = [Aggregate(kind="sum", column=name, name=name) for name in columns]
    found = aggregate_windows(spine, source, rule, at="moment", aggregates=aggregates, source_name="events")
    assert found.columns == columns
    assert found.rows() == [(3,) * len(columns)]


# --- random tables against the oracle ---

RULES = st.builds(
    WindowRule,
    keys=st.sampled_from((EVERY_KEY, EVERY_KEY[:1], EVERY_KEY[1:], ())),
    event_time=st.just("event"),
    over=st.just(HOUR),
    closed=st.sampled_from(("right", "left")),
    created_time=st.sampled_from(("created", "created", None)),
    known_at=st.booleans(),
).map(lambda rule: replace(rule, known_at=rule.known_at and rule.created_time is not None))
LENGTHS = st.integers(1, 8)
PAIRS = st.sampled_from((1, 3, 2_000_000))
ASKED = [
    ROWS,
    *(
        Aggregate(kind=kind, column=column, name=f"{kind}_{column}")
        for column in ("real", "whole", "flag")
        for kind in EVERY_KIND
    ),
    Aggregate(kind="n_unique", column="name", name="names"),
    Aggregate(kind="last", column="id", name="id"),
]
SOME = st.lists(st.sampled_from(ASKED), min_size=1, max_size=6, unique=True)
SUM_THAT_MAY_OVERFLOW = "sum_whole"


def asked(rule: WindowRule, length: int, table: Tables) -> WindowRule:
    return replace(rule, over=timedelta(microseconds=length * table.step))


def run(table: Tables, rule: WindowRule, aggregates: Sequence[Aggregate], *, pairs_at_once: int) -> pl.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlops_core.datasets._segments.PAIRS_AT_ONCE", pairs_at_once)
        return aggregate_windows(table.spine, table.source, rule, at="at", aggregates=aggregates, source_name="random")


@given(table=tables(), rule=RULES, length=LENGTHS, aggregates=SOME, pairs_at_once=PAIRS)
@settings(deadline=None, max_examples=300)
def test_random_tables_equal_the_oracle(
    table: Tables, rule: WindowRule, length: int, aggregates: list[Aggregate], pairs_at_once: int
) -> None:
    rule = asked(rule, length, table)
    windows = [inside(row, table.source_rows, rule, "at") for row in table.spine_rows]
    totals = [number(aggregate("sum", "whole", events)) for events in windows]
    if SUM_THAT_MAY_OVERFLOW in [each.name for each in aggregates] and not all(fits(total) for total in totals):
        with pytest.raises(DatasetError, match="overflows"):
            run(table, rule, aggregates, pairs_at_once=pairs_at_once)
        return
    found = run(table, rule, aggregates, pairs_at_once=pairs_at_once)
    for each in aggregates:
        for value, events in zip(found.get_column(each.name).to_list(), windows, strict=True):
            expected = aggregate(each.kind, each.column, events)
            if is_nan(expected):
                assert is_nan(value), each.name
            elif expected is not None and each.column == "real" and each.kind in ("sum", "mean"):
                sizes = [abs(number(event["real"])) for event in events if event["real"] is not None]
                assert value == pytest.approx(expected, rel=0, abs=1e-12 * math.fsum(sizes)), each.name
            else:
                assert value == expected, each.name


@given(table=tables(), rule=RULES, length=LENGTHS, aggregates=SOME, cut=st.integers(-6, 6))
@settings(deadline=None, max_examples=150)
def test_changing_anything_later_than_the_moment_changes_nothing(
    table: Tables, rule: WindowRule, length: int, aggregates: list[Aggregate], cut: int
) -> None:
    """The leakage test: moments up to the cut see the same without all that happened (or was recorded) after it.

    So any two sources that agree up to the cut give the same answer: each gives that of their common part.
    """
    rule = asked(rule, length, table)
    past, whole = table.split(cut, clock="created" if rule.known_at else "event")
    before = outcome(past, rule, aggregates, pairs_at_once=4)
    assert outcome(whole, rule, aggregates, pairs_at_once=1_000) == before


@given(table=tables(), rule=RULES, length=LENGTHS, aggregates=SOME, order=st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_a_row_of_the_spine_is_answered_alike_in_any_company(
    table: Tables, rule: WindowRule, length: int, aggregates: list[Aggregate], order: Random
) -> None:
    rule = asked(rule, length, table)
    aggregates = [each for each in aggregates if each.name != SUM_THAT_MAY_OVERFLOW] or [ROWS]
    rows = [order.randrange(table.spine.height) for _ in range(table.spine.height)]
    together = run(table, rule, aggregates, pairs_at_once=3)[rows]
    apart = run(replace(table, spine=table.spine[rows]), rule, aggregates, pairs_at_once=5)
    assert_frame_equal(together, apart, check_exact=True)


def outcome(table: Tables, rule: WindowRule, aggregates: Sequence[Aggregate], *, pairs_at_once: int) -> str:
    """Every value, to the last bit, or the error."""
    try:
        return repr(run(table, rule, aggregates, pairs_at_once=pairs_at_once).to_dict(as_series=False))
    except DatasetError as error:
        return error.what  # why it failed counts the windows of the chunk at hand, which is not part of the answer


def fits(total: float) -> bool:
    return -(2**63) <= total < 2**63
