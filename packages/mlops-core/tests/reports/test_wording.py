from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from mlops_core.reports import wording

if TYPE_CHECKING:
    from mlops_core.json_values import JsonValue


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.7712, "0.771"),
        (0.0, "0.000"),
        (-0.25, "\u22120.250"),
        (12.34, "12.3"),
        (1234.5, "1,234"),
        (2.5e-5, "2.5e\u221205"),
        (3e12, "3.0e+12"),
        (math.nan, "NaN"),
        (math.inf, "\u221e"),
        (-math.inf, "\u2212\u221e"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.0469, 1, "4.7 %"),
        (0.5, 0, "50 %"),
        (0.0, 1, "0.0 %"),
        (1e-6, 1, "< 0.1 %"),
        (math.nan, 1, "NaN"),
        (1, 0, "100 %"),
    ],
)
def test_shares(share: float, digits: int, text: str) -> None:
    assert wording.percent(share, digits).replace(wording.THIN, " ") == text


@pytest.mark.parametrize(("share", "text"), [(0.2, "20 %"), (0.025, "2.5 %"), (0, "0 %"), (1 / 3, "33.3333 %")])
def test_limits_that_a_person_wrote(share: float, text: str) -> None:
    assert wording.limit(share).replace(wording.THIN, " ") == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=4.3), "4.3 s"),
        (timedelta(minutes=15, seconds=59), "15 min"),
        (timedelta(hours=4, minutes=12), "4 h 12 min"),
        (timedelta(days=7), "7 d"),
        (timedelta(days=1, hours=1, minutes=1), "1 d 1 h"),
        (-timedelta(hours=2), "2 h"),
    ],
)
def test_durations(length: timedelta, text: str) -> None:
    assert wording.span(length).replace(wording.THIN, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "yes"),
        (False, "no"),
        ("x", "x"),
        (0.30000000001, "0.3"),
        (12, "12"),
        (["a", 1], '["a", 1]'),
    ],
)
def test_values(value: JsonValue, text: str) -> None:
    assert wording.value(value) == text


def test_moments_are_told_in_utc() -> None:
    at = datetime(2013, 10, 31, 20, 30, tzinfo=timezone(timedelta(hours=-4)))
    assert wording.moment(at) == "2013-11-01 00:30 UTC"
    assert wording.day(at) == "2013-11-01"


def test_the_end_of_a_period_is_excluded() -> None:
    since, until = datetime(2013, 11, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC)
    assert wording.period(since, until) == "2013-11-01 to 2013-12-31"
    assert wording.period(since, since) == "2013-11-01 to 2013-11-01"


def test_metrics_have_their_usual_names_and_others_are_spelled_out() -> None:
    assert wording.metric_name("roc_auc") == "ROC AUC"
    assert wording.metric_name("cost_per_row") == "Cost per row"
    assert wording.metric_name("_") == "_"


def test_lists_and_plurals() -> None:
    assert [wording.listing(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert [wording.plural(count, "event", "events") for count in (0, 1, 1_093)] == [
        "0 events",
        "1 event",
        "1,093 events",
    ]
