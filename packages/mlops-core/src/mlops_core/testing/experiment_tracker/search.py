"""Promise ``runs_are_found_by_experiment_parameter_metric_and_tag``."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from mlops_core.errors import InvalidNameError
from mlops_core.ports.experiment_tracker import ExperimentTrackerCapability, MetricCondition
from mlops_core.testing.experiment_tracker.base import EXPERIMENT, ExperimentTrackerPart, point, raised_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.ports.experiment_tracker import Comparison, ExperimentTracker, ParameterValue, Run
    from mlops_core.testing.subjects import TrackerUnderTest

_TICK: Final = 0.002
"""Seconds between two starts whose order is looked at: vendors count milliseconds."""


class Search(ExperimentTrackerPart):
    """How runs are found."""

    def test_runs_are_found_by_experiment_parameter_metric_and_tag(self, tracker: ExperimentTracker) -> None:
        """Each kind of condition finds the runs that fulfil it, and all conditions together have to hold.

        If this fails: look at how conditions are joined, and that numbers are compared as numbers.
        """
        one = _run(tracker, params={"depth": 3}, metrics={"loss": 0.1, "auc": 0.9}, tags={"team": "ops"})
        two = _run(tracker, params={"depth": 3}, metrics={"loss": 0.2}, tags={"team": "web"})
        three = _run(tracker, params={"depth": 30}, metrics={"loss": 0.1}, tags={"team": "ops"})
        low = [MetricCondition(key="loss", comparison="<", value=0.15)]
        assert _ids(tracker) == {one.id, two.id, three.id}
        assert _ids(tracker, params={"depth": 3}) == {one.id, two.id}
        assert _ids(tracker, params={"depth": "3"}) == {one.id, two.id}
        assert _ids(tracker, metrics=low) == {one.id, three.id}
        assert _ids(tracker, tags={"team": "ops"}) == {one.id, three.id}
        assert _ids(tracker, params={"depth": 3}, metrics=low, tags={"team": "ops"}) == {one.id}
        assert _ids(tracker, params={"depth": 3, "rate": 1}) == set()
        assert _ids(tracker, metrics=[*low, MetricCondition(key="auc", comparison=">", value=0.0)]) == {one.id}
        assert _ids(tracker, tags={"team": "ops", "owner": "ada"}) == set()

    def test_runs_are_found_by_experiment_parameter_metric_and_tag__of_one_experiment(
        self, tracker: ExperimentTracker
    ) -> None:
        """An experiment's name finds its own runs only; no name finds all; an unknown one, of any form, finds none.

        If this fails: compare the whole name; and look for an experiment without creating it.
        """
        one, two = tracker.start_run("risk"), tracker.start_run("risk.b")
        assert [each.id for each in tracker.runs("risk")] == [one.id]
        assert [each.id for each in tracker.runs("risk.b")] == [two.id]
        assert {each.id for each in tracker.runs()} == {one.id, two.id}
        for name in ("ris", "risk.", "Risk", "Fraud Model", "Größe", "", "..", "a/b", "x" * 10_000):
            assert list(tracker.runs(name)) == [], name

    @pytest.mark.parametrize(
        ("comparison", "expected"),
        [("<", [1.0]), ("<=", [1.0, 2.0]), ("==", [2.0]), (">=", [2.0, 3.0]), (">", [3.0])],
    )
    def test_runs_are_found_by_experiment_parameter_metric_and_tag__by_each_comparison(
        self, tracker: ExperimentTracker, comparison: Comparison, expected: list[float]
    ) -> None:
        """Each comparison has the run's last value on its left; a run without the metric, or with NaN, is not found.

        If this fails: compare the last value, not any value; and see what the vendor does with NaN.
        """
        for value in (1.0, 2.0, 3.0):
            _run(tracker, points=[value + 10, value])
        _run(tracker, metrics={"other": 2.0})
        if ExperimentTrackerCapability.NON_FINITE_METRICS in tracker.capabilities:
            _run(tracker, metrics={"loss": math.nan})
        condition = MetricCondition(key="loss", comparison=comparison, value=2.0)
        found = [each.metrics["loss"] for each in tracker.runs(EXPERIMENT, metrics=[condition])]
        assert sorted(found) == expected

    def test_runs_are_found_by_experiment_parameter_metric_and_tag__text_is_literal(
        self, tracker: ExperimentTracker
    ) -> None:
        """Quotes, percent signs, underscores, stars and upper case in a value mean themselves.

        If this fails: pass values as arguments of a query, or escape them; compare with case.
        """
        odd = ["o'brien", 'say "x"', "100%", "a_b", "axb", "*", "back\\slash", "Upper", "upper", "", " x", "x"]
        runs = {text: _run(tracker, params={"text": text}, tags={"text": text}) for text in odd}
        for text, run in runs.items():
            assert _ids(tracker, params={"text": text}) == {run.id}, text
            assert _ids(tracker, tags={"text": text}) == {run.id}, text
        assert _ids(tracker, params={"odd key'": "x"}, tags={"Odd Key%": "y"}) == set()

    def test_runs_are_found_by_experiment_parameter_metric_and_tag__newest_first_and_complete(
        self, subject: TrackerUnderTest
    ) -> None:
        """All runs come, the newest first, with their records complete, of one experiment and of all.

        If this fails: follow the vendor's pages to the end, and ask for the order by start.
        """
        started: list[Run] = []
        for number in range(self.many):
            run = subject.tracker.start_run(("a", "b")[number % 2], name=str(number), tags={"number": str(number)})
            run.log_params({"number": number})
            run.finish()
            started.append(run)
            time.sleep(_TICK)
        newest = [run.id for run in reversed(started)]
        reader = subject.another()
        assert [each.id for each in reader.runs()] == newest
        assert [each.id for each in reader.runs("a")] == newest[(self.many + 1) % 2 :: 2]
        for each in reader.runs():
            assert each == reader.get_run(each.id)
            assert (each.tags["number"], each.params["number"]) == (each.name, each.name)

    def test_runs_are_found_by_experiment_parameter_metric_and_tag__by_what_holds_now(
        self, tracker: ExperimentTracker
    ) -> None:
        """A run is found by a tag and a metric as soon as they are flushed, and no more once they have changed.

        If this fails: the vendor's search lags behind its writes: read back until it shows them, or filter here.
        """
        high = [MetricCondition(key="loss", comparison=">", value=1.0)]
        run = tracker.start_run(EXPERIMENT, tags={"stage": "try"})
        assert _ids(tracker, metrics=high) == set()
        run.log_metrics([point(2.0, step=1)])
        run.flush()
        assert _ids(tracker, metrics=high, tags={"stage": "try"}) == {run.id}
        run.set_tags({"stage": "final"})
        run.log_metrics([point(0.5, step=2)])
        run.finish()
        assert _ids(tracker, metrics=high) == set()
        assert _ids(tracker, tags={"stage": "try"}) == set()
        assert _ids(tracker, tags={"stage": "final"}) == {run.id}

    def test_runs_are_found_by_experiment_parameter_metric_and_tag__what_cannot_be_asked_is_refused(
        self, tracker: ExperimentTracker
    ) -> None:
        """Conditions that are none, and values that no run can have, are errors of the call, not empty answers.

        If this fails: make a ``mlops_core.ports.run_query.RunQuery`` in ``runs`` itself, and iterate in a function of
        its own: nothing of a generator runs before its first step.
        """
        wrong: dict[str, dict[str, Any]] = {
            "comparison": {"metrics": [_condition(comparison="~")]},
            "no text as comparison": {"metrics": [_condition(comparison=[])]},
            "text as number": {"metrics": [_condition(value="a")]},
            "nothing as number": {"metrics": [_condition(value=None)]},
            "key": {"metrics": [_condition(key=["loss"])]},
            "a condition, not a list": {"metrics": _condition()},
            "name, not a condition": {"metrics": ["loss"]},
            "text": {"metrics": "loss"},
            "metrics by name": {"metrics": {"loss": 0.5}},
            "parameter": {"params": {"depth": [3]}},
            "tag": {"tags": {"team": 1}},
            "no tag": {"tags": {"team": None}},
        }
        tracker.start_run(EXPERIMENT).finish()
        found = {name: raised_by(lambda each=each: tracker.runs(EXPERIMENT, **each)) for name, each in wrong.items()}
        assert found == dict.fromkeys(wrong, InvalidNameError)


def _condition(**changed: Any) -> MetricCondition:
    fields: dict[str, Any] = {"key": "loss", "comparison": "<", "value": 1.0}
    return MetricCondition(**(fields | changed))


def _run(
    tracker: ExperimentTracker,
    *,
    params: Mapping[str, ParameterValue] | None = None,
    metrics: Mapping[str, float] | None = None,
    points: list[float] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Run:
    with tracker.start_run(EXPERIMENT, tags=tags or {}) as run:
        run.log_params(params or {})
        run.log_metrics(metrics or {})
        run.log_metrics([point(value, step=step) for step, value in enumerate(points or [])])
    return run


def _ids(
    tracker: ExperimentTracker,
    *,
    params: Mapping[str, ParameterValue] | None = None,
    metrics: list[MetricCondition] | None = None,
    tags: Mapping[str, str] | None = None,
) -> set[str]:
    found = [each.id for each in tracker.runs(EXPERIMENT, params=params or {}, metrics=metrics or [], tags=tags or {})]
    assert len(found) == len(set(found)), "a run is found twice"
    return set(found)
