"""The contract's tests of conditions on stores that declare none: to refuse them passes, anything else fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import pytest
from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore, MemoryStoreState
from mlops_core.testing import BreakableStore, ConnectedArtifactStoreContract, StoreUnderTest

from .memory_back_doors import StoreBackDoor

if TYPE_CHECKING:
    from mlops_core.ports.artifact_store import ArtifactInfo


class Refuses(MemoryArtifactStore):
    @property
    def capabilities(self) -> ArtifactStoreCapability:
        return ArtifactStoreCapability.NONE


class WorksAnyway(Refuses):
    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        return MemoryArtifactStore(state=self._state).put(key, data, if_absent=if_absent, if_match=if_match)


class IgnoresThem(Refuses):
    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        return super().put(key, data)


def fresh(kind: type[MemoryArtifactStore]) -> StoreUnderTest:
    state = MemoryStoreState()
    connection = BreakableStore(kind(state=state))
    back_door = StoreBackDoor(state)
    return StoreUnderTest(
        store=connection if kind is Refuses else kind(state=state),
        another=lambda: kind(state=state),
        back_door=back_door,
        connection=connection,
    )


def test_refusing_every_condition_passes() -> None:
    contract = ConnectedArtifactStoreContract()
    contract.test_capability_conditional_put(fresh(Refuses))
    contract.test_a_condition_has_one_winner(fresh(Refuses))
    for alone in [
        contract.test_a_condition_has_one_winner__of_contents_not_of_writes,
        contract.test_a_condition_has_one_winner__and_streams_have_none,
        contract.test_a_condition_has_one_winner__and_there_is_one_condition,
    ]:
        alone(fresh(Refuses).store)
    subject = fresh(Refuses)
    contract.test_a_condition_has_one_winner__if_absent(subject.store, subject.back_door)
    subject = fresh(Refuses)
    contract.test_a_condition_has_one_winner__if_match(subject.store, subject.back_door, 1)
    contract.test_a_condition_has_one_winner__though_its_reply_is_lost(lambda: fresh(Refuses))
    contract.test_a_condition_has_one_winner__and_is_refused_before_any_request(lambda: fresh(Refuses))


@pytest.mark.parametrize("kind", [WorksAnyway, IgnoresThem])
def test_half_working_is_caught(kind: type[MemoryArtifactStore]) -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        ConnectedArtifactStoreContract().test_capability_conditional_put(fresh(kind))
