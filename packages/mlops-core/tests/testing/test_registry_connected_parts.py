"""The registry's connected contract leaves out no method, thins out requests as told, and asks for a connection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from mlops_core.ports.model_registry import ModelRegistry
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.testing import BreakableStore, RegistryUnderTest
from mlops_core.testing.model_registry.calls import MODEL
from mlops_core.testing.model_registry.connected_scenes import CALLS, OnAConnection, connection_of

if TYPE_CHECKING:
    from mlops_core.testing import ModelRegistryBackDoor


def subject() -> RegistryUnderTest:
    store = MemoryArtifactStore(backend="home")
    connection = BreakableStore(store)
    return RegistryUnderTest(
        registry=StoreModelRegistry(connection, backend="home"),
        another=lambda: StoreModelRegistry(store, backend="home"),
        back_door=cast("ModelRegistryBackDoor", None),  # nothing here looks through it
        connection=connection,
    )


def test_every_method_of_the_port_is_tried() -> None:
    methods = {name for name, value in vars(ModelRegistry).items() if callable(value) and not name.startswith("_")}
    assert set(CALLS) == methods


@pytest.mark.parametrize(("every_nth", "expected"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (3, [0, 3, 4]), (9, [0, 4])])
def test_only_every_nth_request_is_disturbed_and_the_last(every_nth: int, expected: list[int]) -> None:
    class Thinned(OnAConnection):
        __module__ = "mlops_core.testing.thinned"

    Thinned.every_nth = every_nth
    scenes = Thinned().disturbed(subject, lambda scene: [scene.registry.resolve(MODEL, "champion") for _ in range(5)])
    assert [number for _, number in scenes] == expected


def test_a_call_without_requests_is_told_as_a_fault_of_the_fixture() -> None:
    class Part(OnAConnection):
        __module__ = "mlops_core.testing.part"

    with pytest.raises(AssertionError, match="counted no request"):
        next(Part().disturbed(subject, lambda scene: scene.versions))


def test_a_missing_connection_is_told() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"set RegistryUnderTest\.connection"):
        connection_of(replace(subject(), connection=None))
