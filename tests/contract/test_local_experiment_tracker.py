"""The contract of the experiment tracker on the adapter ``local``: no gap."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest
from mlops_core.testing.experiment_tracker import ConnectedExperimentTrackerContract

from .local_tracker import local_tracker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.testing import TrackerUnderTest


def _no_sync(_: int) -> None:
    return


class TestLocalExperimentTracker(ConnectedExperimentTrackerContract):
    contract_version = 1
    backend = "local"
    against = "a folder of this host"

    @pytest.fixture
    def fresh_tracker(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], TrackerUnderTest]:
        # Nothing here loses power, so nothing has to wait for the disk.
        monkeypatch.setattr(os, "fsync", _no_sync)
        numbers = itertools.count()
        return lambda: local_tracker(tmp_path / f"tracker-{next(numbers)}")
