"""Checks of what the author's fixture gives, and of the adapter's signatures: if these fail, nothing else counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.ports.experiment_tracker import ExperimentTracker, Run
from mlops_core.testing.experiment_tracker.base import EXPERIMENT, ExperimentTrackerPart, point
from mlops_core.testing.signatures import compare_with_protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.testing.subjects import ExperimentTrackerBackDoor, TrackerUnderTest


class FixtureChecks(ExperimentTrackerPart):
    """What ``fresh_tracker`` gives."""

    def test_fixture_is_empty(self, tracker: ExperimentTracker) -> None:
        """A fresh tracker has no runs.

        If this fails: ``fresh_tracker`` has to give a new place with each call, such as a new folder or project.
        """
        assert list(tracker.runs()) == []

    def test_fixture_is_isolated(self, fresh_tracker: Callable[[], TrackerUnderTest]) -> None:
        """What one fresh tracker is given, the next one does not hold.

        If this fails: ``fresh_tracker`` gives the same place twice, or the adapter keeps state in a class or a module.
        """
        first, second = fresh_tracker(), fresh_tracker()
        run = first.tracker.start_run(EXPERIMENT)
        assert [each.id for each in first.tracker.runs()] == [run.id]
        assert list(second.tracker.runs()) == []

    def test_fixture_opens_another_on_the_same_place(self, subject: TrackerUnderTest) -> None:
        """``another`` gives a new instance that sees what the first one does.

        If this fails: ``another`` returns the tracker itself, or opens it on another place.
        """
        other = subject.another()
        assert other is not subject.tracker
        run = subject.tracker.start_run(EXPERIMENT)
        assert [each.id for each in other.runs()] == [run.id]
        later = other.start_run(EXPERIMENT)
        assert {each.id for each in subject.tracker.runs()} == {run.id, later.id}

    def test_fixture_has_a_back_door_to_the_same_place(
        self, tracker: ExperimentTracker, back_door: ExperimentTrackerBackDoor
    ) -> None:
        """The vendor's own tools see every kind of thing that the adapter writes.

        If this fails: the back door looks at another place, or the adapter writes where the vendor's tools do not look.
        """
        with tracker.start_run(EXPERIMENT, tags={"team": "ops"}) as run:
            run.log_params({"depth": 3})
            run.log_metrics([point(0.5, step=7)])
            run.log_files({"notes/a.txt": b"a"})
        assert dict(back_door.params(run.id)) == {"depth": "3"}
        assert list(back_door.points(run.id, "loss")) == [point(0.5, step=7)]
        assert dict(back_door.tags(run.id)) == {"team": "ops"}
        assert back_door.file(run.id, "notes/a.txt") == b"a"

    def test_signatures_are_those_of_the_port(self, tracker: ExperimentTracker) -> None:
        """The tracker, and the run that it returns, have the port's methods with the port's arguments.

        If this fails: each line says which method differs and how. Do not inherit from the protocol.
        """
        assert compare_with_protocol(tracker, ExperimentTracker) == []
        with tracker.start_run(EXPERIMENT) as run:
            assert compare_with_protocol(run, Run) == []
