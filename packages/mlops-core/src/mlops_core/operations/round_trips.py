"""Trying a backend for real: write, read, verify, delete. Only a tracker keeps what was written, runs of one name."""

from __future__ import annotations

import contextlib
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import AccessDeniedError, ArtifactNotFoundError, IntegrityError, MlopsError, NotFoundError
from mlops_core.manifest import MANIFEST_FILE, Manifest, PackageFile, verified_chunks

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.ports.model_registry import ModelRegistry

_FILE: Final = "probe.txt"


@dataclass(frozen=True, slots=True)
class _Probe:
    """A package of one small file, held in memory."""

    content: bytes

    @property
    def manifest(self) -> Manifest:
        sha256 = hashlib.sha256(self.content).hexdigest()
        file = PackageFile(path=_FILE, size=len(self.content), sha256=sha256)
        return Manifest(framework="none", model_file=_FILE, serializer="text", files=(file,))

    def open(self, path: str, /) -> BinaryIO:
        if path == MANIFEST_FILE:
            return io.BytesIO(self.manifest.to_bytes())
        self.manifest.file(path)
        return io.BytesIO(self.content)

    def local_path(self, _path: str, /) -> Path | None:
        return None


def try_registry(registry: ModelRegistry, *, model: str, probe_id: str) -> datetime:
    """Register a small package, read and verify it, move an alias, delete the model.

    Args:
        registry: What to try.
        model: The model to make and delete; nobody else's. A registry may keep a trace of a deleted model, so the same
            name should serve again.
        probe_id: Unique; letters, digits and dashes, at most 64.

    Returns:
        When the version was registered, by the backend's clock, aware UTC.

    Raises:
        MlopsError: A step failed; what could be deleted was.
    """
    probe = _Probe(content=f"written by mlops doctor, {probe_id}\n".encode())
    try:
        version = registry.register(model, probe, operation_id=probe_id)
        _same(probe.manifest.digest, version.digest, "the registered version has another digest", model)
        with registry.open(version, _FILE) as stream:
            read = b"".join(verified_chunks(stream, probe.manifest.files[0], where=f"{model}: {_FILE}"))
        _same(probe.content, read, "what was read is not what was written", model)
        registry.set_alias(model, "probe", version.version)
        resolved = registry.resolve(model, "probe")
        _same(version.version, resolved.version, "the alias points at another version", model)
    except BaseException:
        _delete_quietly(registry, model)
        raise
    registry.delete_model(model, force=True)
    try:
        registry.get(model, version.version)
    except (NotFoundError, AccessDeniedError):  # some servers forbid to ask for what is not there
        return version.created_at
    raise IntegrityError("what was deleted is still there", where=model, hint="delete this model by hand")


def try_store(store: ArtifactStore, *, prefix: str, probe_id: str) -> datetime:
    """Put a small object, read it whole and in part, list it, delete it.

    Args:
        store: What to try.
        prefix: What the key begins with.
        probe_id: Unique; makes the key.

    Returns:
        When it was stored, by the store's clock, aware UTC.

    Raises:
        MlopsError: A step failed; what could be deleted was.
    """
    key = f"{prefix}/{probe_id}/{_FILE}"
    content = f"written by mlops doctor, {probe_id}\n".encode()
    try:
        stored = store.put(key, content)
        _same(content, store.get(key).data, "what was read is not what was written", key)
        _same(content[2:5], store.get(key, start=2, stop=5).data, "a range that was read is another", key)
        _same([key], [each.key for each in store.find(f"{prefix}/{probe_id}/")], "it is not listed", key)
    except BaseException:
        with contextlib.suppress(MlopsError):  # the step that failed is the one to be told
            store.delete(key)
        raise
    store.delete(key)
    try:
        store.stat(key)
    except ArtifactNotFoundError:
        return stored.modified_at
    raise IntegrityError("what was deleted is still there", where=key, hint="delete this object by hand")


def try_tracker(tracker: ExperimentTracker, *, experiment: str, probe_id: str) -> datetime:
    """Write a small run of every kind of content, read it, find it. The port deletes no runs, so it stays.

    Args:
        tracker: What to try.
        experiment: The experiment that holds the run; nobody else's, so that its runs are known for what they are.
        probe_id: Unique; a parameter of the run, by which it is found.

    Returns:
        When the run was started, as the tracker says, aware UTC.

    Raises:
        MlopsError: A step failed; the run ends as failed where that is possible.
    """
    content = f"written by mlops doctor, {probe_id}\n".encode()
    with tracker.start_run(experiment, name="mlops doctor") as run:
        run.log_params({"probe_id": probe_id})
        run.log_metrics({"probe": 0.1}, step=1)
        run.log_files({_FILE: content})
        run.flush()
        _same([0.1], [each.value for each in tracker.metric_history(run.id, "probe")], "the metric is another", run.id)
    record = tracker.get_run(run.id)
    _same("finished", record.status, "the run has another status", run.id)
    _same(probe_id, record.params.get("probe_id"), "the parameter is another", run.id)
    with tracker.open_file(run.id, _FILE) as stream:
        _same(content, stream.read(), "the file that was read is another", run.id)
    found = [each.id for each in tracker.runs(experiment, params={"probe_id": probe_id})]
    _same([run.id], found, "the run is not found by its parameter", run.id)
    return record.started_at


def _same(expected: object, found: object, what: str, where: str) -> None:
    if expected != found:
        raise IntegrityError(what, where=where, why=f"{expected!r} was expected, {found!r} was found")


def _delete_quietly(registry: ModelRegistry, model: str) -> None:
    with contextlib.suppress(MlopsError):  # the failure that led here says more
        registry.delete_model(model, force=True)
