"""The contract of the artifact store on the adapter ``memory``, the oracle of the others: no gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlops_core.testing.artifact_store import ArtifactStoreContract

from .memory_back_doors import memory_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.testing import StoreUnderTest


class TestMemoryArtifactStore(ArtifactStoreContract):
    contract_version = 1
    backend = "memory"
    against = "dictionaries of this process"

    @pytest.fixture
    def fresh_store(self) -> Callable[[], StoreUnderTest]:
        return memory_store
