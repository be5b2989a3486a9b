"""The capabilities, in both directions, and the promises that hang on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlops_core.errors import UnsupportedOperationError
from mlops_core.ports.experiment_tracker import ExperimentTrackerCapability
from mlops_core.testing.experiment_tracker.base import (
    EXPERIMENT,
    RIVALS,
    ExperimentTrackerPart,
    assert_four_parts,
    point,
    values_of,
)
from mlops_core.testing.threads import all_at_once, errors_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.testing.subjects import TrackerUnderTest

_UNORDERED = ExperimentTrackerCapability.UNORDERED_STEPS
_NON_FINITE = ExperimentTrackerCapability.NON_FINITE_METRICS


class Capabilities(ExperimentTrackerPart):
    """Declared means that it works; undeclared means that it is refused before any request."""

    def test_unordered_steps_are_kept(self, tracker: ExperimentTracker) -> None:
        """A step below one of an earlier call is kept at its place in the history; without the capability refused.

        If this fails: declare ``UNORDERED_STEPS`` only if the vendor keeps such points; refuse the whole call if not.
        """
        first, second = point(1.0, step=5, time=0), point(2.0, step=3, time=1)
        with tracker.start_run(EXPERIMENT) as run:
            run.log_metrics([first])
            run.flush()
            if _UNORDERED not in tracker.capabilities:
                assert_four_parts(
                    lambda: run.log_metrics([second, point(0.0, step=9)]),
                    UnsupportedOperationError,
                    operation="log_metrics",
                )
                run.flush()
                assert list(tracker.metric_history(run.id, "loss")) == [first]
                return
            run.log_metrics([second])
        assert list(tracker.metric_history(run.id, "loss")) == [second, first]
        assert dict(tracker.get_run(run.id).metrics) == {"loss": 1.0}

    def test_non_finite_metrics_round_trip(self, subject: TrackerUnderTest) -> None:
        """NaN and both infinities come back as they were, from the history, the record and the back door.

        If this fails: declare ``NON_FINITE_METRICS`` only if the vendor keeps them; refuse the whole call if not. JSON
        has no word for them, and a database may store NaN as zero.
        """
        logged = [point(value, step=step) for step, value in enumerate([math.inf, -math.inf, math.nan])]
        tracker = subject.tracker
        with tracker.start_run(EXPERIMENT) as run:
            if _NON_FINITE not in tracker.capabilities:
                assert_four_parts(
                    lambda: run.log_metrics([point(1.0), logged[0]]), UnsupportedOperationError, operation="log_metrics"
                )
                run.flush()
                assert values_of(tracker, run.id) == []
                return
            run.log_metrics(logged)
        assert [repr(each) for each in values_of(tracker, run.id)] == ["inf", "-inf", "nan"]
        assert repr(tracker.get_run(run.id).metrics["loss"]) == "nan"
        stored = sorted(subject.back_door.points(run.id, "loss"), key=lambda each: each.step)
        assert [repr(each.value) for each in stored] == ["inf", "-inf", "nan"]

    def test_non_finite_metrics_round_trip__and_numbers_come_after_nan(self, tracker: ExperimentTracker) -> None:
        """At one step and time NaN comes first in the history, so that a number is the last value.

        If this fails: NaN compares with nothing, so a plain sort leaves it anywhere: order it below every number.
        """
        if _NON_FINITE not in tracker.capabilities:
            return
        with tracker.start_run(EXPERIMENT) as run:
            run.log_metrics([point(value) for value in (1.0, math.nan, -math.inf, math.nan)])
        assert [repr(each) for each in values_of(tracker, run.id)] == ["nan", "-inf", "1.0"]
        assert dict(tracker.get_run(run.id).metrics) == {"loss": 1.0}

    def test_capability_unordered_steps(self, tracker: ExperimentTracker) -> None:
        """Declared: threads that log interleaved steps lose none. Undeclared: each refusal leaves the run as it was.

        If this fails: see whether the SDK counts steps per run and drops those below its counter.
        """
        with tracker.start_run(EXPERIMENT) as run:
            if _UNORDERED not in tracker.capabilities:
                run.log_metrics({"loss": 1.0}, step=2)
                for step in (1, 0):
                    assert_four_parts(
                        lambda step=step: run.log_metrics({"other": 1.0}, step=step),
                        UnsupportedOperationError,
                        operation="log_metrics",
                    )
                run.log_metrics({"loss": 2.0}, step=2)
                run.flush()
                assert dict(tracker.get_run(run.id).metrics) == {"loss": 2.0}
                return

            def log(thread: int) -> Callable[[], None]:
                def backwards() -> None:
                    for each in reversed(range(20)):
                        run.log_metrics([point(float(thread), step=each * RIVALS + thread)])

                return backwards

            assert errors_of(all_at_once([log(thread) for thread in range(RIVALS)])) == []
        history = list(tracker.metric_history(run.id, "loss"))
        assert history == [point(float(step % RIVALS), step=step) for step in range(20 * RIVALS)]

    def test_capability_non_finite_metrics(self, tracker: ExperimentTracker) -> None:
        """Declared: they can be logged by name, from threads. Undeclared: refused by name too, beside a finite one.

        If this fails: both forms of ``log_metrics`` have to go through the same check.
        """
        odd = {"nan": math.nan, "inf": math.inf, "fine": 1.0}
        with tracker.start_run(EXPERIMENT) as run:
            if _NON_FINITE not in tracker.capabilities:
                assert_four_parts(lambda: run.log_metrics(odd), UnsupportedOperationError, operation="log_metrics")
                run.flush()
                assert dict(tracker.get_run(run.id).metrics) == {}
                return
            calls = [lambda step=step: run.log_metrics(odd, step=step) for step in range(RIVALS)]
            assert errors_of(all_at_once(calls)) == []
        for key, value in odd.items():
            assert [repr(each) for each in values_of(tracker, run.id, key)] == [repr(value)] * RIVALS
