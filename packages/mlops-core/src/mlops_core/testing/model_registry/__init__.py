"""The contract of the model registry port, in parts: one module for each group of promises."""

from __future__ import annotations

from mlops_core.testing.model_registry.contract import ModelRegistryContract

__all__ = ["ModelRegistryContract"]
