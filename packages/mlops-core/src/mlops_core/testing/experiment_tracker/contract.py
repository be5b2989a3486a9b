"""The whole contract of the experiment tracker port, as far as it needs no connection that can be broken."""

from __future__ import annotations

from mlops_core.testing.experiment_tracker.capabilities import Capabilities
from mlops_core.testing.experiment_tracker.durability import Durability
from mlops_core.testing.experiment_tracker.endings import Endings
from mlops_core.testing.experiment_tracker.files import Files
from mlops_core.testing.experiment_tracker.fixture_checks import FixtureChecks
from mlops_core.testing.experiment_tracker.metrics import Metrics
from mlops_core.testing.experiment_tracker.names import Names
from mlops_core.testing.experiment_tracker.parameters import Parameters
from mlops_core.testing.experiment_tracker.process import Process
from mlops_core.testing.experiment_tracker.search import Search
from mlops_core.testing.experiment_tracker.state_machine import StateMachine
from mlops_core.testing.experiment_tracker.tags import Tags


class ExperimentTrackerContract(
    FixtureChecks,
    Endings,
    Parameters,
    Metrics,
    Tags,
    Files,
    Durability,
    Search,
    Names,
    Process,
    Capabilities,
    StateMachine,
):
    """What every tracker promises, see :class:`mlops_core.ports.experiment_tracker.ExperimentTracker`.

    An author subclasses it, says ``contract_version`` and ``backend``, and gives one fixture, ``fresh_tracker``: a
    callable without arguments that returns a :class:`~mlops_core.testing.subjects.TrackerUnderTest`, empty and
    isolated, each time it is called.
    """
