"""Acme Vault keeps the contract of the experiment tracker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import vaults
from mlops_core.testing import ConnectedExperimentTrackerContract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.testing import TrackerUnderTest


class TestAcmeExperimentTracker(ConnectedExperimentTrackerContract):
    contract_version = 1
    backend = "acme"
    against = "Acme Vault, an invented vendor in one SQLite file"

    @pytest.fixture
    def fresh_tracker(self, tmp_path: Path) -> Callable[[], TrackerUnderTest]:
        return lambda: vaults.fresh_tracker(tmp_path)
