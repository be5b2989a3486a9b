"""The point-in-time join: one test per sentence of its promise, and random tables against the oracle."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_core.datasets.point_in_time import AsOfRule, as_of
from mlops_core.errors import DatasetError
from polars.io.plugins import register_io_source
from polars.testing import assert_frame_equal

from .oracle import chosen
from .tables import EVERY_KEY, Tables, column, tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RULE = AsOfRule(keys=(("id", "entity"),), event_time="t", created_time="c")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def spine_of(*rows: tuple[Any, Any]) -> pl.DataFrame:
    """Rows of (entity, hour of the day)."""
    return pl.DataFrame(
        {"entity": [entity for entity, _ in rows], "at": [clock(hour) for _, hour in rows]},
        schema={"entity": pl.String, "at": pl.Datetime("us", "UTC")},
    )


def source_of(*rows: tuple[Any, Any, Any, Any]) -> pl.LazyFrame:
    """Rows of (entity, hour of the event, hour of its recording, value)."""
    return pl.LazyFrame(
        {
            "id": [row[0] for row in rows],
            "t": [clock(row[1]) for row in rows],
            "c": [clock(row[2]) for row in rows],
            "v": [row[3] for row in rows],
        },
        schema={"id": pl.String, "t": pl.Datetime("us", "UTC"), "c": pl.Datetime("us", "UTC"), "v": pl.Int64},
    )


def clock(hour: float | None) -> datetime | None:
    return None if hour is None else NOON + (hour - 12) * HOUR


def answer(spine: pl.DataFrame, source: pl.LazyFrame, rule: AsOfRule = RULE) -> list[int | None]:
    return as_of(spine, source, rule, at="at", columns=["v"], source_name="events").get_column("v").to_list()


# --- the promise, sentence by sentence ---


def test_equal_is_visible_and_later_is_not() -> None:
    source = source_of(("a", 12, None, 1), ("a", 13, None, 2))
    assert answer(spine_of(("a", 12), ("a", 12.99), ("a", 11.99)), source) == [1, 1, None]


def test_the_largest_event_time_wins_wherever_it_stands() -> None:
    source = source_of(("a", 10, None, 10), ("a", 11, None, 11), ("a", 9, None, 9), ("b", 11.5, None, 0))
    assert answer(spine_of(("a", 12)), source) == [11]


def test_a_null_entity_or_a_null_time_matches_nothing() -> None:
    source = source_of((None, 10, None, 1), ("a", None, None, 2))
    assert answer(spine_of((None, 12), ("a", 12), ("b", 12)), source) == [None, None, None]
    assert answer(spine_of(("a", None)), source_of(("a", 10, None, 1))) == [None]


def test_a_null_part_of_a_key_matches_nothing() -> None:
    spine = pl.DataFrame({"one": ["a", "a"], "two": [1, None], "at": [NOON, NOON]})
    source = pl.LazyFrame({"one": ["a", "a", "a"], "two": [1, None, 2], "t": [NOON] * 3, "v": [1, 2, 3]})
    rule = AsOfRule(keys=(("one", "one"), ("two", "two")), event_time="t")
    assert answer(spine, source, rule) == [1, None]


def test_the_boundary_of_max_age_is_included() -> None:
    rule = replace(RULE, max_age=2 * HOUR)
    second = 1 / 3600
    assert answer(spine_of(("a", 12), ("a", 12 + second)), source_of(("a", 10, None, 1)), rule) == [1, None]


def test_a_max_age_of_zero_means_exactly_the_moment() -> None:
    rule = replace(RULE, max_age=timedelta(0))
    source = source_of(("a", 12, None, 1))
    assert answer(spine_of(("a", 12), ("a", 12.001), ("a", 11.999)), source, rule) == [1, None, None]


def test_a_max_age_longer_than_all_time_is_no_limit() -> None:
    rule = replace(RULE, max_age=timedelta.max)
    assert answer(spine_of(("a", 12)), source_of(("a", 10, None, 1)), rule) == [1]


def test_on_a_tie_the_largest_created_time_wins_and_null_is_smallest() -> None:
    tied = source_of(("a", 10, 11, 1), ("a", 10, 14, 2), ("a", 10, None, 3))
    assert answer(spine_of(("a", 12)), tied) == [2]
    assert answer(spine_of(("a", 12)), source_of(("a", 10, -5000, 1), ("a", 10, None, 2))) == [1]


def test_on_an_exact_tie_the_last_row_of_the_source_wins() -> None:
    source = source_of(("a", 10, 11, 3), ("a", 10, 11, 1), ("a", 10, 11, 2), ("a", 10, 10, 9))
    assert answer(spine_of(("a", 12)), source) == [2]


def test_strict_refuses_an_exact_tie_with_different_values() -> None:
    source = source_of(("a", 10, None, 1), ("a", 10, None, 2))
    with pytest.raises(DatasetError) as caught:
        answer(spine_of(("a", 12), ("a", 13), ("a", 9)), source, replace(RULE, strict=True))
    error = caught.value
    assert error.what.startswith("2 rows of the spine")
    assert error.where == "source 'events', columns 'v'"
    assert "'id', 't', 'c'" in error.why
    assert "2026-01-01 10:00:00" in error.why
    assert error.hint


def test_strict_accepts_ties_that_agree_lose_or_are_not_seen() -> None:
    rule = replace(RULE, strict=True)
    source = source_of(
        ("a", 10, None, 1), ("a", 10, None, 1), ("a", 9, 9, 5), ("a", 9, 9, 6), ("a", 20, 1, 7), ("a", 20, 1, 8)
    )
    assert answer(spine_of(("a", 12)), source, rule) == [1]


def test_known_at_uses_an_older_known_row_where_the_newest_was_not_yet_known() -> None:
    source = source_of(("a", 10, 10.5, 1), ("a", 11, 13, 2))
    rule = replace(RULE, known_at=True)
    assert answer(spine_of(("a", 12), ("a", 13), ("a", 10.25)), source, rule) == [1, 2, None]
    assert answer(spine_of(("a", 12)), source) == [2]


def test_known_at_never_shows_a_row_without_a_created_time() -> None:
    source = source_of(("a", 10, 10, 1), ("a", 11, None, 2))
    assert answer(spine_of(("a", 12)), source, replace(RULE, known_at=True)) == [1]


def test_known_at_does_not_show_what_was_recorded_before_it_happened() -> None:
    source = source_of(("a", 13, 10, 1))
    assert answer(spine_of(("a", 12), ("a", 13)), source, replace(RULE, known_at=True)) == [None, 1]


def test_known_at_prefers_a_newer_event_to_a_later_recording() -> None:
    source = source_of(("a", 11, 11, 1), ("a", 10, 11.5, 2))
    assert answer(spine_of(("a", 12)), source, replace(RULE, known_at=True)) == [1]


def test_the_chosen_row_is_returned_as_it_is() -> None:
    source = source_of(("a", 10, None, 1), ("a", 11, None, None))
    found = as_of(spine_of(("a", 12)), source, RULE, at="at", columns=["v", "c", "t"], source_name="events")
    assert found.rows() == [(None, None, clock(11))]


def test_exactly_the_rows_of_the_spine_in_its_order() -> None:
    source = source_of(("a", 10, None, 1), ("a", 11, None, 2), ("b", 10, None, 3))
    spine = spine_of(("b", 12), ("a", 12), ("zz", 9), ("a", 10.5), ("b", 12), (None, 5), ("a", None))
    before = spine.clone()
    assert answer(spine, source) == [3, 2, None, 1, 3, None, None]
    assert_frame_equal(spine, before)


def test_without_keys_all_rows_are_one_group() -> None:
    rule = replace(RULE, keys=())
    assert answer(spine_of((None, 12), ("b", 9)), source_of(("a", 10, None, 1), (None, 11, None, 2)), rule) == [2, None]


@pytest.mark.parametrize("known_at", [False, True])
def test_a_static_lookup_needs_no_moment(*, known_at: bool) -> None:
    planes = pl.LazyFrame({"id": ["a", "b"], "v": [1, 2], "c": [NOON, NOON]})
    spine = spine_of(("b", None), ("a", 13), ("z", 13), ("b", 11))
    if known_at:
        rule = AsOfRule(keys=RULE.keys, event_time=None, created_time="c", known_at=True)
        assert answer(spine, planes, rule) == [None, 1, None, None]
    else:
        rule = AsOfRule(keys=RULE.keys, event_time=None)
        found = as_of(spine, planes, rule, at=None, columns=["v"], source_name="planes")
        assert found.get_column("v").to_list() == [2, 1, None, 2]


def test_a_static_lookup_takes_the_latest_recording_or_the_last_row() -> None:
    planes = source_of(("a", None, 11, 1), ("a", None, 9, 2), ("b", None, None, 3), ("b", None, None, 4))
    rule = AsOfRule(keys=RULE.keys, event_time=None, created_time="c")
    assert answer(spine_of(("a", 10), ("b", 10)), planes, rule) == [1, 4]
    with pytest.raises(DatasetError, match="tie and differ"):
        answer(spine_of(("b", 10)), planes, replace(rule, strict=True))


# --- instants and keys ---


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_units_and_zones_unify(unit: Any, zone: str) -> None:
    source = source_of(("a", 12, None, 1)).with_columns(
        pl.col("t").cast(pl.Datetime(unit, "UTC")).dt.convert_time_zone(zone)
    )
    assert answer(spine_of(("a", 12), ("a", 11.9999)), source) == [1, None]


@pytest.mark.parametrize(
    ("event", "moment", "seen"), [(1_500, 1_000, 1), (-1, 0, 1), (-1, -1_000, 1), (0, -1, None), (-1_000, -1_001, None)]
)
def test_nanoseconds_are_floored_to_microseconds(event: int, moment: int, seen: int | None) -> None:
    spine = pl.DataFrame({"entity": ["a"], "at": pl.Series([moment]).cast(pl.Datetime("ns"))})
    source = pl.LazyFrame({"id": ["a"], "t": pl.Series([event]).cast(pl.Datetime("ns")), "v": [1]})
    assert answer(spine, source, AsOfRule(keys=RULE.keys, event_time="t")) == [seen]


def test_the_largest_millisecond_is_never_and_not_the_past() -> None:
    never = pl.Series([2**63 - 1, 2**53]).cast(pl.Datetime("ms"))
    source = pl.LazyFrame({"id": ["a", "a"], "t": never, "v": [1, 2]})
    spine = pl.DataFrame({"entity": ["a"], "at": [NOON.replace(tzinfo=None)]})
    assert answer(spine, source, AsOfRule(keys=RULE.keys, event_time="t")) == [None]


def test_dates_compare_with_dates() -> None:
    spine = pl.DataFrame({"entity": ["a", "a"], "at": [date(2026, 1, 2), date(2026, 1, 3)]})
    source = pl.LazyFrame({"id": ["a"], "t": [date(2026, 1, 1)], "v": [1]})
    assert answer(spine, source, AsOfRule(keys=RULE.keys, event_time="t", max_age=timedelta(days=1))) == [1, None]


@pytest.mark.parametrize("theirs", [pl.Datetime("us"), pl.Date(), pl.Int64(), pl.String()])
def test_times_that_cannot_be_compared_are_an_error(theirs: pl.DataType) -> None:
    source = source_of(("a", 12, None, 1)).with_columns(pl.col("t").dt.replace_time_zone(None).cast(theirs))
    with pytest.raises(DatasetError) as caught:
        answer(spine_of(("a", 12)), source)
    error = caught.value
    assert "'t'" in error.what
    assert error.where == "source 'events'"
    assert error.why
    assert "pl.col" in error.hint


def test_known_at_compares_the_created_time_too() -> None:
    source = source_of(("a", 12, 12, 1)).with_columns(pl.col("c").dt.replace_time_zone(None))
    assert answer(spine_of(("a", 12)), source) == [1]  # only orders ties, so any clock will do
    with pytest.raises(DatasetError, match="created time 'c'"):
        answer(spine_of(("a", 12)), source, replace(RULE, known_at=True))


WIDTHS = (pl.Int8(), pl.Int32(), pl.Int64(), pl.UInt16(), pl.UInt64(), pl.Int128(), pl.UInt128())


@pytest.mark.parametrize("mine", WIDTHS)
@pytest.mark.parametrize("theirs", WIDTHS)
def test_integer_widths_unify(mine: pl.DataType, theirs: pl.DataType) -> None:
    assert key_answer(pl.Series([7, 8]).cast(mine), pl.Series([8, 9]).cast(theirs)) == [None, 1]


def test_integers_that_no_common_type_holds_are_never_equal() -> None:
    large, negative = pl.Series([2**64 - 1, 2**63], dtype=pl.UInt64), pl.Series([-1, -(2**63)], dtype=pl.Int64)
    assert key_answer(large, negative) == [None, None]
    assert key_answer(large, large) == [1, 2]
    assert key_answer(large.cast(pl.Int128), large) == [1, 2]


TEXTS = (pl.String(), pl.Categorical(), pl.Enum(["b", "a"]), pl.Enum(["a", "b", "c"]))


@pytest.mark.parametrize("mine", TEXTS)
@pytest.mark.parametrize("theirs", TEXTS)
def test_text_compares_as_text_however_it_is_kept(mine: pl.DataType, theirs: pl.DataType) -> None:
    assert key_answer(pl.Series(["a", "b"]).cast(mine), pl.Series(["b", "a"]).cast(theirs)) == [2, 1]


@pytest.mark.parametrize(
    "keys",
    [
        pl.Series([True, False]),
        pl.Series([date(2026, 1, 1), date(2026, 1, 2)]),
        pl.Series([NOON, NOON + HOUR]),
        pl.Series([b"a", b"b"]),
    ],
)
def test_keys_of_other_types_match_their_like(keys: pl.Series) -> None:
    assert key_answer(keys, keys.reverse()) == [2, 1]


def test_datetime_keys_unify_like_instants() -> None:
    keys = pl.Series([NOON, NOON + HOUR])
    assert key_answer(keys, keys.cast(pl.Datetime("ms", "UTC")).dt.convert_time_zone("Asia/Tokyo")) == [1, 2]


@pytest.mark.parametrize("values", [["a", "b"], [7, 8], [True, False]])
def test_a_key_column_without_any_value_matches_nothing(values: list[Any]) -> None:
    empty = pl.Series([None, None], dtype=pl.Null)
    assert key_answer(empty, pl.Series(values)) == [None, None]
    assert key_answer(pl.Series(values), empty) == [None, None]
    assert key_answer(empty, empty) == [None, None]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (["1"], [1]),
        ([1], ["1"]),
        ([1.0], [1.0]),
        ([1], [1.0]),
        ([True], [1]),
        ([date(2026, 1, 1)], [NOON]),
        ([NOON], [NOON.replace(tzinfo=None)]),
        ([[1]], [[1]]),
        ([HOUR], [HOUR]),
    ],
)
def test_keys_that_cannot_be_compared_are_an_error(mine: list[Any], theirs: list[Any]) -> None:
    with pytest.raises(DatasetError) as caught:
        key_answer(pl.Series(mine), pl.Series(theirs))
    error = caught.value
    assert "'id'" in error.what
    assert "'entity'" in error.what
    assert error.where == "source 'events'"
    assert str(pl.Series(mine).dtype) in error.why
    assert str(pl.Series(theirs).dtype) in error.why
    assert "cast" in error.hint


def key_answer(mine: pl.Series, theirs: pl.Series) -> list[int | None]:
    """The position, from 1, of the source row with each key of the spine."""
    spine = pl.DataFrame({"entity": mine, "at": [NOON] * len(mine)})
    source = pl.LazyFrame({"id": theirs, "t": [NOON] * len(theirs), "v": range(1, len(theirs) + 1)})
    return answer(spine, source, AsOfRule(keys=RULE.keys, event_time="t"))


# --- what is refused, and edges ---


@pytest.mark.parametrize(
    ("rule", "at", "words"),
    [
        (RULE, None, "at="),
        (AsOfRule(keys=RULE.keys, event_time="t", known_at=True), "at", "created time"),
        (AsOfRule(keys=RULE.keys, event_time=None, created_time="c", known_at=True), None, "at="),
        (AsOfRule(keys=RULE.keys, event_time=None, max_age=HOUR), "at", "event time"),
        (replace(RULE, max_age=-HOUR), "at", "positive"),
    ],
)
def test_a_rule_that_cannot_work_is_an_error(rule: AsOfRule, at: str | None, words: str) -> None:
    with pytest.raises(DatasetError, match="cannot work") as caught:
        as_of(spine_of(("a", 12)), source_of(), rule, at=at, columns=["v"], source_name="events")
    assert caught.value.where == "source 'events'"
    assert caught.value.why
    assert words in caught.value.hint


@pytest.mark.parametrize(
    ("rule", "at", "columns", "what", "hint"),
    [
        (RULE, "att", ["v"], "the spine has no column 'att'", "did you mean 'at'?"),
        (replace(RULE, keys=(("id", "entitty"),)), "at", ["v"], "the spine has no column 'entitty'", "'entity'"),
        (replace(RULE, keys=(("idd", "entity"),)), "at", ["v"], "source 'events' has no column 'idd'", "'id'"),
        (replace(RULE, event_time="time"), "at", ["v"], "source 'events' has no column 'time'", "known: c, id, t, v"),
        (RULE, "at", ["v", "w"], "source 'events' has no column 'w'", "known: c, id, t, v"),
    ],
)
def test_a_missing_column_is_an_error(rule: AsOfRule, at: str, columns: list[str], what: str, hint: str) -> None:
    with pytest.raises(DatasetError) as caught:
        as_of(spine_of(("a", 12)), source_of(), rule, at=at, columns=columns, source_name="events")
    assert caught.value.what == what
    assert "events" in caught.value.where
    assert hint in caught.value.hint


def test_names_of_columns_never_collide() -> None:
    names = ["row", "rank", "group", "time", "created", "moment", "spine_row", "key_0", "visible", "answer", "v"]
    spine = pl.DataFrame({name: ["a"] for name in names} | {"moment": [NOON], "key_0": [1]})
    source = pl.LazyFrame({name: [f"old {name}", name] for name in names} | {"time": [NOON] * 2, "row": [1, 1]})
    rule = AsOfRule(keys=(("row", "key_0"),), event_time="time")
    found = as_of(spine, source, rule, at="moment", columns=names, source_name="events")
    assert found.columns == names
    assert found.row(0, named=True) == {name: name for name in names} | {"time": NOON, "row": 1}
    with pytest.raises(DatasetError, match="tie and differ"):
        as_of(spine, source, replace(rule, strict=True), at="moment", columns=names, source_name="events")


@pytest.mark.parametrize(("spine_rows", "source_rows"), [(0, 2), (2, 0), (0, 0)])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("known_at", [False, True])
def test_empty_tables_give_the_right_schema(spine_rows: int, source_rows: int, *, strict: bool, known_at: bool) -> None:
    spine = spine_of(("a", 12), ("b", 12)).head(spine_rows)
    source = source_of(("a", 10, 10, 1), ("a", 11, 11, 2)).head(source_rows)
    rule = replace(RULE, strict=strict, known_at=known_at, max_age=HOUR)
    found = as_of(spine, source, rule, at="at", columns=["t", "v"], source_name="events")
    assert found.schema == pl.Schema({"t": pl.Datetime("us", "UTC"), "v": pl.Int64()})
    assert found.height == spine_rows


def test_the_dtypes_of_the_source_stay() -> None:
    source = source_of(("a", 12, None, 1)).with_columns(
        pl.lit("x").cast(pl.Enum(["x"])).alias("enum"), pl.lit([1]).alias("list"), pl.struct("v").alias("struct")
    )
    columns = ["enum", "list", "struct"]
    found = as_of(spine_of(("a", 12), ("b", 12)), source, RULE, at="at", columns=columns, source_name="events")
    assert_frame_equal(found.head(1), source.select(columns).collect())
    assert found.row(1) == (None, None, None)


def test_only_the_needed_columns_and_reachable_rows_are_read() -> None:
    source = source_of(("a", 1, 1, 1), ("a", 11, 11, 2), ("a", 23, 23, 3)).with_columns(unused=pl.lit(0)).collect()
    read: list[pl.DataFrame] = []

    def scan(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = source if predicate is None else source.filter(predicate)
        read.append(wanted if with_columns is None else wanted.select(with_columns))
        yield read[-1]

    watched = register_io_source(scan, schema=source.schema)
    assert answer(spine_of(("a", 12)), watched, replace(RULE, max_age=2 * HOUR)) == [2]
    assert [(sorted(each.columns), each.height) for each in read] == [(["c", "id", "t", "v"], 1)]


# --- random tables against the oracle ---

RULES = st.builds(
    AsOfRule,
    keys=st.sampled_from((EVERY_KEY, EVERY_KEY[:1], EVERY_KEY[1:], ())),
    event_time=st.sampled_from(("event", "event", None)),
    created_time=st.sampled_from(("created", "created", None)),
    max_age=st.none(),
    known_at=st.booleans(),
    strict=st.just(value=False),
).map(lambda rule: replace(rule, known_at=rule.known_at and rule.created_time is not None))
AGES = st.none() | st.integers(0, 5)
ANSWERS = ["id", "event", "real"]


def asked(rule: AsOfRule, age: int | None, table: Tables) -> AsOfRule:
    if age is None or rule.event_time is None:
        return rule
    return replace(rule, max_age=timedelta(microseconds=age * table.step))


def run(table: Tables, rule: AsOfRule, columns: Sequence[str] = ANSWERS) -> pl.DataFrame:
    return as_of(table.spine, table.source, rule, at="at", columns=columns, source_name="random")


@given(table=tables(), rule=RULES, age=AGES)
@settings(deadline=None, max_examples=300)
def test_random_tables_equal_the_oracle(table: Tables, rule: AsOfRule, age: int | None) -> None:
    rule = asked(rule, age, table)
    rows = [(chosen(row, table.source_rows, rule, "at") or [None])[-1] for row in table.spine_rows]
    expected = table.source.collect().select(pl.col(ANSWERS).gather(pl.Series(rows, dtype=pl.Int64)))
    assert_frame_equal(run(table, rule), expected, check_exact=True)


@given(table=tables(), rule=RULES, age=AGES)
@settings(deadline=None, max_examples=150)
def test_strict_raises_exactly_where_the_oracle_sees_a_doubt(table: Tables, rule: AsOfRule, age: int | None) -> None:
    rule = asked(rule, age, table)
    ties = [chosen(row, table.source_rows, rule, "at") for row in table.spine_rows]
    flags = column("flag", table.source_rows)
    doubts = [len({flags[position] for position in tie}) > 1 for tie in ties]
    if any(doubts):
        with pytest.raises(DatasetError, match=f"^{sum(doubts)} rows of the spine"):
            run(table, replace(rule, strict=True), ["flag"])
    else:
        assert_frame_equal(run(table, replace(rule, strict=True), ["flag"]), run(table, rule, ["flag"]))


@given(table=tables(), rule=RULES, age=AGES, cut=st.integers(-6, 6))
@settings(deadline=None, max_examples=150)
def test_changing_anything_later_than_the_moment_changes_nothing(
    table: Tables, rule: AsOfRule, age: int | None, cut: int
) -> None:
    """The leakage test: moments up to the cut see the same without all that happened (or was recorded) after it.

    So any two sources that agree up to the cut give the same answer: each gives that of their common part.
    """
    if rule.event_time is None and not rule.known_at:
        return
    rule = asked(rule, age, table)
    past, later = table.split(cut, clock="created" if rule.known_at else "event")
    assert_frame_equal(run(past, rule), run(later, rule), check_exact=True)
