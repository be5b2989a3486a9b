"""The adapter ``mlflow``: registered models and runs of an MLflow server, as the core's registry and tracker."""

from __future__ import annotations

from adapter_mlflow.backend import MlflowBackend, MlflowPorts
from adapter_mlflow.experiment_tracker import MlflowExperimentTracker
from adapter_mlflow.model_registry import MlflowModelRegistry
from adapter_mlflow.settings import MlflowSettings

__all__ = ["MlflowBackend", "MlflowExperimentTracker", "MlflowModelRegistry", "MlflowPorts", "MlflowSettings"]
