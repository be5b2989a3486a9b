"""What the contracts say about broken connections, on every mutant behind one; run by ``test_mutants.py`` alone."""

from __future__ import annotations

from mlops_core.testing.artifact_store import ArtifactStoreContract, ConnectedArtifactStoreContract
from mlops_core.testing.experiment_tracker import ConnectedExperimentTrackerContract, ExperimentTrackerContract
from mlops_core.testing.model_registry import ModelRegistryContract
from mlops_core.testing.model_registry.connected import ConnectedModelRegistryContract

from . import connection_mutants
from .connection_base import (
    RegistryOnAConnection,
    StoreOnAConnection,
    TrackerOnAConnection,
    registry_of,
    store_of,
    tracker_of,
)
from .contracts import contract_classes, mutants_of

globals().update(
    contract_classes(
        ConnectedModelRegistryContract,
        [RegistryOnAConnection, *mutants_of(RegistryOnAConnection, connection_mutants)],
        fixture="fresh_registry",
        subject=registry_of,
        beyond=ModelRegistryContract,
    )
)
globals().update(
    contract_classes(
        ConnectedArtifactStoreContract,
        [StoreOnAConnection, *mutants_of(StoreOnAConnection, connection_mutants)],
        fixture="fresh_store",
        subject=store_of,
        beyond=ArtifactStoreContract,
    )
)
globals().update(
    contract_classes(
        ConnectedExperimentTrackerContract,
        [TrackerOnAConnection, *mutants_of(TrackerOnAConnection, connection_mutants)],
        fixture="fresh_tracker",
        subject=tracker_of,
        beyond=ExperimentTrackerContract,
    )
)
