"""The back doors of the memory backend: what its dictionaries hold, read and changed without any of its methods."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops_core.manifest import MANIFEST_FILE
from mlops_core.ports.artifact_store import Artifact, ArtifactInfo
from mlops_core.ports.model_registry import ModelVersion
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore, MemoryStoreState
from mlops_core.stores.memory.experiment_tracker import MemoryExperimentTracker, MemoryTrackerState
from mlops_core.stores.memory.model_registry import (
    MemoryModelRegistry,
    MemoryRegistryState,
    StoredModel,
    StoredVersion,
)
from mlops_core.testing import RegistryUnderTest, StoreUnderTest, TrackerUnderTest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_core.manifest import Package
    from mlops_core.ports.experiment_tracker import MetricPoint
    from mlops_core.testing import ArtifactStoreBackDoor, ExperimentTrackerBackDoor, ModelRegistryBackDoor


@dataclass(frozen=True)
class RegistryBackDoor:
    state: MemoryRegistryState

    def numbers(self, model: str, /) -> Sequence[int]:
        found = self.state.models.get(model)
        return list(found.versions) if found else []

    def aliases(self, model: str, /) -> Mapping[str, int]:
        found = self.state.models.get(model)
        return dict(found.aliases) if found else {}

    def tags(self, model: str, version: int, /) -> Mapping[str, str]:
        return dict(self.state.models[model].versions[version].record.tags)

    def read(self, model: str, version: int, path: str, /) -> bytes:
        return self._files(model, version)[path]

    def damage(self, model: str, version: int, path: str, /) -> None:
        files = self._files(model, version)
        first, rest = files[path][0], files[path][1:]
        files[path] = bytes([first ^ 1]) + rest

    def remove(self, model: str, version: int, path: str, /) -> None:
        del self._files(model, version)[path]

    def add(self, model: str, version: int, path: str, data: bytes, /) -> None:
        self._files(model, version)[path] = data

    def move_alias(self, model: str, alias: str, version: int, /) -> None:
        self.state.models[model].aliases[alias] = version

    def make_model(self, model: str, package: Package, /) -> int:
        files: dict[str, bytes] = {}
        for path in [MANIFEST_FILE, *(each.path for each in package.manifest.files)]:
            with package.open(path) as stream:
                files[path] = stream.read()
        record = ModelVersion(
            model=model,
            version=1,
            digest=hashlib.sha256(files[MANIFEST_FILE]).hexdigest(),
            manifest=package.manifest,
            created_at=datetime.now(UTC),
            operation_id="made-by-hand",
        )
        made = StoredVersion(record=record, files=files)
        self.state.models[model] = StoredModel(versions={1: made}, highest=1)
        return 1

    def _files(self, model: str, version: int) -> dict[str, bytes]:
        return self.state.models[model].versions[version].files


@dataclass(frozen=True)
class StoreBackDoor:
    state: MemoryStoreState

    def keys(self) -> Sequence[str]:
        return list(self.state.objects)

    def read(self, key: str, /) -> bytes:
        return self.state.objects[key].data

    def write(self, key: str, data: bytes, /) -> None:
        etag = hashlib.sha256(data).hexdigest()
        info = ArtifactInfo(key=key, size=len(data), etag=etag, modified_at=datetime.now(UTC))
        self.state.objects[key] = Artifact(info=info, data=data)


@dataclass(frozen=True)
class TrackerBackDoor:
    state: MemoryTrackerState

    def params(self, run_id: str, /) -> Mapping[str, str]:
        return dict(self.state.runs[run_id].params)

    def points(self, run_id: str, key: str, /) -> Sequence[MetricPoint]:
        return list(self.state.runs[run_id].points.get(key, []))

    def tags(self, run_id: str, /) -> Mapping[str, str]:
        return dict(self.state.runs[run_id].tags)

    def file(self, run_id: str, path: str, /) -> bytes:
        return self.state.runs[run_id].files[path]


def memory_registry() -> RegistryUnderTest:
    state = MemoryRegistryState()
    return RegistryUnderTest(
        registry=MemoryModelRegistry(state=state),
        another=lambda: MemoryModelRegistry(state=state),
        back_door=RegistryBackDoor(state),
    )


def memory_store() -> StoreUnderTest:
    state = MemoryStoreState()
    return StoreUnderTest(
        store=MemoryArtifactStore(state=state),
        another=lambda: MemoryArtifactStore(state=state),
        back_door=StoreBackDoor(state),
    )


def memory_tracker() -> TrackerUnderTest:
    state = MemoryTrackerState()
    return TrackerUnderTest(
        tracker=MemoryExperimentTracker(state=state),
        another=lambda: MemoryExperimentTracker(state=state),
        back_door=TrackerBackDoor(state),
    )


if TYPE_CHECKING:
    _registry: type[ModelRegistryBackDoor] = RegistryBackDoor
    _store: type[ArtifactStoreBackDoor] = StoreBackDoor
    _tracker: type[ExperimentTrackerBackDoor] = TrackerBackDoor
