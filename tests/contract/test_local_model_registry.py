"""The contract of the model registry on the adapter ``local``: no gap."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest
from mlops_core.testing.model_registry.connected import ConnectedModelRegistryContract

from .local_registry import local_registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.testing import RegistryUnderTest


def _no_sync(_: int) -> None:
    return


class TestLocalModelRegistry(ConnectedModelRegistryContract):
    contract_version = 1
    backend = "local"
    against = "a folder of this host"

    @pytest.fixture
    def fresh_registry(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], RegistryUnderTest]:
        # Nothing here loses power, so nothing has to wait for the disk.
        monkeypatch.setattr(os, "fsync", _no_sync)
        numbers = itertools.count()
        return lambda: local_registry(tmp_path / f"registry-{next(numbers)}")
