"""Promises ``the_process_stays_as_it_was`` and ``vendor_errors_arrive_as_ours``, as far as no connection breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops_core.errors import MlopsError
from mlops_core.testing.experiment_tracker.base import (
    EXPERIMENT,
    RIVALS,
    ExperimentTrackerPart,
    contents,
    point,
    shown,
    values_of,
)
from mlops_core.testing.process_state import unchanged_process
from mlops_core.testing.threads import all_at_once, errors_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_core.ports.experiment_tracker import ExperimentTracker, MetricPoint, Run
    from mlops_core.testing.subjects import TrackerUnderTest


class Process(ExperimentTrackerPart):
    """What the calling process notices, and what it does not."""

    def test_the_process_stays_as_it_was(self, subject: TrackerUnderTest, capfd: pytest.CaptureFixture[str]) -> None:
        """Writing and reading a run leaves environment, logging, warnings, signals and output alone.

        If this fails: the named thing was changed. Pass settings to the SDK as arguments, and switch off its set-up of
        logging, of signal handlers and of console output.
        """
        with unchanged_process(capfd, earlier=self.changes_so_far()):
            with subject.tracker.start_run(EXPERIMENT) as run:
                run.log_params({"depth": 3})
                run.log_metrics({"loss": 0.5})
                run.set_tags({"team": "ops"})
                run.log_files({"a.txt": b"a"})
                run.flush()
            assert [each.id for each in subject.tracker.runs()] == [run.id]
            assert contents(subject.tracker, run.id) == {"a.txt": b"a"}

    def test_the_process_stays_as_it_was__two_trackers_at_once(
        self, fresh_tracker: Callable[[], TrackerUnderTest]
    ) -> None:
        """Runs of two places that are open at the same time do not mix.

        If this fails: the SDK has one address, or one current run, per process: give both explicitly with each call.
        """
        one, two = fresh_tracker().tracker, fresh_tracker().tracker
        with one.start_run(EXPERIMENT) as first, two.start_run(EXPERIMENT) as second:
            first.log_metrics({"loss": 1.0})
            second.log_metrics({"loss": 2.0})
            first.log_params({"of": "one"})
        assert [values_of(one, first.id), values_of(two, second.id)] == [[1.0], [2.0]]
        assert [dict(one.get_run(first.id).params), dict(two.get_run(second.id).params)] == [{"of": "one"}, {}]
        assert [[each.id for each in tracker.runs()] for tracker in (one, two)] == [[first.id], [second.id]]

    def test_the_process_stays_as_it_was__one_run_from_several_threads(self, tracker: ExperimentTracker) -> None:
        """Threads that write one run at the same moment lose nothing of each other's.

        If this fails: guard what a run keeps back by a lock, and merge tags and parameters key by key.
        """
        with tracker.start_run(EXPERIMENT) as run:

            def write(thread: int) -> None:
                run.log_params({f"p{thread}": thread})
                run.log_metrics([point(float(step), key=f"m{thread}", step=0, time=step) for step in range(30)])
                run.set_tags({f"t{thread}": "x"})
                run.log_files({f"{thread}.txt": b"%d" % thread})
                run.flush()

            assert errors_of(all_at_once([lambda thread=thread: write(thread) for thread in range(RIVALS)])) == []
        found = tracker.get_run(run.id)
        assert found.params == {f"p{thread}": str(thread) for thread in range(RIVALS)}
        assert found.tags == {f"t{thread}": "x" for thread in range(RIVALS)}
        assert contents(tracker, run.id) == {f"{thread}.txt": b"%d" % thread for thread in range(RIVALS)}
        for thread in range(RIVALS):
            assert values_of(tracker, run.id, f"m{thread}") == [float(step) for step in range(30)]

    def test_the_process_stays_as_it_was__several_runs_from_several_threads(self, subject: TrackerUnderTest) -> None:
        """Threads that each write a run of their own, through instances of their own, all end well.

        If this fails: two first runs of an experiment race to create it: look again when it is there already.
        """

        def write(number: int) -> Run:
            with subject.another().start_run(EXPERIMENT) as run:
                run.log_metrics({"loss": float(number)})
            return run

        done = all_at_once([lambda number=number: write(number) for number in range(RIVALS)])
        assert errors_of(done) == []
        found = {each.id: each for each in subject.tracker.runs(EXPERIMENT)}
        assert len(found) == RIVALS
        assert sorted(each.metrics["loss"] for each in found.values()) == [float(number) for number in range(RIVALS)]

    def test_vendor_errors_arrive_as_ours__and_the_callers_own_as_they_were(self, tracker: ExperimentTracker) -> None:
        """An error of the iterable that gives the points goes through unchanged, and nothing of the call is written.

        If this fails: translate only what the vendor raises, and take all points before the first request.
        """
        error = ZeroDivisionError("mine")

        def points() -> Iterator[MetricPoint]:
            yield point(1.0)
            raise error

        with tracker.start_run(EXPERIMENT) as run:
            with pytest.raises(ZeroDivisionError) as caught:
                run.log_metrics(points())
            assert caught.value is error
        assert values_of(tracker, run.id) == []

    def test_vendor_errors_arrive_as_ours__without_secrets(self, subject: TrackerUnderTest) -> None:
        """What the adapter was opened with to prove who it is appears in nothing that can be printed.

        If this fails: keep secrets in ``mlops_core.secret.Secret``, and give ``__repr__`` to what holds a client.
        """
        with subject.tracker.start_run(EXPERIMENT) as run:
            printed = [shown(each) for each in (subject.tracker, subject.tracker.capabilities, run)]
        printed.append(shown(subject.tracker.get_run(run.id)))
        try:
            subject.tracker.get_run("nope")
        except MlopsError as error:
            printed.append(shown(error))
        for secret in subject.secrets:
            assert not [each for each in printed if secret in each], "a secret is shown"
