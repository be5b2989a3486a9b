"""What mutants behind a connection are made of: the adapter ``local`` over a connection that can be broken."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.stores.tracker import StoreExperimentTracker
from mlops_core.testing import BreakableStore

from ..local_registry import local_registry
from ..local_store import local_store
from ..local_tracker import local_tracker
from .registry_base import SECRET

if TYPE_CHECKING:
    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.testing import RegistryUnderTest, StoreUnderTest, TrackerUnderTest

_FOLDER: Final = TemporaryDirectory(prefix="mutants-")
_NUMBERS: Final = itertools.count()
RETRIES: Final = Retries(sleep=lambda _: None)


class RegistryOnAConnection(StoreModelRegistry):
    """No bug."""

    def __init__(self, connection: ArtifactStore, *, retries: Retries = RETRIES) -> None:
        super().__init__(connection, backend="home", retries=retries)
        self.connection = connection


class TrackerOnAConnection(StoreExperimentTracker):
    """No bug."""

    def __init__(self, connection: ArtifactStore) -> None:
        super().__init__(connection, backend="home", retries=RETRIES)


class StoreOnAConnection(BreakableStore):
    """No bug; breaks nothing by itself."""


def registry_of(mutant: type[RegistryOnAConnection]) -> RegistryUnderTest:
    """An empty registry of a mutant."""
    honest = local_registry(_new_folder())
    assert isinstance(honest.connection, BreakableStore)
    return replace(honest, registry=mutant(honest.connection), secrets=(SECRET,))


def tracker_of(mutant: type[TrackerOnAConnection]) -> TrackerUnderTest:
    """An empty tracker of a mutant."""
    honest = local_tracker(_new_folder())
    assert isinstance(honest.connection, BreakableStore)
    return replace(honest, tracker=mutant(honest.connection), secrets=(SECRET,))


def store_of(mutant: type[StoreOnAConnection]) -> StoreUnderTest:
    """An empty store of a mutant."""
    honest = local_store(_new_folder())
    assert isinstance(honest.connection, BreakableStore)
    return replace(honest, store=mutant(honest.connection), secrets=(SECRET,))


def _new_folder() -> Path:
    return Path(_FOLDER.name) / f"{next(_NUMBERS)}"
