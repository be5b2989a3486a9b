"""Promise ``names_obey_one_grammar``: what every tracker refuses alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from mlops_core.errors import InvalidNameError
from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.ports.run_values import MAX_STEP
from mlops_core.testing.experiment_tracker.base import EXPERIMENT, ExperimentTrackerPart, at, point, raised_by_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops_core.ports.experiment_tracker import ExperimentTracker, Run

_NO_EXPERIMENTS: Final = (
    *("", "..", "a/../b", "/abs", "C:\\x", "%2e%2e", "a\0b", "a\r\nb", "\u202ename", "x" * 64, "🛫", "con", "nul.x"),
    *("Race", "a b", "größe", "-a", "a-", "a..b", "lone \ud800"),
)
_NO_KEYS: Final = ("", "a b", "größe", "-a", ".a", "a/", "/a", "a//b", "a/.b", "a:b", "a\0", "a\n", "x" * 251, "\ud800")
_NO_TAGS: Final = ("", "Team", "a b", "größe", "1a", "mlops.x", "mlflow.x", "a/b", "x" * 65, "a\n")
_NO_PATHS: Final = ("", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.", "a\0b", "a\nb", "x" * 256, "\ud800")
_NO_NUMBERS: Final = ("0.5", None, True, [0.5], 10**400, 1j)
_NO_STEPS: Final = (-1, MAX_STEP + 1, 0.5, "1", None, True)
_NO_TIMES: Final = (
    datetime(2026, 1, 2),  # noqa: DTZ001 (naive on purpose)
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-9))),
    0,
    "2026-01-02T00:00:00Z",
)


class Names(ExperimentTrackerPart):
    """What is refused, by the rule that the error quotes, before anything is written."""

    def test_names_obey_one_grammar__experiments(self, tracker: ExperimentTracker) -> None:
        """An experiment's name outside the grammar is refused, and no run is started.

        If this fails: call ``mlops_core.naming.check_experiment_name`` first; never alter a name.
        """
        _refused({repr(name): lambda name=name: tracker.start_run(name) for name in _NO_EXPERIMENTS})
        assert list(tracker.runs()) == []
        longest = "x" * 63
        assert tracker.start_run(longest).experiment == longest
        assert [each.experiment for each in tracker.runs()] == [longest]

    def test_names_obey_one_grammar__names_of_runs_are_text(self, tracker: ExperimentTracker) -> None:
        """A run's name is any text, kept as it is; what is no text, or no Unicode, is refused.

        If this fails: call ``mlops_core.naming.check_text``; names of runs are for people, and have no grammar.
        """
        _refused({repr(name): lambda name=name: tracker.start_run(EXPERIMENT, name=_any(name)) for name in (3, None)})
        _refused({"surrogate": lambda: tracker.start_run(EXPERIMENT, name="lone \ud800")})
        assert list(tracker.runs()) == []
        with tracker.start_run(EXPERIMENT, name="Größe <b> 🛫 'x'") as run:
            pass
        assert tracker.get_run(run.id).name == "Größe <b> 🛫 'x'"

    def test_names_obey_one_grammar__parameters(self, running: Run, tracker: ExperimentTracker) -> None:
        """A parameter's name outside the grammar, or a value that is no parameter, refuses the whole call.

        If this fails: call ``mlops_core.ports.run_values.parameter_texts`` before the first request.
        """
        _refused({repr(key): lambda key=key: running.log_params({"fine": 1, key: 1}) for key in _NO_KEYS})
        values: tuple[object, ...] = (None, [1], {1}, b"x", 1j, "\ud800")
        _refused({repr(each): lambda each=each: running.log_params({"fine": 1, "x": _any(each)}) for each in values})
        assert dict(tracker.get_run(running.id).params) == {}

    def test_names_obey_one_grammar__metrics(self, running: Run, tracker: ExperimentTracker) -> None:
        """A metric's name, value, step or time that cannot be kept refuses the whole call, in either form.

        If this fails: call ``mlops_core.ports.run_values.metric_points`` before the first request.
        """
        fine = point(1.0, key="fine")
        good: dict[str, Any] = {"key": "x", "value": 1.0, "step": 0, "time": at(0)}
        wrong: list[tuple[str, object]] = [
            *(("key", each) for each in _NO_KEYS),
            *(("value", each) for each in _NO_NUMBERS),
            *(("step", each) for each in _NO_STEPS),
            *(("time", each) for each in _NO_TIMES),
        ]
        points = {f"{field} {value!r:.40}": MetricPoint(**(good | {field: _any(value)})) for field, value in wrong}
        _refused({name: lambda each=each: running.log_metrics([fine, each]) for name, each in points.items()})
        _refused({"step of points": lambda: running.log_metrics([fine], step=3)})
        _refused({"time of points": lambda: running.log_metrics([fine], time=at(0))})
        _refused({"no point": lambda: running.log_metrics([fine, cast("MetricPoint", ("x", 1.0))])})
        _refused(
            {
                **{repr(key): lambda key=key: running.log_metrics({"fine": 1.0, key: 1.0}) for key in _NO_KEYS},
                **{
                    repr(step): lambda step=step: running.log_metrics({"fine": 1.0}, step=_any(step))
                    for step in _NO_STEPS
                },
                # None is now.
                **{
                    repr(time): lambda time=time: running.log_metrics({"fine": 1.0}, time=_any(time))
                    for time in _NO_TIMES
                },
            }
        )
        running.flush()
        assert dict(tracker.get_run(running.id).metrics) == {}

    def test_names_obey_one_grammar__tags(self, running: Run, tracker: ExperimentTracker) -> None:
        """A tag's key or value outside the grammar refuses the whole call, at the start too.

        If this fails: call ``mlops_core.naming.check_tags`` before the first request.
        """
        bad: list[Mapping[str, Any]] = [{"fine": "x", key: "x"} for key in _NO_TAGS]
        bad += [{"fine": "x", "odd": value} for value in (3, True, b"x", ["x"], "x" * 4_001, "\ud800")]
        _refused({f"{each!r:.60}": lambda each=each: running.set_tags(each) for each in bad})
        bad.append({"fine": None})
        _refused({f"{each!r:.60}": lambda each=each: tracker.start_run(EXPERIMENT, tags=each) for each in bad})
        assert [(each.id, dict(each.tags)) for each in tracker.runs()] == [(running.id, {})]

    def test_names_obey_one_grammar__files(self, running: Run, tracker: ExperimentTracker) -> None:
        """A path that leads out of the run, or that no folder can hold, and a content of no kind refuse the whole call.

        If this fails: call ``mlops_core.ports.run_values.run_files`` before the first request.
        """
        _refused({repr(path): lambda path=path: running.log_files({"fine": b"", path: b""}) for path in _NO_PATHS})
        for content in ("text", None, 3):
            _refused({repr(content): lambda content=content: running.log_files({"fine": b"", "x": _any(content)})})
        assert list(tracker.files(running.id)) == []

    def test_names_obey_one_grammar__what_reads_takes_any(self, running: Run, tracker: ExperimentTracker) -> None:
        """Names that nothing can have are not refused by what reads: there is nothing of that name.

        If this fails: quote names where they become part of a query; check them only where they are created.
        """
        running.log_metrics({"loss": 1.0})
        running.flush()
        for key in _NO_KEYS:
            assert list(tracker.metric_history(running.id, key)) == [], repr(key)
        for name in _NO_EXPERIMENTS:
            assert list(tracker.runs(name)) == [], repr(name)

    @pytest.fixture
    def running(self, tracker: ExperimentTracker) -> Iterator[Run]:
        """A run that has nothing yet."""
        with tracker.start_run(EXPERIMENT) as run:
            yield run
        assert tracker.get_run(run.id).started_at <= datetime.now(UTC) + timedelta(minutes=10)


def _refused(calls: Mapping[str, Callable[[], object]]) -> None:
    assert raised_by_each(calls) == dict.fromkeys(calls, InvalidNameError)
    for call in calls.values():
        with pytest.raises(InvalidNameError) as caught:
            call()
        assert all([caught.value.what, caught.value.why]), f"a part is missing: {caught.value}"


def _any(value: object) -> Any:
    return value
