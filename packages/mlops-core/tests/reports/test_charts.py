from __future__ import annotations

import dataclasses
import itertools
import math
import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.reports.charts import bars, calibration, histogram
from mlops_core.reports.documents import CalibrationBin, ScoreBin, ScoringDocument, Step, Timeline
from mlops_core.reports.timeline_chart import Axis, timeline_figures
from mlops_core.reports.waterfall import Scale, waterfall


def by_class(markup: str, kind: str) -> list[ET.Element]:
    return [each for each in ET.fromstring(f"<all>{markup}</all>").iter() if kind in each.get("class", "").split()]


def percent_of(found: ET.Element, name: str) -> float:
    return float((found.get(name) or "0").removesuffix("%"))


# Bars


def test_bars_of_shares_are_drawn_on_a_scale_from_0_to_1() -> None:
    drawn = bars([("the model", 0.77), ("carrier", 0.5)])
    assert [percent_of(each, "width") for kind in ("mine", "other") for each in by_class(drawn, kind)] == [77.0, 50.0]


def test_bars_of_larger_numbers_are_drawn_against_the_largest() -> None:
    drawn = bars([("the model", 5.0), ("mean", -10.0)])
    assert [percent_of(each, "width") for kind in ("mine", "other") for each in by_class(drawn, kind)] == [50.0, 100.0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_named_and_has_no_bar(value: float) -> None:
    drawn = bars([("the model", value)])
    assert percent_of(by_class(drawn, "mine")[0], "width") == 0
    assert re.search("NaN|\u221e", drawn)


# Calibration


def test_a_calibrated_bin_lies_on_the_diagonal() -> None:
    drawn = calibration([CalibrationBin(predicted=0.3, observed=0.3, rows=5)])
    [dot], [ideal] = by_class(drawn, "dot"), by_class(drawn, "ideal")
    x1, y1, x2, y2 = (float(ideal.get(name) or 0) for name in ("x1", "y1", "x2", "y2"))
    share = (float(dot.get("cx") or 0) - x1) / (x2 - x1)
    assert math.isclose(float(dot.get("cy") or 0), y1 + share * (y2 - y1), abs_tol=0.01)


@given(
    st.lists(st.builds(CalibrationBin, predicted=st.floats(0, 1), observed=st.floats(0, 1), rows=st.integers(0, 10**9)))
)
def test_every_dot_lies_inside_the_plot(bins: list[CalibrationBin]) -> None:
    dots = by_class(calibration(bins), "dot")
    assert len(dots) == len(bins)
    for dot in dots:
        assert 46 <= float(dot.get("cx") or -1) <= 346
        assert 10 <= float(dot.get("cy") or -1) <= 310


def test_bins_that_are_not_numbers_are_left_out() -> None:
    assert not by_class(calibration([CalibrationBin(predicted=math.nan, observed=0.5, rows=1)]), "dot")


# Histogram


def test_columns_are_as_high_as_their_rows() -> None:
    drawn = histogram([ScoreBin(lower=0, upper=1, rows=30), ScoreBin(lower=1, upper=2, rows=15)])
    heights = [float(each.get("height") or -1) for each in by_class(drawn, "mine")]
    assert heights == [150, 75]


@pytest.mark.parametrize(
    "bins", [[ScoreBin(lower=0.5, upper=0.5, rows=3)], [ScoreBin(lower=0, upper=1, rows=0)]], ids=["a point", "no rows"]
)
def test_one_odd_bin_can_be_drawn(bins: list[ScoreBin]) -> None:
    assert len(by_class(histogram(bins), "mine")) == 1


# Waterfall


def with_steps(document: ScoringDocument, rejected: list[int], scored: int) -> ScoringDocument:
    steps = tuple(Step(handler="check", reason=f"reason {place}", rejected=each) for place, each in enumerate(rejected))
    return dataclasses.replace(document, steps=steps, scored=scored, rows=scored + sum(rejected))


@given(rejected=st.lists(st.integers(1, 10_000), min_size=1, max_size=12), scored=st.integers(0, 1_000_000))
def test_reasons_lie_end_to_end_from_rows_in_to_rows_scored(rejected: list[int], scored: int) -> None:
    rows = scored + sum(rejected)
    scale = Scale.of(rows=rows, scored=scored)
    assert math.isclose(scale.x(rows), 100)
    assert scale.x(scored) >= 0
    left = rows
    for each in rejected:
        # A reason's bar is as long as its rows, on whatever scale.
        assert math.isclose(scale.x(left) - scale.x(left - each), 100 * each / (scale.end - scale.start), abs_tol=1e-6)
        left -= each
    assert left == scored


@pytest.mark.parametrize(("rejected", "scored"), [([100, 50, 250], 10_000), ([4_000, 1_000], 3_000), ([7, 3], 0)])
def test_each_drawn_reason_begins_where_the_one_before_ended(
    scoring: ScoringDocument, rejected: list[int], scored: int
) -> None:
    drawn = waterfall(with_steps(scoring, rejected, scored))
    rows_in, total = (percent_of(each, "width") for each in by_class(drawn, "mine"))
    end = rows_in
    for each in by_class(drawn, "minus"):
        assert math.isclose(percent_of(each, "x") + percent_of(each, "width"), end, abs_tol=0.01)
        end = percent_of(each, "x")
    assert math.isclose(end, total, abs_tol=0.01)


def test_bars_of_totals_are_torn_only_when_reasons_would_be_slivers(scoring: ScoringDocument) -> None:
    assert "torn" in waterfall(with_steps(scoring, [10], 10_000))
    assert "torn" not in waterfall(with_steps(scoring, [6_000], 4_000))


def test_no_rejects_leave_two_equal_bars(scoring: ScoringDocument) -> None:
    drawn = waterfall(with_steps(scoring, [0, 0], 500))
    assert [percent_of(each, "width") for each in by_class(drawn, "mine")] == [100.0, 100.0]
    assert not by_class(drawn, "minus")


def test_zero_rows_can_be_drawn(scoring: ScoringDocument) -> None:
    assert len(by_class(waterfall(with_steps(scoring, [0], 0)), "total")) == 2


def test_a_reason_opens_to_its_keys_and_says_how_many_more(scoring: ScoringDocument) -> None:
    drawn = waterfall(scoring)
    assert "EV-1" in drawn
    assert "and 310 others" in drawn
    assert "unknown (null) for 300 and no for 12" in drawn


# Timelines


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=2, unique=True))
def test_the_axis_keeps_the_order_of_time(offsets: list[float]) -> None:
    axis = Axis(unit=60, before=math.log1p(1e9 / 60), after=math.log1p(1e9 / 60))
    earlier, later = sorted(offsets)
    assert axis.x(earlier) <= axis.x(later)
    assert axis.x(-1e9) < axis.x(0) < axis.x(1e9)


