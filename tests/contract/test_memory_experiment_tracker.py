"""The contract of the experiment tracker on the adapter ``memory``: no gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlops_core.testing.experiment_tracker import ExperimentTrackerContract

from .memory_back_doors import memory_tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.testing import TrackerUnderTest


class TestMemoryExperimentTracker(ExperimentTrackerContract):
    contract_version = 1
    backend = "memory"
    against = "dictionaries of this process"

    @pytest.fixture
    def fresh_tracker(self) -> Callable[[], TrackerUnderTest]:
        return memory_tracker
