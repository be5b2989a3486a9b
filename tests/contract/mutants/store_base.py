"""What mutants of the artifact store are made of."""

from __future__ import annotations

from mlops_core.stores.memory.artifact_store import MemoryArtifactStore, MemoryStoreState
from mlops_core.testing import StoreUnderTest

from ..memory_back_doors import StoreBackDoor
from .registry_base import SECRET


class StoreMutant(MemoryArtifactStore):
    """No bug."""

    def __init__(self, state: MemoryStoreState) -> None:
        super().__init__(state=state)
        self.state = state


def subject_of(mutant: type[StoreMutant]) -> StoreUnderTest:
    """An empty store of a mutant."""
    state = MemoryStoreState()
    return StoreUnderTest(
        store=mutant(state), another=lambda: mutant(state), back_door=StoreBackDoor(state), secrets=(SECRET,)
    )
