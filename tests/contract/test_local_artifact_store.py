"""The contract of the artifact store on the adapter ``local``: no gap."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest
from mlops_core.testing.artifact_store import ConnectedArtifactStoreContract

from .local_store import local_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.testing import StoreUnderTest


def _no_sync(_: int) -> None:
    return


class TestLocalArtifactStore(ConnectedArtifactStoreContract):
    contract_version = 1
    backend = "local"
    against = "a folder of this host"

    @pytest.fixture
    def fresh_store(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], StoreUnderTest]:
        # Nothing here loses power, so nothing has to wait for the disk.
        monkeypatch.setattr(os, "fsync", _no_sync)
        numbers = itertools.count()
        return lambda: local_store(tmp_path / f"store-{next(numbers)}")