def test_used_events_lie_before_the_moment_and_later_ones_after_it(timeline: Timeline) -> None:
    moment = Axis.around([timeline]).x(0)
    drawn = ET.fromstring(f"<all>{timeline_figures([timeline], 'late')}</all>")
    lanes = [each for each in drawn.iter("svg") if each.get("role") == "img"]
    used = [percent_of(dot, "cx") for lane in lanes for dot in lane.iter("circle") if dot.get("class") == "used"]
    # Kept-out marks are nested pictures: two later events of the weather, one landing, one not yet recorded.
    kept_out = [percent_of(mark, "x") for lane in lanes for mark in lane.findall("svg")]
    assert len(used) == 3
    assert all(place < moment for place in used)
    assert sorted(place > moment for place in kept_out) == [False, True, True, True]


def test_ticks_leave_room_for_their_labels(timeline: Timeline) -> None:
    axis = Axis.around([timeline])
    places = sorted([axis.x(0), *(place for place, _ in axis.ticks())])
    assert all(right - left >= 15 for left, right in itertools.pairwise(places))


def test_an_event_used_from_after_the_moment_is_called_a_leak(timeline: Timeline) -> None:
    late = dataclasses.replace(timeline.sights[0], used=(timeline.moment + timedelta(minutes=5),))
    drawn = timeline_figures([dataclasses.replace(timeline, sights=(late,))], "late")
    assert "AFTER the moment: a leak" in drawn
    assert by_class(drawn, "leak")


def test_a_source_without_events_says_so(timeline: Timeline) -> None:
    empty = dataclasses.replace(timeline.sights[0], used=(), used_count=0, excluded=(), values={})
    drawn = timeline_figures([dataclasses.replace(timeline, sights=(empty,))], "late")
    assert "Nothing to see" in drawn
    assert "No later event to keep out" in drawn


def test_a_row_without_sights_can_be_drawn(timeline: Timeline) -> None:
    assert timeline.row in timeline_figures([dataclasses.replace(timeline, sights=())], "late")


def test_events_that_were_not_yet_recorded_are_kept_out(timeline: Timeline) -> None:
    assert "1 event not yet recorded at the moment" in timeline_figures([timeline], "late")


def test_an_event_at_the_moment_itself_can_be_kept_out(timeline: Timeline) -> None:
    # A window that is closed on the left ends before the moment.
    same = dataclasses.replace(timeline.sights[1], excluded=(timeline.moment,))
    drawn = timeline_figures([dataclasses.replace(timeline, sights=(same,))], "late")
    assert "an event at the moment itself" in drawn
