"""Random programmes, on the adapter and on the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.state_machines.model_registry import check_model_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.testing.subjects import RegistryUnderTest


class RandomProgrammes(ModelRegistryPart):
    """What no list of tests thinks of."""

    def test_state_machine(self, fresh_registry: Callable[[], RegistryUnderTest]) -> None:
        """Random programmes of calls come to the same values and errors as on the memory backend.

        If this fails: the shortest programme that was found is printed. The last call in it is the one that differs;
        look at what the calls before it have left behind.
        """
        check_model_registry(fresh_registry, programmes=self.programmes)
