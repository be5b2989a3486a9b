"""The contract of the model registry on the adapter ``memory``, the oracle of the others: no gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlops_core.testing.model_registry import ModelRegistryContract

from .memory_back_doors import memory_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.testing import RegistryUnderTest


class TestMemoryModelRegistry(ModelRegistryContract):
    contract_version = 1
    backend = "memory"
    against = "dictionaries of this process"
    foreign_names = (
        *ModelRegistryContract.foreign_names,
        "a/../b",
        "..",
        " blanks ",
        "%2e",
        "e\u0301",
        "CON",
        "x" * 200,
    )

    @pytest.fixture
    def fresh_registry(self) -> Callable[[], RegistryUnderTest]:
        return memory_registry
