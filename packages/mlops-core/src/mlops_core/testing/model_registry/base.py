"""What every part of the registry's contract shares: fixtures over the author's one, and what an author may set."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from mlops_core.testing.contract import Contract
from mlops_core.testing.subjects import RegistryUnderTest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.contract import ContractName
    from mlops_core.testing.subjects import ModelRegistryBackDoor


class ModelRegistryPart(Contract):
    """Base of the parts. The author gives the fixture ``fresh_registry``: a callable that makes an empty registry.

    Attributes:
        many: How many versions and models the listings are tried with; set it above the vendor's page size.
        foreign_names: Names outside the grammar of :mod:`mlops_core.naming` that the vendor takes for a model.
    """

    port: ClassVar[ContractName] = "model_registry"
    many: ClassVar[int] = 30
    foreign_names: ClassVar[tuple[str, ...]] = ("Fraud Model", "UPPER_case", "Größe.ä")

    @pytest.fixture
    def subject(self, fresh_registry: Callable[[], RegistryUnderTest]) -> RegistryUnderTest:
        """One empty registry."""
        return self._made(fresh_registry, RegistryUnderTest)

    @pytest.fixture
    def registry(self, subject: RegistryUnderTest) -> ModelRegistry:
        """The instance of ``subject``."""
        return subject.registry

    @pytest.fixture
    def back_door(self, subject: RegistryUnderTest) -> ModelRegistryBackDoor:
        """The vendor's own tools on the place of ``subject``."""
        return subject.back_door
