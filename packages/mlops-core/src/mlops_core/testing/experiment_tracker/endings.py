"""Promises ``a_run_ends_as_it_went``, ``an_ended_run_takes_no_more`` and ``missing_runs_are_told``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from mlops_core.errors import ArtifactNotFoundError, ConflictError, InvalidNameError, RunNotFoundError
from mlops_core.testing.experiment_tracker.base import (
    EXPERIMENT,
    RIVALS,
    ExperimentTrackerPart,
    assert_four_parts,
    contents,
    point,
    raised_by,
    values_of,
)
from mlops_core.testing.threads import all_at_once, errors_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_core.ports.experiment_tracker import ExperimentTracker

_NO_ENDS: Final[tuple[Any, ...]] = ("done", "", "running", "Finished", "finished ", None, True, 3, ["finished"])
_NO_RUNS: Final = ("nope", "0" * 32, "No Such Run", "a/../b", "..", "/abs", "%2e%2e", "", "a\0b", "x" * 10_000)
_NO_FILES: Final = ("nope", "notes", "notes/a.txt/", "Notes/a.txt", "", ".", "..", "../run.json", "/etc/passwd", "a\0b")


class Endings(ExperimentTrackerPart):
    """How a run begins and ends, and what is not there."""

    def test_a_run_ends_as_it_went(self, tracker: ExperimentTracker) -> None:
        """A run is running inside its ``with``, and finished after it; its times are aware UTC and in order.

        If this fails: see that leaving the ``with`` ends the run at the vendor, and that times are made aware.
        """
        before = datetime.now(UTC)
        with tracker.start_run(EXPERIMENT, name="first try") as run:
            begun = tracker.get_run(run.id)
            assert (run.experiment, begun.id, begun.experiment) == (EXPERIMENT, run.id, EXPERIMENT)
            assert (begun.name, begun.status, begun.ended_at) == ("first try", "running", None)
        ended = tracker.get_run(run.id)
        assert ended.status == "finished"
        assert ended.ended_at is not None
        assert ended.started_at == begun.started_at
        assert ended.started_at <= ended.ended_at
        assert {each.utcoffset() for each in (ended.started_at, ended.ended_at)} == {timedelta(0)}
        # Clocks of two machines differ; a time zone that was forgotten differs by more.
        assert abs(ended.started_at - before) < timedelta(minutes=10)

    def test_a_run_ends_as_it_went__failed_by_an_exception(self, tracker: ExperimentTracker) -> None:
        """An exception that goes through the ``with`` arrives as it was, and the run has failed with what it logged.

        If this fails: ``__exit__`` has to flush, end the run as failed, and return nothing, so the exception goes on.
        """
        for error in (ZeroDivisionError("mine"), KeyboardInterrupt()):
            run = tracker.start_run(EXPERIMENT)
            run.log_metrics({"loss": 0.5})
            with pytest.raises(type(error)) as caught, run:
                raise error
            assert caught.value is error
            assert tracker.get_run(run.id).status == "failed"
            assert values_of(tracker, run.id) == [0.5]

    def test_a_run_ends_as_it_went__by_hand(self, tracker: ExperimentTracker) -> None:
        """``finish`` ends a run; a second call, and leaving the ``with`` afterwards, change nothing.

        If this fails: remember that the run has ended; do not send its end, or another status, a second time.
        """
        with tracker.start_run(EXPERIMENT) as run:
            run.finish("failed")
            ended = tracker.get_run(run.id)
            run.finish("finished")
        assert ended.status == "failed"
        assert tracker.get_run(run.id) == ended

    def test_a_run_ends_as_it_went__as_finished_or_failed_only(self, tracker: ExperimentTracker) -> None:
        """Any other status is refused, and the run goes on and stays readable, alone and among its experiment's.

        If this fails: call ``mlops_core.ports.run_values.check_run_status`` first. A status that is stored and cannot
        be read again may hide every run of the experiment.
        """
        run = tracker.start_run(EXPERIMENT)
        refused = {repr(each): raised_by(lambda each=each: run.finish(each)) for each in _NO_ENDS}
        assert refused == dict.fromkeys(map(repr, _NO_ENDS), InvalidNameError)
        run.log_params({"still": "running"})
        assert [(each.id, each.status, each.ended_at) for each in tracker.runs(EXPERIMENT)] == [
            (run.id, "running", None)
        ]
        run.finish("failed")
        assert tracker.get_run(run.id).status == "failed"

    def test_a_run_ends_as_it_went__once_when_several_threads_end_it(self, tracker: ExperimentTracker) -> None:
        """Threads that end one run at the same moment all return; one of their statuses counts, and stays.

        If this fails: guard ``finish`` by the run's lock, and look there whether it has ended.
        """
        run = tracker.start_run(EXPERIMENT)
        run.log_metrics({"loss": 0.5})
        ends = [lambda: run.finish("finished"), lambda: run.finish("failed")]
        assert errors_of(all_at_once(ends * (RIVALS // 2))) == []
        ended = tracker.get_run(run.id)
        assert (ended.status in {"finished", "failed"}, values_of(tracker, run.id)) == (True, [0.5])
        for end in ends:
            end()
        assert tracker.get_run(run.id) == ended

    def test_a_run_ends_as_it_went__beside_others(self, tracker: ExperimentTracker) -> None:
        """Runs of one experiment that overlap each end on their own; each has an id of its own.

        If this fails: the adapter, or the SDK below it, holds one current run per process. Pass the run explicitly.
        """
        with tracker.start_run(EXPERIMENT) as outer:
            with tracker.start_run(EXPERIMENT) as inner:
                inner.log_metrics({"loss": 1.0})
                outer.log_metrics({"loss": 2.0})
            assert outer.id != inner.id
            assert tracker.get_run(inner.id).status == "finished"
            assert tracker.get_run(outer.id).status == "running"
            outer.log_params({"after": "inner"})
        assert (values_of(tracker, inner.id), values_of(tracker, outer.id)) == ([1.0], [2.0])
        assert dict(tracker.get_run(inner.id).params) == {}

    def test_an_ended_run_takes_no_more(self, tracker: ExperimentTracker) -> None:
        """Parameters, metrics and files of a run that has ended raise ``ConflictError``, and change nothing.

        If this fails: look at the run's status before a write; vendors often take writes to ended runs.
        """
        with tracker.start_run(EXPERIMENT) as run:
            run.log_params({"depth": 3})
            run.log_metrics([point(0.5)])
            run.log_files({"a.txt": b"a"})
        ended = tracker.get_run(run.id)
        assert_four_parts(lambda: run.log_params({"more": 1}), ConflictError, operation="log_params")
        assert_four_parts(lambda: run.log_metrics([point(0.7, step=9)]), ConflictError, operation="log_metrics")
        assert_four_parts(lambda: run.log_files({"a.txt": b"b", "c": b""}), ConflictError, operation="log_files")
        run.flush()
        assert tracker.get_run(run.id) == ended
        assert list(tracker.metric_history(run.id, "loss")) == [point(0.5)]
        assert contents(tracker, run.id) == {"a.txt": b"a"}

    def test_an_ended_run_takes_no_more__while_threads_write_it(self, tracker: ExperimentTracker) -> None:
        """Of calls that meet the end of the run in another thread, each is kept whole or raises ``ConflictError``.

        If this fails: look whether the run has ended, and write, under one lock; flush before the end, not beside it.
        """
        run = tracker.start_run(EXPERIMENT)

        def write(thread: int) -> list[int]:
            written: list[int] = []
            for number in range(5):
                try:
                    run.log_metrics([point(float(number), key=f"m{thread}", time=number)])
                except ConflictError:
                    break
                written.append(number)
            return written

        done = all_at_once([*[lambda thread=thread: write(thread) for thread in range(RIVALS)], run.finish])
        assert errors_of(done) == []
        kept = [[int(each) for each in values_of(tracker, run.id, f"m{thread}")] for thread in range(RIVALS)]
        assert kept == done[:-1]

    @pytest.mark.parametrize("method", ["get_run", "metric_history", "files", "open_file"])
    def test_missing_runs_are_told(self, tracker: ExperimentTracker, method: str) -> None:
        """Every method that reads a run raises ``RunNotFoundError`` for one that is not there, whatever its id is.

        If this fails: translate the vendor's error for a run that it does not know, and for an id that it would not
        take; quote ids where they become part of an address.
        """
        tracker.start_run(EXPERIMENT).finish()
        calls: Mapping[str, Callable[[str], object]] = {
            "get_run": tracker.get_run,
            "metric_history": lambda run_id: next(tracker.metric_history(run_id, "loss")),
            "files": lambda run_id: next(tracker.files(run_id)),
            "open_file": lambda run_id: tracker.open_file(run_id, "a.txt"),
        }
        call = calls[method]
        assert_four_parts(lambda: call("nope"), RunNotFoundError, operation=method)
        assert {run_id: raised_by(lambda run_id=run_id: call(run_id)) for run_id in _NO_RUNS} == dict.fromkeys(
            _NO_RUNS, RunNotFoundError
        )

    def test_missing_runs_are_told__and_missing_files(self, tracker: ExperimentTracker) -> None:
        """``open_file`` raises ``ArtifactNotFoundError`` for a path that the run does not have, whatever it is.

        If this fails: look for the path among the run's files; never let it lead out of them, or name a folder.
        """
        with tracker.start_run(EXPERIMENT) as run:
            run.log_files({"notes/a.txt": b"a"})
        assert_four_parts(lambda: tracker.open_file(run.id, "nope"), ArtifactNotFoundError, operation="open_file")
        raised = {path: raised_by(lambda path=path: tracker.open_file(run.id, path)) for path in _NO_FILES}
        assert raised == dict.fromkeys(_NO_FILES, ArtifactNotFoundError)
