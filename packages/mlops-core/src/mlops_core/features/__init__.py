"""Features: what a model reads, defined by functions. Defining them imports no frame library."""

from mlops_core.features.factory import FeatureFactory, feature
from mlops_core.features.feature import Feature
from mlops_core.features.group import FeatureGroup
from mlops_core.features.source import Source
from mlops_core.features.window import Window, window

__all__ = ["Feature", "FeatureFactory", "FeatureGroup", "Source", "Window", "feature", "window"]
