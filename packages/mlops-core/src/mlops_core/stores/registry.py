"""The model registry port over any artifact store with conditional writes.

:mod:`mlops_core.stores.registry_layout` draws the keys, :mod:`mlops_core.stores.registration` says why registrations
are exact, :mod:`mlops_core.stores.deletion` why a deleted version never resolves.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import (
    AliasNotFoundError,
    ConfigurationError,
    ConflictError,
    VersionNotFoundError,
    near_matches,
)
from mlops_core.naming import check_alias, check_tags, check_version
from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.ports.model_registry import (
    UNCHECKED,
    ModelRegistryCapability,
    ModelVersion,
    PinnedVersion,
    RegisteredModel,
)
from mlops_core.ports.registration_values import checked_registration
from mlops_core.stores.collection import COLLECT_GARBAGE, Collection
from mlops_core.stores.conditional_writes import Documents, Retries
from mlops_core.stores.defaults import new_id, now
from mlops_core.stores.deletion import delete_model, delete_version
from mlops_core.stores.package_files import PackageFiles
from mlops_core.stores.registration import Registrar
from mlops_core.stores.registry_documents import AliasTarget, VersionTags
from mlops_core.stores.registry_layout import MODELS, model_of_folder
from mlops_core.stores.registry_record import Record
from mlops_core.stores.registry_state import RegistryState, keys_of
from mlops_core.stores.store_errors import telling_store_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from mlops_core.manifest import Package
    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.ports.model_registry import IfExists, Origin, Unchecked
    from mlops_core.stores.collection import Collected
    from mlops_core.stores.registry_documents import Head

GRACE: Final = timedelta(days=1)
"""Default age at which ``gc`` may remove a package folder that no record names."""
_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_METRICS: Final[Mapping[str, float]] = MappingProxyType({})


class StoreModelRegistry:
    """Numbered versions of packages in an artifact store. It keeps no state that a restart would lose.

    Every capability is declared: aliases and tags are changed by compare-and-set, and dedup is exact because a number
    is noted under the digest before a record is created at it (see :mod:`mlops_core.stores.registration`).

    Args:
        store: A store that declares ``CONDITIONAL_PUT`` and does not retry by itself.
        backend: The configured name, for messages.
        clock: The time, aware UTC, for ``created_at``.
        monotonic: Seconds, for the time that a registration takes.
        new_id: Gives a new random id with each call, of letters and digits.
        retries: How often and how fast to try again.
        grace: The age at which ``gc`` may remove a package folder that no record names.

    Raises:
        ConfigurationError: The store has no conditional writes.
        ValueError: The grace period is zero or negative.
    """

    def __init__(
        self,
        store: ArtifactStore,
        *,
        backend: str,
        clock: Callable[[], datetime] = now,
        monotonic: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = new_id,
        retries: Retries | None = None,
        grace: timedelta = GRACE,
    ) -> None:
        if ArtifactStoreCapability.CONDITIONAL_PUT not in store.capabilities:
            raise ConfigurationError(
                "the store cannot hold a registry",
                where=f"backend {backend!r}",
                why="it has no conditional writes, so two writers could overwrite each other",
                hint="use a store that declares CONDITIONAL_PUT, such as the adapter 'local'",
            )
        self._backend = backend
        self._documents = Documents(store, retries=retries or Retries())
        self._state = RegistryState(self._documents, backend=backend, new_id=new_id)
        self._registrar = Registrar(state=self._state, clock=clock, monotonic=monotonic, grace=grace)
        self._files = PackageFiles(self._state)
        self._grace = grace

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
        """See :meth:`ModelRegistry.register`.

        Called again with the same operation id, after an error or a kill, it finds what the first call has done.

        Raises:
            InvalidNameError: The name, the operation id, a tag, a metric or another field cannot be stored.
            IntegrityError: A file of the package is not what its manifest says; no version was made.
            ConflictError: The model was deleted meanwhile, or the operation id is that of a deleted version.
        """
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
        draft = Record(
            model=model,
            incarnation="",
            version=0,
            digest=asked.digest,
            folder="",
            manifest=asked.manifest,
            created_at=datetime.min.replace(tzinfo=UTC),
            operation_id=operation_id,
            tags=asked.tags,
            metrics=asked.metrics,
            run=run,
            commit=commit,
            origin=origin,
        )
        with self._telling("register", model):
            done = self._registrar.register(draft, package, if_exists)
            reused = done.record.operation_id != operation_id
            return self._version(done.head, done.record, reused=reused, tagged=not done.is_new)

    def get(self, model: str, version: int, /) -> ModelVersion:
        """See :meth:`ModelRegistry.get`."""
        check_version(version)
        with self._telling("get", f"{model}:{version}"):
            head = self._state.head(model, "get")
            return self._version(head, self._state.live_record(head, version, "get"))

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        """See :meth:`ModelRegistry.resolve`; one request."""
        with self._telling("resolve", f"{model}@{alias}"):
            head = self._state.head(model, "resolve")
        target = head.aliases.get(alias)
        if target is None:
            raise AliasNotFoundError(
                f"no alias {alias!r} of {model!r}",
                operation="resolve",
                subject=f"{model}@{alias}",
                backend=self._backend,
                why=near_matches(alias, head.aliases) or "the model has no aliases",
                hint=f"mlops ls {model} shows its aliases; mlops promote points one at a version",
            )
        self._files.remember(head)
        return PinnedVersion(model=model, version=target.version, digest=target.digest)

    def latest(self, model: str, /) -> PinnedVersion:
        """See :meth:`ModelRegistry.latest`."""
        with self._telling("latest", model):
            head = self._state.head(model, "latest")
            deleted = self._state.marks(head).deleted
            for number in self._state.versions(head):
                record = None if number in deleted else self._state.record(head, number)
                if record is not None:
                    return PinnedVersion(model=model, version=number, digest=record.digest)
        raise VersionNotFoundError(
            f"{model!r} has no version",
            operation="latest",
            subject=model,
            backend=self._backend,
            why="none was registered, or all were deleted",
            hint="register a version of it",
        )

    def models(self) -> Iterator[RegisteredModel]:
        """See :meth:`ModelRegistry.models`; all folders are listed first, each head is read when it is reached."""
        with self._telling("models", ""):
            listed = map(model_of_folder, self._documents.folders(MODELS))
            for model in sorted(name for name in listed if name is not None):
                found = self._state.find_head(model)
                if found is not None and not found[0].deleted:
                    aliases = {alias: target.version for alias, target in sorted(found[0].aliases.items())}
                    yield RegisteredModel(name=model, aliases=aliases)

    def versions(self, model: str, /) -> Iterator[ModelVersion]:
        """See :meth:`ModelRegistry.versions`; three requests for all numbers, one for each record."""
        with self._telling("versions", model):
            head = self._state.head(model, "versions")
            marks = self._state.marks(head)
            for number in self._state.versions(head):
                record = None if number in marks.deleted else self._state.record(head, number)
                if record is not None:
                    yield self._version(head, record, tagged=number in marks.tagged)

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        """See :meth:`ModelRegistry.set_alias`."""
        check_alias(alias)
        check_version(version)
        if not (expected is None or expected is UNCHECKED):
            check_version(expected)

        def point(now: Head) -> Head | None:
            # Looked at after the head was read: a deletion in between changes the head, and this write fails.
            target = AliasTarget(version=version, digest=self._state.live_digest(now, version, "set_alias"))
            current = now.aliases.get(alias)
            found = None if current is None else current.version
            if expected is not UNCHECKED and found != expected:
                raise ConflictError(
                    f"alias {alias!r} of {model!r} was not moved",
                    operation="set_alias",
                    subject=f"{model}@{alias}",
                    backend=self._backend,
                    why=f"it was expected to point at {_shown(expected)}, and points at {_shown(found)}",
                    hint="look at who moved it, then set it with the new expectation",
                )
            return None if current == target else replace(now, aliases={**now.aliases, alias: target})

        with self._telling("set_alias", f"{model}@{alias}"):
            self._state.edit_head(model, None, "set_alias", point)

    def delete_alias(self, model: str, alias: str, /) -> None:
        """See :meth:`ModelRegistry.delete_alias`."""

        def without(now: Head) -> Head | None:
            rest = {name: target for name, target in now.aliases.items() if name != alias}
            return None if rest == now.aliases else replace(now, aliases=rest)

        with self._telling("delete_alias", f"{model}@{alias}"):
            self._state.edit_head(model, None, "delete_alias", without)

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        """See :meth:`ModelRegistry.set_tags`."""
        check_version(version)
        check_tags(tags, removing=True)
        with self._telling("set_tags", f"{model}:{version}"):
            head = self._state.head(model, "set_tags")
            record = self._state.live_record(head, version, "set_tags")
            key = keys_of(head).tags(version)
            for _ in self._state.rounds(model, "set_tags"):
                found = self._documents.read(key)
                before = record.tags if found is None else self._state.parse_tags(found, record).tags
                merged = {**before, **tags}
                after = {name: value for name, value in merged.items() if value is not None}
                if after == before:
                    return
                new = VersionTags(model=model, version=version, nonce=self._state.new_id(), tags=after).to_bytes()
                create = found is None
                written = (
                    self._documents.create(key, new) if create else self._documents.replace(key, new, found.info.etag)
                )
                if written is not None:
                    return

    def delete_version(self, model: str, version: int, /) -> None:
        """See :meth:`ModelRegistry.delete_version`; the package's files go with it."""
        check_version(version)
        with self._telling("delete_version", f"{model}:{version}"):
            delete_version(self._state, model, version)

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        """See :meth:`ModelRegistry.delete_model`; the packages' files go with it."""
        with self._telling("delete_model", model):
            delete_model(self._state, model, force=force)

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        """See :meth:`ModelRegistry.open`; one request for each file after the first."""
        check_version(version.version)
        with self._telling("open", f"{version.model}:{version.version}"):
            return self._files.open(version, path)

    def _telling(self, operation: str, subject: str) -> AbstractContextManager[None]:
        return telling_store_errors(operation, subject=subject, backend=self._backend)

    def collect_garbage(self, *, dry_run: bool = False) -> Collected:
        """Remove what killed registrations, deletions and writes have left; see :mod:`mlops_core.stores.collection`.

        It may run at any time, beside any other call and beside itself. A package folder that no version names is
        removed when all of it is older than the grace period, by the store's own clock.

        Args:
            dry_run: Remove nothing, and say what would be removed.
        """
        with self._telling(COLLECT_GARBAGE, ""):
            return Collection(self._state, grace=self._grace, dry_run=dry_run).run()

    def _version(self, head: Head, record: Record, *, reused: bool = False, tagged: bool = True) -> ModelVersion:
        changed = self._state.tags(record) if tagged else None
        aliases = (name for name, target in head.aliases.items() if target.version == record.version)
        return ModelVersion(
            model=record.model,
            version=record.version,
            digest=record.digest,
            manifest=record.manifest,
            created_at=record.created_at,
            operation_id=record.operation_id,
            aliases=tuple(sorted(aliases)),
            tags=record.tags if changed is None else changed.tags,
            metrics=record.metrics,
            run=record.run,
            commit=record.commit,
            origin=record.origin,
            reused=reused,
        )


def _shown(target: int | Unchecked | None) -> str:
    return "nothing" if target is None else str(target)
