"""The contract of the experiment tracker port, in parts: one module for each group of promises."""

from __future__ import annotations

from mlops_core.testing.experiment_tracker.connected import ConnectedExperimentTrackerContract
from mlops_core.testing.experiment_tracker.contract import ExperimentTrackerContract

__all__ = ["ConnectedExperimentTrackerContract", "ExperimentTrackerContract"]
