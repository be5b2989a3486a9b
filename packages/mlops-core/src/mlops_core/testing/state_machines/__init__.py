"""State machines: an adapter and the memory backend get the same calls, and have to give the same answers.

One machine for each port, one function that runs it. Values and the types of errors are compared at each step, complete
listings after it. Two instances of the adapter are driven in turn, so that a stale read shows. What vendors may do
differently is mapped or left out: numbers, ids, etags, times and pages.
"""

from __future__ import annotations

from mlops_core.testing.state_machines.artifact_store import ArtifactStoreMachine, check_artifact_store
from mlops_core.testing.state_machines.experiment_tracker import ExperimentTrackerMachine, check_experiment_tracker
from mlops_core.testing.state_machines.model_registry import ModelRegistryMachine, check_model_registry

__all__ = [
    "ArtifactStoreMachine",
    "ExperimentTrackerMachine",
    "ModelRegistryMachine",
    "check_artifact_store",
    "check_experiment_tracker",
    "check_model_registry",
]
