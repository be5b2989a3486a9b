"""The model registry port over a dictionary."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import (
    AliasNotFoundError,
    ArtifactNotFoundError,
    ConflictError,
    IntegrityError,
    ModelNotFoundError,
    VersionNotFoundError,
    near_matches,
)
from mlops_core.manifest import open_verified
from mlops_core.naming import check_alias, check_tags, check_version
from mlops_core.ports.model_registry import (
    UNCHECKED,
    ModelRegistryCapability,
    ModelVersion,
    PinnedVersion,
    RegisteredModel,
)
from mlops_core.ports.registration_values import checked_registration
from mlops_core.stores.defaults import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops_core.manifest import Package
    from mlops_core.ports.model_registry import IfExists, ModelRegistry, Origin, Unchecked
    from mlops_core.ports.registration_values import Registration

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_METRICS: Final[Mapping[str, float]] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class StoredVersion:
    """A live version: its record, without aliases, and its files by path."""

    record: ModelVersion
    files: dict[str, bytes]


@dataclass(slots=True, kw_only=True)
class StoredModel:
    """A model: its live versions by number, what its aliases point at, and the highest number ever given."""

    versions: dict[int, StoredVersion] = field(default_factory=dict[int, StoredVersion])
    aliases: dict[str, int] = field(default_factory=dict[str, int])
    highest: int = 0


@dataclass(slots=True, kw_only=True)
class MemoryRegistryState:
    """Everything that a registry holds: the models by name, and the lock under which they are read and changed."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    models: dict[str, StoredModel] = field(default_factory=dict[str, StoredModel])


