"""The contract of the artifact store on every mutant of it; run by ``test_mutants.py`` alone, since nearly all fail."""

from __future__ import annotations

from mlops_core.testing.artifact_store import ArtifactStoreContract

from . import store_reading, store_writes
from .contracts import contract_classes, mutants_of
from .store_base import StoreMutant, subject_of

globals().update(
    contract_classes(
        ArtifactStoreContract,
        [StoreMutant, *mutants_of(StoreMutant, store_writes, store_reading)],
        fixture="fresh_store",
        subject=subject_of,
    )
)
