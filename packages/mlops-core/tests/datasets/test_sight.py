"""The leakage timeline: what is shown as visible is what the joins use."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from mlops_core.datasets import DatasetBuilder, Sight
from mlops_core.features import Feature, FeatureFactory, Source, Window, feature, window

from .example import FACTORY, LANDED, WEATHER, spine

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENTS = pl.DataFrame(
    {
        "id": ["a", "a", "a", "a", "a", "b"],
        "t": [NOON - 3 * HOUR, NOON - HOUR, NOON, NOON + HOUR, NOON + 5 * HOUR, NOON - HOUR],
        "known": [NOON, NOON + HOUR, None, NOON + HOUR, NOON + 5 * HOUR, NOON],
        "x": [1, 2, 3, 4, 5, 6],
    }
)
SPINE = pl.DataFrame({"id": ["a"], "at": [NOON]})


def sights(table: pl.DataFrame, *, known_at: bool = False, limit: int = 9, max_age: str = "2h") -> dict[str, Sight]:
    factory = FeatureFactory()
    events = Source("events", EVENTS, entity="id", event_time="t", created_time="known", max_age=max_age)

    def value() -> pl.Expr:
        return pl.col("x")

    def before(closed: str = "left") -> Window:
        return window("count", over="3h", closed=closed)

    used: list[Feature] = [feature(events, factory=factory)(value), feature(events, factory=factory)(before)]
    builder = DatasetBuilder(table, at="at").with_features(*used, used[1](closed="right").alias("until"))
    plan = (builder.known_at() if known_at else builder).plan()
    return {each.columns[0]: each for each in plan.sight(table, limit=limit)}


def test_a_look_up_uses_one_row_and_excludes_the_later_ones() -> None:
    seen = sights(SPINE)["value"]
    assert (seen.moment, seen.earliest) == (NOON, NOON - 2 * HOUR)
    assert (seen.visible, seen.visible_count) == ((NOON,), 1)
    assert (seen.excluded, seen.excluded_count) == ((NOON + HOUR, NOON + 5 * HOUR), 2)
    assert seen.source == "events"
    assert "at most 2h old" in seen.rule


def test_a_window_shows_the_newest_of_its_events_and_counts_all() -> None:
    seen = sights(SPINE, limit=1)
    assert (seen["before"].visible, seen["before"].visible_count) == ((NOON - HOUR,), 2)
    assert (seen["before"].excluded, seen["before"].excluded_count) == ((NOON,), 3)
    assert (seen["until"].visible, seen["until"].visible_count) == ((NOON,), 2)


def test_what_was_recorded_later_is_excluded() -> None:
    seen = sights(SPINE, known_at=True, max_age="9h")
    assert seen["value"].visible == (NOON - 3 * HOUR,)
    assert seen["value"].excluded == (NOON, NOON - HOUR, NOON + HOUR, NOON + 5 * HOUR)
    assert seen["before"].visible == (NOON - 3 * HOUR,)


def test_a_row_without_a_moment_sees_nothing() -> None:
    table = pl.DataFrame({"id": ["a"], "at": [None]}, schema_overrides={"at": SPINE.schema["at"]})
    seen = sights(table)["value"]
    assert (seen.moment, seen.earliest, seen.visible, seen.excluded, seen.excluded_count) == (None, None, (), (), 0)


def test_times_are_shown_in_the_zone_of_the_moment() -> None:
    table = SPINE.with_columns(pl.col("at").dt.convert_time_zone("America/New_York"))
    seen = sights(table)["value"]
    assert seen.visible == (NOON,)
    assert str(seen.visible[0].tzinfo if isinstance(seen.visible[0], datetime) else "") == "America/New_York"


def test_dates_are_moments_too() -> None:
    days = pl.DataFrame({"id": ["a", "a"], "day": [date(2026, 1, 1), date(2026, 1, 3)], "x": [1, 2]})

    def value() -> pl.Expr:
        return pl.col("x")

    made = feature(Source("days", days, entity="id", event_time="day", max_age="7d"), factory=FeatureFactory())(value)
    table = pl.DataFrame({"id": ["a"], "at": [date(2026, 1, 2)]})
    [seen] = DatasetBuilder(table, at="at").with_features(made).plan().sight(table)
    assert (seen.visible, seen.excluded, seen.earliest) == (
        (date(2026, 1, 1),),
        (date(2026, 1, 3),),
        date(2025, 12, 26),
    )


@pytest.mark.parametrize("known_at", [False, True])
def test_the_shown_events_are_those_that_the_features_use(known_at: bool) -> None:
    table = spine()
    builder = DatasetBuilder(table, at="at", factory=FACTORY).with_features("landings", "wind_gusts", "year")
    plan = (builder.known_at() if known_at else builder).plan()
    made = plan.compute(table)
    for seen in plan.sight(table):
        value = made.row(seen.row, named=True)[seen.columns[0]]
        if seen.source == "landed":
            assert seen.visible_count == value
            assert seen.visible_count + seen.excluded_count <= LANDED.height
        else:
            assert (seen.visible_count == 1) == (value is not None)
            assert seen.visible_count + seen.excluded_count <= WEATHER.height
        if seen.moment is not None:
            assert all(time <= seen.moment for time in seen.visible)
