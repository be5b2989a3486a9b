"""Acme Vault keeps the contract of the model registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import vaults
from mlops_core.testing import ConnectedModelRegistryContract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.testing import RegistryUnderTest


class TestAcmeModelRegistry(ConnectedModelRegistryContract):
    contract_version = 1
    backend = "acme"
    against = "Acme Vault, an invented vendor in one SQLite file"

    @pytest.fixture
    def fresh_registry(self, tmp_path: Path) -> Callable[[], RegistryUnderTest]:
        return lambda: vaults.fresh_registry(tmp_path)
