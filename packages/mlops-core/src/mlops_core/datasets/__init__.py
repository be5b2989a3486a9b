"""Datasets: the caller's rows with their features as of each row's moment, and what a model needs of them."""

from mlops_core.datasets.agreement import FeatureChangedWarning
from mlops_core.datasets.builder import DatasetBuilder
from mlops_core.datasets.dataset import Dataset
from mlops_core.datasets.plan import Plan, plan_from_signature
from mlops_core.datasets.sight import Sight

__all__ = ["Dataset", "DatasetBuilder", "FeatureChangedWarning", "Plan", "Sight", "plan_from_signature"]
