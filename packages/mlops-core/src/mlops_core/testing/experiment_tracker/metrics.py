"""Promises ``metric_points_keep_steps_and_times`` and ``the_last_value_is_that_of_the_highest_step``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.ports.run_values import MAX_STEP
from mlops_core.testing.experiment_tracker.base import EXPERIMENT, ExperimentTrackerPart, at, point, values_of

if TYPE_CHECKING:
    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.testing.subjects import TrackerUnderTest


class Metrics(ExperimentTrackerPart):
    """What is kept of metric points."""

    def test_metric_points_keep_steps_and_times(self, subject: TrackerUnderTest) -> None:
        """Of 2,500 points in one call each is there once, in order, for whoever reads, with its own step and time.

        If this fails: look at limits per request and per page, and at what is dropped when many points have one step.
        """
        # Most are of one key: vendors have limits for a request, and limits for a metric.
        logged = [
            point(number / 7, key=f"loss/{number % 3 if number < 300 else 0}", step=number // 3, time=3 * number)
            for number in range(2_500)
        ]
        with subject.tracker.start_run(EXPERIMENT) as run:
            run.log_metrics(logged)
        for key in ("loss/0", "loss/1", "loss/2"):
            expected = [each for each in logged if each.key == key]
            assert list(subject.another().metric_history(run.id, key)) == expected
            assert sorted(subject.back_door.points(run.id, key), key=lambda each: each.time) == expected
        assert list(subject.tracker.metric_history(run.id, "loss/3")) == []

    def test_metric_points_keep_steps_and_times__in_order_of_step_time_and_value(
        self, tracker: ExperimentTracker
    ) -> None:
        """A history is ordered by step, then time, then value, in whatever order one call gave them.

        If this fails: order by all three; a vendor's order is often that of arrival.
        """
        ordered = [
            point(3.0, step=0, time=5),
            point(-1.0, step=1, time=0),
            point(2.0, step=1, time=0),
            point(1.0, step=1, time=1),
            point(0.5, step=10, time=0),
            point(0.5, step=MAX_STEP, time=0),
        ]
        with tracker.start_run(EXPERIMENT) as run:
            run.log_metrics(iter([ordered[each] for each in (4, 2, 0, 5, 1, 3)]))
        assert list(tracker.metric_history(run.id, "loss")) == ordered

    def test_metric_points_keep_steps_and_times__over_many_calls(self, tracker: ExperimentTracker) -> None:
        """Points of many calls, with flushes between some of them, make one history.

        If this fails: look at what happens to points that were kept back when the next call comes.
        """
        with tracker.start_run(EXPERIMENT) as run:
            for step in range(40):
                run.log_metrics({"loss": step / 3, "auc": 0.5}, step=step, time=at(step))
                if step % 10 == 0:
                    run.flush()
                    assert len(values_of(tracker, run.id)) == step + 1
        assert list(tracker.metric_history(run.id, "loss")) == [
            point(step / 3, step=step, time=step) for step in range(40)
        ]
        assert len(values_of(tracker, run.id, "auc")) == 40

    def test_metric_points_keep_steps_and_times__equal_in_all_four_they_are_one(
        self, tracker: ExperimentTracker
    ) -> None:
        """A point that is given again, in one call or after a flush, is there once; one that differs is another.

        If this fails: drop what is equal in key, value, step and time, when writing or when reading.
        """
        twice = point(0.5, step=3, time=1)
        others = [point(0.5, step=3, time=2), point(0.6, step=3, time=2)]
        with tracker.start_run(EXPERIMENT) as run:
            run.log_metrics([twice, twice])
            run.flush()
            run.log_metrics([twice, *others])
        assert list(tracker.metric_history(run.id, "loss")) == [twice, *others]

    def test_metric_points_keep_steps_and_times__as_exact_doubles(self, tracker: ExperimentTracker) -> None:
        """Values come back bit for bit, from integers and from smallest and largest doubles.

        If this fails: print doubles with ``repr``, and store them as eight bytes, not four.
        """
        values = [0.1, 1 / 3, -2.5e-310, 5e-324, 1.7976931348623157e308, 2.0**53, 1e22, 100.0, 0.0]
        with tracker.start_run(EXPERIMENT) as run:
            run.log_metrics([point(value, step=step) for step, value in enumerate(values)])
            run.log_metrics({"count": 3}, step=len(values))
        assert values_of(tracker, run.id) == values
        assert {type(each) for each in values_of(tracker, run.id, "count")} == {float}
        assert dict(tracker.get_run(run.id).metrics) == {"loss": 0.0, "count": 3.0}

    def test_metric_points_keep_steps_and_times__times_are_utc_to_the_millisecond(
        self, tracker: ExperimentTracker
    ) -> None:
        """A time of any zone comes back as the same moment in UTC, cut to the millisecond; without one it is now.

        If this fails: take the points that ``mlops_core.ports.run_values.metric_points`` returns, and keep
        milliseconds as integers.
        """
        zone = timezone(timedelta(hours=-7, minutes=-30))
        given = datetime(2026, 3, 4, 20, 30, 5, 123_987, tzinfo=zone)
        before = datetime.now(UTC)
        with tracker.start_run(EXPERIMENT) as run:
            run.log_metrics([MetricPoint(key="loss", value=1.0, step=0, time=given)])
            run.log_metrics({"now": 1.0})
        (found,) = tracker.metric_history(run.id, "loss")
        assert found.time == datetime(2026, 3, 5, 4, 0, 5, 123_000, tzinfo=UTC)
        assert found.time.utcoffset() == timedelta(0)
        (now,) = tracker.metric_history(run.id, "now")
        assert before - timedelta(milliseconds=1) <= now.time <= datetime.now(UTC)
        assert now.step == 0

    def test_the_last_value_is_that_of_the_highest_step(self, tracker: ExperimentTracker) -> None:
        """Of a metric's points the highest step counts, there the latest time, there the greatest value.

        If this fails: the record has what arrived last, or what has the latest time. Decide by step, time, value.
        """
        cases = {
            "step": [point(3.0, step=9, time=0), point(1.0, step=2, time=7), point(2.0, step=0, time=9)],
            "time": [point(1.0, step=4, time=2), point(3.0, step=4, time=5), point(2.0, step=4, time=0)],
            "value": [point(-4.0, step=4), point(3.0, step=4), point(-9.0, step=4)],
        }
        logged = [
            MetricPoint(key=key, value=each.value, step=each.step, time=each.time)
            for key, points in cases.items()
            for each in points
        ]
        with tracker.start_run(EXPERIMENT) as run:
            run.log_metrics(logged)
            run.flush()
            assert dict(tracker.get_run(run.id).metrics) == dict.fromkeys(cases, 3.0)
            run.log_metrics([point(5.0, key="step", step=10)])
        assert dict(tracker.get_run(run.id).metrics) == {"step": 5.0, "time": 3.0, "value": 3.0}