class MemoryModelRegistry:
    """Numbered versions of packages in a dictionary; every capability is declared, every method is one step.

    Args:
        backend: The configured name, for messages.
        clock: The time, aware, for ``created_at``.
        state: What it holds; several instances may share one, as clients share a server.
    """

    def __init__(
        self,
        *,
        backend: str = "memory",
        clock: Callable[[], datetime] = now,
        state: MemoryRegistryState | None = None,
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._state = state or MemoryRegistryState()

    @property
    def capabilities(self) -> ModelRegistryCapability:
        """See :attr:`ModelRegistry.capabilities`."""
        return (
            ModelRegistryCapability.ALIAS_COMPARE_AND_SET
            | ModelRegistryCapability.ATOMIC_DEDUP
            | ModelRegistryCapability.ATOMIC_TAG_MERGE
        )

    def register(
        self,
        model: str,
        package: Package,
        /,
        *,
        operation_id: str,
        if_exists: IfExists = "return",
        tags: Mapping[str, str] = _NO_TAGS,
        metrics: Mapping[str, float] = _NO_METRICS,
        run: str | None = None,
        commit: str | None = None,
        origin: Origin | None = None,
    ) -> ModelVersion:
        """See :meth:`ModelRegistry.register`."""
        asked = checked_registration(
            model,
            package.manifest,
            operation_id=operation_id,
            if_exists=if_exists,
            tags=tags,
            metrics=metrics,
            run=run,
            commit=commit,
            origin=origin,
        )
        files = _read_files(package, asked)  # outside the lock: a package may come from this very registry
        with self._state.lock:
            stored = self._state.models.setdefault(model, StoredModel())
            earlier = _earlier(stored, asked, if_exists)
            if earlier is not None:
                reused = earlier.record.operation_id != operation_id
                return replace(_answer(stored, earlier), reused=reused)
            stored.highest += 1
            record = ModelVersion(
                model=model,
                version=stored.highest,
                digest=asked.digest,
                manifest=asked.manifest,
                created_at=self._clock().astimezone(UTC),
                operation_id=operation_id,
                tags=asked.tags,
                metrics=asked.metrics,
                run=run,
                commit=commit,
                origin=origin,
            )
            made = stored.versions[record.version] = StoredVersion(record=record, files=files)
            return _answer(stored, made)

    def get(self, model: str, version: int, /) -> ModelVersion:
        """See :meth:`ModelRegistry.get`."""
        check_version(version)
        with self._state.lock:
            stored = self._model(model, "get")
            return _answer(stored, self._version(stored, model, version, "get"))

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        """See :meth:`ModelRegistry.resolve`."""
        with self._state.lock:
            stored = self._model(model, "resolve")
            if alias not in stored.aliases:
                raise AliasNotFoundError(
                    f"no alias {alias!r} of {model!r}",
                    operation="resolve",
                    subject=f"{model}@{alias}",
                    backend=self._backend,
                    why=near_matches(alias, stored.aliases) or "the model has no aliases",
                    hint=f"mlops ls {model} shows its aliases; mlops promote points one at a version",
                )
            return _pin(stored.versions[stored.aliases[alias]].record)

    def latest(self, model: str, /) -> PinnedVersion:
        """See :meth:`ModelRegistry.latest`."""
        with self._state.lock:
            stored = self._model(model, "latest")
            if not stored.versions:
                raise VersionNotFoundError(
                    f"{model!r} has no version",
                    operation="latest",
                    subject=model,
                    backend=self._backend,
                    why="all were deleted",
                    hint="register a version of it",
                )
            return _pin(stored.versions[max(stored.versions)].record)

    def models(self) -> Iterator[RegisteredModel]:
        """See :meth:`ModelRegistry.models`; as they are at the first step of the iterator."""
        with self._state.lock:
            found = [
                RegisteredModel(name=name, aliases=dict(sorted(stored.aliases.items())))
                for name, stored in sorted(self._state.models.items())
            ]
        yield from found

    def versions(self, model: str, /) -> Iterator[ModelVersion]:
        """See :meth:`ModelRegistry.versions`; as they are at the first step of the iterator."""
        with self._state.lock:
            stored = self._model(model, "versions")
            found = [_answer(stored, stored.versions[number]) for number in sorted(stored.versions, reverse=True)]
        yield from found

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        """See :meth:`ModelRegistry.set_alias`."""
        check_alias(alias)
        check_version(version)
        if not (expected is None or expected is UNCHECKED):
            check_version(expected)
        with self._state.lock:
            stored = self._model(model, "set_alias")
            self._version(stored, model, version, "set_alias")
            found = stored.aliases.get(alias)
            if expected is not UNCHECKED and found != expected:
                wanted, there = ("nothing" if each is None else each for each in (expected, found))
                raise ConflictError(
                    f"alias {alias!r} of {model!r} was not moved",
                    operation="set_alias",
                    subject=f"{model}@{alias}",
                    backend=self._backend,
                    why=f"it was expected to point at {wanted}, and points at {there}",
                    hint="look at who moved it, then set it with the new expectation",
                )
            stored.aliases[alias] = version

    def delete_alias(self, model: str, alias: str, /) -> None:
        """See :meth:`ModelRegistry.delete_alias`."""
        with self._state.lock:
            self._model(model, "delete_alias").aliases.pop(alias, None)

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        """See :meth:`ModelRegistry.set_tags`."""
        check_version(version)
        check_tags(tags, removing=True)
        with self._state.lock:
            stored = self._version(self._model(model, "set_tags"), model, version, "set_tags")
            merged = {**stored.record.tags, **tags}
            kept = {key: value for key, value in merged.items() if value is not None}
            stored.record = replace(stored.record, tags=kept)

    def delete_version(self, model: str, version: int, /) -> None:
        """See :meth:`ModelRegistry.delete_version`."""
        check_version(version)
        with self._state.lock:
            stored = self._model(model, "delete_version")
            stored.versions.pop(version, None)
            stored.aliases = {alias: each for alias, each in stored.aliases.items() if each != version}

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        """See :meth:`ModelRegistry.delete_model`."""
        with self._state.lock:
            stored = self._state.models.get(model)
            if stored is not None and stored.versions and not force:
                raise ConflictError(
                    f"{model!r} was not deleted",
                    operation="delete_model",
                    subject=model,
                    backend=self._backend,
                    why=f"it has live versions: {', '.join(str(each) for each in sorted(stored.versions))}",
                    hint="delete them first, or pass force=True",
                )
            self._state.models.pop(model, None)

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        """See :meth:`ModelRegistry.open`.

        Raises:
            ModelNotFoundError: No such model.
            VersionNotFoundError: No such version, it was deleted, or its number is another package now.
            ArtifactNotFoundError: The version holds no such file.
            IntegrityError: The version holds the file, and it is gone.
        """
        check_version(version.version)
        subject = f"{version.model}:{version.version}"
        with self._state.lock:
            stored = self._version(self._model(version.model, "open"), version.model, version.version, "open")
            if stored.record.digest != version.digest:
                why = "the model was deleted and made again; this number is another package now"
                raise self._no_version(version.model, version.version, "open", why)
            named = stored.record.manifest.paths
            if path not in named:
                raise ArtifactNotFoundError(
                    f"the version holds no {path!r}",
                    operation="open",
                    subject=subject,
                    backend=self._backend,
                    why=f"it holds {', '.join(named)}",
                    hint=near_matches(path, named),
                )
            if path not in stored.files:
                raise IntegrityError(
                    f"{path!r} of {subject} is missing",
                    where=f"backend {self._backend!r}",
                    why="the manifest names it, and it is not stored",
                    hint='register the model again with if_exists="new"',
                )
            return io.BytesIO(stored.files[path])

    def _model(self, model: str, operation: str) -> StoredModel:
        if model in self._state.models:
            return self._state.models[model]
        raise ModelNotFoundError(
            f"no model {model!r}",
            operation=operation,
            subject=model,
            backend=self._backend,
            why="it was never registered here, or it was deleted",
            hint="mlops ls shows the models",
        )

    def _version(self, stored: StoredModel, model: str, version: int, operation: str) -> StoredVersion:
        if version in stored.versions:
            return stored.versions[version]
        why = "it was deleted" if 1 <= version <= stored.highest else "it was never registered"
        raise self._no_version(model, version, operation, why)

    def _no_version(self, model: str, version: int, operation: str, why: str) -> VersionNotFoundError:
        return VersionNotFoundError(
            f"no version {version} of {model!r}",
            operation=operation,
            subject=f"{model}:{version}",
            backend=self._backend,
            why=why,
            hint=f"mlops ls {model} shows its versions",
        )


def _read_files(package: Package, asked: Registration) -> dict[str, bytes]:
    """Every file of a package by path, verified."""
    where = f"the package to be registered as {asked.model!r}"
    files: dict[str, bytes] = {}
    for each in asked.files:
        with open_verified(package, each, where=where) as stream:
            files[each.path] = stream.read()
    return files


def _earlier(stored: StoredModel, asked: Registration, if_exists: IfExists) -> StoredVersion | None:
    """The live version that answers a registration: the same call's own, or else the highest of the same digest."""
    same = [each for _, each in sorted(stored.versions.items()) if each.record.digest == asked.digest]
    own = [each for each in same if each.record.operation_id == asked.operation_id]
    found = own or (same if if_exists == "return" else [])
    return found[-1] if found else None


def _answer(stored: StoredModel, found: StoredVersion) -> ModelVersion:
    """A version's record with its aliases, in mappings of its own."""
    record = found.record
    aliases = sorted(alias for alias, version in stored.aliases.items() if version == record.version)
    return replace(record, aliases=tuple(aliases), tags=dict(record.tags), metrics=dict(record.metrics))


def _pin(record: ModelVersion) -> PinnedVersion:
    return PinnedVersion(model=record.model, version=record.version, digest=record.digest)


if TYPE_CHECKING:
    _conforms: type[ModelRegistry] = MemoryModelRegistry
