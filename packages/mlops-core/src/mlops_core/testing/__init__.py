"""The contract suite: one class per port, which proves any adapter (extra ``testing``: pytest and hypothesis).

An adapter's test module subclasses a contract and gives it one fixture, see ``docs/write-an-adapter.md``. The suite
ships with the protocols, so that both have one version.
"""

from __future__ import annotations

import pkgutil

import pytest

# Failing asserts of the suite show their values only in modules that pytest rewrites. Each is named, since pytest warns
# of a package that is being imported already.
pytest.register_assert_rewrite(*(f"{__name__}.{each.name}" for each in pkgutil.iter_modules(__path__)))

from mlops_core.testing.artifact_store import (  # noqa: E402 (after the line above)
    ArtifactStoreContract,
    ConnectedArtifactStoreContract,
)
from mlops_core.testing.backend import BackendContract  # noqa: E402
from mlops_core.testing.breakable_store import BreakableStore  # noqa: E402
from mlops_core.testing.contract import CONTRACT_VERSION, Contract  # noqa: E402
from mlops_core.testing.experiment_tracker import (  # noqa: E402
    ConnectedExperimentTrackerContract,
    ExperimentTrackerContract,
)
from mlops_core.testing.known_gaps import KnownGap  # noqa: E402
from mlops_core.testing.model_registry import ModelRegistryContract  # noqa: E402
from mlops_core.testing.model_registry.connected import ConnectedModelRegistryContract  # noqa: E402
from mlops_core.testing.packages import MemoryPackage, make_package  # noqa: E402
from mlops_core.testing.signatures import compare_with_protocol  # noqa: E402
from mlops_core.testing.subjects import (  # noqa: E402
    ArtifactStoreBackDoor,
    BackendUnderTest,
    Connection,
    ExperimentTrackerBackDoor,
    ModelRegistryBackDoor,
    RegistryUnderTest,
    StoreUnderTest,
    TrackerUnderTest,
)

__all__ = [
    "CONTRACT_VERSION",
    "ArtifactStoreBackDoor",
    "ArtifactStoreContract",
    "BackendContract",
    "BackendUnderTest",
    "BreakableStore",
    "ConnectedArtifactStoreContract",
    "ConnectedExperimentTrackerContract",
    "ConnectedModelRegistryContract",
    "Connection",
    "Contract",
    "ExperimentTrackerBackDoor",
    "ExperimentTrackerContract",
    "KnownGap",
    "MemoryPackage",
    "ModelRegistryBackDoor",
    "ModelRegistryContract",
    "RegistryUnderTest",
    "StoreUnderTest",
    "TrackerUnderTest",
    "compare_with_protocol",
    "make_package",
]
