"""The contract of the model registry on every mutant of it; run by ``test_mutants.py`` alone, since nearly all fail."""

from __future__ import annotations

from mlops_core.testing.model_registry import ModelRegistryContract

from . import registry_changes, registry_process, registry_races, registry_reading, registry_records
from .contracts import contract_classes, mutants_of
from .registry_base import RegistryMutant, subject_of

_MODULES = (registry_records, registry_changes, registry_reading, registry_races, registry_process)

globals().update(
    contract_classes(
        ModelRegistryContract,
        [RegistryMutant, *mutants_of(RegistryMutant, *_MODULES)],
        fixture="fresh_registry",
        subject=subject_of,
    )
)
