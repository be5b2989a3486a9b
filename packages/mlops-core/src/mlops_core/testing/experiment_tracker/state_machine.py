"""The state machine of the tracker, as a test of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.testing.experiment_tracker.base import ExperimentTrackerPart
from mlops_core.testing.state_machines import check_experiment_tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.testing.subjects import TrackerUnderTest


class StateMachine(ExperimentTrackerPart):
    """Random programmes."""

    def test_state_machine(self, fresh_tracker: Callable[[], TrackerUnderTest]) -> None:
        """Random programmes of calls get the same answers from the adapter and from the memory tracker.

        If this fails: the last lines show the shortest programme that was found, as Python; run it by hand.
        """
        check_experiment_tracker(fresh_tracker, programmes=self.programmes)
