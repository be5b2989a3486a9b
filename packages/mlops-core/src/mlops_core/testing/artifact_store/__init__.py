"""The contract of the artifact store port, in parts: one module for each group of promises."""

from __future__ import annotations

from mlops_core.testing.artifact_store.connected import ConnectedArtifactStoreContract
from mlops_core.testing.artifact_store.contract import ArtifactStoreContract

__all__ = ["ArtifactStoreContract", "ConnectedArtifactStoreContract"]
