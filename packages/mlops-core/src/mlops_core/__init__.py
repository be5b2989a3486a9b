"""One vocabulary for features, datasets, models, registries and scoring; vendors are chosen by configuration.

Nothing heavy is imported here: each public name is loaded from its module when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_core.datasets import Dataset, DatasetBuilder
    from mlops_core.errors import MlopsError
    from mlops_core.features import Feature, FeatureFactory, FeatureGroup, Source, feature, window
    from mlops_core.models import LoadedModel, ModelFactory, model
    from mlops_core.naming import ModelRef
    from mlops_core.scoring import Chain, Features, Predict, ScoringResult, check
    from mlops_core.sessions import Session, open_session, session
    from mlops_core.signature import Signature
    from mlops_core.version import __version__

__all__ = [
    "Chain",
    "Dataset",
    "DatasetBuilder",
    "Feature",
    "FeatureFactory",
    "FeatureGroup",
    "Features",
    "LoadedModel",
    "MlopsError",
    "ModelFactory",
    "ModelRef",
    "Predict",
    "ScoringResult",
    "Session",
    "Signature",
    "Source",
    "__version__",
    "check",
    "feature",
    "model",
    "open_session",
    "session",
    "window",
]

_MODULES = {
    "datasets": ("Dataset", "DatasetBuilder"),
    "errors": ("MlopsError",),
    "features": ("Feature", "FeatureFactory", "FeatureGroup", "Source", "feature", "window"),
    "models": ("LoadedModel", "ModelFactory", "model"),
    "naming": ("ModelRef",),
    "scoring": ("Chain", "Features", "Predict", "ScoringResult", "check"),
    "sessions": ("Session", "open_session", "session"),
    "signature": ("Signature",),
    "version": ("__version__",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
