"""Empty vaults for the contracts: a registry or a tracker, one more on the same vault, its back door, its wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from acme_adapter._client import Calls
from acme_adapter.experiment_tracker import AcmeExperimentTracker
from acme_adapter.model_registry import AcmeModelRegistry
from acme_vault import Vault, VaultClient, create_vault
from back_doors import RegistryBackDoor, TrackerBackDoor
from breakable_wire import SUSPENDED, BreakableWire
from mlops_core.testing import RegistryUnderTest, TrackerUnderTest

if TYPE_CHECKING:
    from pathlib import Path

    from acme_vault import Wire

TOKEN: Final = "the-token-that-must-appear-nowhere"


def empty_vault(folder: Path) -> Path:
    """The file of a vault that nobody else uses."""
    path = folder / f"{uuid4().hex}.vault"
    create_vault(path, {TOKEN: "write", SUSPENDED: "suspended"})
    return path


def calls_over(wire: Wire) -> Calls:
    """Requests over a wire; a vault that does not answer is asked again without a pause."""
    return Calls(VaultClient(wire, TOKEN), backend="vault", sleep=lambda _: None)


def registry_of(path: Path) -> AcmeModelRegistry:
    """A registry of a vault, over a wire that works."""
    return AcmeModelRegistry(calls_over(Vault(path)))


def fresh_registry(folder: Path) -> RegistryUnderTest:
    """A registry of an empty vault."""
    path = empty_vault(folder)
    wire = BreakableWire(Vault(path))
    return RegistryUnderTest(
        registry=AcmeModelRegistry(calls_over(wire)),
        another=lambda: registry_of(path),
        back_door=RegistryBackDoor(path=path),
        connection=wire,
        secrets=(TOKEN,),
    )


def fresh_tracker(folder: Path) -> TrackerUnderTest:
    """A tracker of an empty vault."""
    path = empty_vault(folder)
    wire = BreakableWire(Vault(path))
    return TrackerUnderTest(
        tracker=AcmeExperimentTracker(calls_over(wire)),
        another=lambda: AcmeExperimentTracker(calls_over(Vault(path))),
        back_door=TrackerBackDoor(path=path),
        connection=wire,
        secrets=(TOKEN,),
    )
