"""Models: made by name, written as packages, kept by digest, loaded only as far as the caller trusts them."""

from __future__ import annotations

from mlops_core.models.cache import PackageCache
from mlops_core.models.estimator import Estimator
from mlops_core.models.factory import DEFAULT_FACTORY, ModelFactory, model
from mlops_core.models.loading import LoadedModel, load_model, load_package
from mlops_core.models.package import write_package
from mlops_core.models.references import pin
from mlops_core.models.trust import TrustPolicy

__all__ = [
    "DEFAULT_FACTORY",
    "Estimator",
    "LoadedModel",
    "ModelFactory",
    "PackageCache",
    "TrustPolicy",
    "load_model",
    "load_package",
    "model",
    "pin",
    "write_package",
]
