"""Mutants that behave as long as nothing breaks: lost replies, cuts, refusals, and errors of the connection."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from mlops_core.errors import (
    AccessDeniedError,
    AuthenticationError,
    BackendError,
    BackendUnavailableError,
    MlopsError,
    UnsupportedOperationError,
)
from mlops_core.naming import check_version
from mlops_core.ports.artifact_store import ArtifactInfo
from mlops_core.ports.model_registry import UNCHECKED, ModelRegistryCapability
from mlops_core.stores.registration import Registrar
from mlops_core.stores.tracker_run import StoreRun

from .connection_base import RETRIES, RegistryOnAConnection, StoreOnAConnection, TrackerOnAConnection
from .registry_base import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops_core.manifest import Package
    from mlops_core.ports.artifact_store import Artifact, ArtifactStore
    from mlops_core.ports.experiment_tracker import MetricPoint, RunRecord
    from mlops_core.ports.model_registry import ModelVersion, PinnedVersion, RegisteredModel, Unchecked
    from mlops_core.stores.registry_documents import Head
    from mlops_core.stores.registry_record import Record

_Answer = TypeVar("_Answer")
_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})


class _BlindlyTryingStore(StoreOnAConnection):
    """Sends a write again when nobody answered, without a look at what the first one did."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        try:
            return super().put(key, data, if_absent=if_absent, if_match=if_match)
        except BackendUnavailableError:
            return super().put(key, data, if_absent=if_absent, if_match=if_match)


class _StubbornStore(StoreOnAConnection):
    """Asks again, many times, when it was refused."""

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        for _ in range(100):
            try:
                return super().get(key, start=start, stop=stop)
            except AuthenticationError:
                continue
        return super().get(key, start=start, stop=stop)


class BlindRetry(RegistryOnAConnection):
    """A write whose reply was lost is sent again, and its own first write is taken for a rival's."""

    def __init__(self, connection: ArtifactStore) -> None:
        super().__init__(_BlindlyTryingStore(connection))


class RefusalsAreTriedAgain(RegistryOnAConnection):
    """Who was refused asks again and again."""

    def __init__(self, connection: ArtifactStore) -> None:
        super().__init__(_StubbornStore(connection))


class TriedForEver(RegistryOnAConnection):
    """What cannot be reached is tried thousands of times."""

    def __init__(self, connection: ArtifactStore) -> None:
        super().__init__(connection, retries=replace(RETRIES, attempts=3_000))


class CauseIsLost(RegistryOnAConnection):
    """The vendor's exception is not kept."""

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        return _told(lambda: super(CauseIsLost, self).resolve(model, alias), _without_cause)


class CauseOfAnIteratorIsLost(RegistryOnAConnection):
    """The vendor's exception is not kept, where it comes out of an iterator."""

    def versions(self, model: str, /) -> Iterator[ModelVersion]:
        return iter(_told(lambda: list(super(CauseOfAnIteratorIsLost, self).versions(model)), _without_cause))


class ConnectionErrorEscapes(RegistryOnAConnection):
    """The vendor's exception is raised as it is."""

    def get(self, model: str, version: int, /) -> ModelVersion:
        return _told(lambda: super(ConnectionErrorEscapes, self).get(model, version), lambda error: error.__cause__)


class PartsOfTheErrorAreMissing(RegistryOnAConnection):
    """The error says neither what failed nor where."""

    def latest(self, model: str, /) -> PinnedVersion:
        return _told(lambda: super(PartsOfTheErrorAreMissing, self).latest(model), _bare)


class UnknownIsForbidden(RegistryOnAConnection):
    """Who is unknown is told that he may not."""

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        try:
            super().set_tags(model, version, tags)
        except AuthenticationError as exc:
            raise _like(AccessDeniedError, exc) from exc.__cause__


class ForbiddenIsUnavailable(RegistryOnAConnection):
    """Who may not is told to try again."""

    def delete_version(self, model: str, version: int, /) -> None:
        try:
            super().delete_version(model, version)
        except AccessDeniedError as exc:
            raise _like(BackendUnavailableError, exc) from exc.__cause__


class SecretInAConnectionError(RegistryOnAConnection):
    """The address that could not be reached is told with the token in it."""

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        try:
            return super().open(version, path)
        except BackendUnavailableError as exc:
            exc.why = f"https://user:{SECRET}@acme.test: {exc.why}"
            raise


class VersionsEndWithTheConnection(RegistryOnAConnection):
    """A listing that is cut off ends."""

    def versions(self, model: str, /) -> Iterator[ModelVersion]:
        with suppress(BackendUnavailableError):
            yield from super().versions(model)


class ModelsEndWithTheConnection(RegistryOnAConnection):
    """A listing that is cut off ends."""

    def models(self) -> Iterator[RegisteredModel]:
        with suppress(BackendUnavailableError):
            yield from super().models()


class AliasIsRemovedFirst(RegistryOnAConnection):
    """An alias is taken off, and given to the new version a moment later."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        super().set_alias(model, alias, version, expected=expected)
        self._state.edit_head(model, None, "set_alias", lambda now: replace(now, aliases={}))
        super().set_alias(model, alias, version)


class TagsAreRemovedFirst(RegistryOnAConnection):
    """Tags are taken off, then all are set anew."""

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        super().set_tags(model, version, {})
        before = self.get(model, version).tags
        super().set_tags(model, version, dict.fromkeys(before))
        super().set_tags(model, version, {**before, **tags})


class FilesAreDeletedFirst(RegistryOnAConnection):
    """The files of a version are deleted before the version is."""

    def delete_version(self, model: str, version: int, /) -> None:
        check_version(version)
        with self._telling("delete_version", f"{model}:{version}"):
            record = self._state.record(self._state.head(model, "delete_version"), version)
            if record is not None:
                self._state.delete_files(record)
        super().delete_version(model, version)


class DeletingAgainFails(RegistryOnAConnection):
    """A deletion whose reply was lost says that there is nothing to delete."""

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        with self._telling("delete_model", model):
            self._state.head(model, "delete_model")
        super().delete_model(model, force=force)


class _RecordFirst(Registrar):
    """Commits a record, then stores the files."""

    _waiting: list[tuple[Record, str, Package]] = []  # noqa: RUF012 (one at a time is enough for a mutant)

    def _upload(self, draft: Record, folder: str, package: Package) -> None:
        self._waiting[:] = [(draft, folder, package)]

    def _commit(self, head: Head, record: Record) -> bool:
        done = super()._commit(head, record)
        for draft, folder, package in self._waiting if done else []:
            super()._upload(draft, folder, package)
        return done


class RecordBeforeFiles(RegistryOnAConnection):
    """A version is there before its files are."""

    def __init__(self, connection: ArtifactStore) -> None:
        super().__init__(connection)
        was = self._registrar
        self._registrar = _RecordFirst(state=was.state, clock=was.clock, monotonic=was.monotonic, grace=was.grace)


class NamesAreCheckedByTheBackend(RegistryOnAConnection):
    """A request is made before a name is looked at."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        if isinstance(version, int) and version > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            self.get(model, version)
        super().set_alias(model, alias, version, expected=expected)


class NumbersAreCheckedByTheBackend(RegistryOnAConnection):
    """A request is made before the number of a version is looked at."""

    def get(self, model: str, version: int, /) -> ModelVersion:
        with self._telling("get", model):
            self._state.head(model, "get")
        return super().get(model, version)


class UndeclaredIsRefusedLate(RegistryOnAConnection):
    """What is not declared is refused after a request."""

    @property
    def capabilities(self) -> ModelRegistryCapability:
        return super().capabilities & ~ModelRegistryCapability.ALIAS_COMPARE_AND_SET

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        if expected is not UNCHECKED:
            self._state.head(model, "set_alias")
            raise UnsupportedOperationError(
                "no compare-and-set", operation="set_alias", subject=model, backend="home", why="none", hint="none"
            )
        super().set_alias(model, alias, version)


class WritesAreBelieved(StoreOnAConnection):
    """A write that nobody has confirmed is said to be made."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        try:
            return super().put(key, data, if_absent=if_absent, if_match=if_match)
        except BackendUnavailableError:
            return ArtifactInfo(key=key, size=0, etag="believed", modified_at=datetime.now(UTC))


class ConditionIsSentAgain(_BlindlyTryingStore):
    """A write under a condition whose reply was lost is sent again, and finds its own object in the way."""


class ObjectsEndWithTheConnection(StoreOnAConnection):
    """A listing that is cut off ends."""

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        with suppress(BackendUnavailableError):
            yield from super().find(prefix)


class StoreLosesTheCause(StoreOnAConnection):
    """The vendor's exception is not kept."""

    def delete(self, key: str, /) -> None:
        _told(lambda: super(StoreLosesTheCause, self).delete(key), _without_cause)


class UnreachableIsEmpty(StoreOnAConnection):
    """What cannot be read is given as nothing."""

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        try:
            return super().open(key, start=start)
        except BackendUnavailableError:
            return io.BytesIO()


class KeysAreCheckedByTheBackend(StoreOnAConnection):
    """A request is made before a key is looked at."""

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        next(self.inner.find(), None)
        return super().get(key, start=start, stop=stop)


class TrackerLosesTheCause(TrackerOnAConnection):
    """The vendor's exception is not kept."""

    def get_run(self, run_id: str, /) -> RunRecord:
        return _told(lambda: super(TrackerLosesTheCause, self).get_run(run_id), _without_cause)


class TrackersConnectionErrorEscapes(TrackerOnAConnection):
    """The vendor's exception is raised as it is, out of an iterator."""

    def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
        read = super().metric_history
        return iter(_told(lambda: list(read(run_id, key)), lambda error: error.__cause__))


class TrackersRefusalIsUnavailable(TrackerOnAConnection):
    """Who may not is told to try again."""

    def get_run(self, run_id: str, /) -> RunRecord:
        try:
            return super().get_run(run_id)
        except (AccessDeniedError, AuthenticationError) as exc:
            raise _like(BackendUnavailableError, exc) from exc.__cause__


class _BelievingRun(StoreRun):
    """A run whose flushes that did not reach the backend say nothing."""

    def flush(self) -> None:
        with suppress(BackendUnavailableError):
            super().flush()


class FlushIsBelieved(TrackerOnAConnection):
    """A flush that did not reach the backend says nothing."""

    def start_run(self, experiment: str, /, *, name: str = "", tags: Mapping[str, str] = _NO_TAGS) -> StoreRun:
        run = super().start_run(experiment, name=name, tags=tags)
        run.__class__ = _BelievingRun
        return run


def _told(call: Callable[[], _Answer], how: Callable[[BackendError], BaseException | None]) -> _Answer:
    """The answer of a call, whose failure to reach the backend is told in another way."""
    told: BaseException | None = None
    try:
        return call()
    except BackendUnavailableError as exc:
        told = how(exc)
    assert told is not None
    raise told


def _without_cause(error: BackendError) -> MlopsError:
    return _like(type(error), error)


def _bare(error: BackendError) -> MlopsError:
    bare = type(error)("it failed")
    bare.__cause__ = error.__cause__
    return bare


def _like(kind: type[BackendError], error: BackendError) -> BackendError:
    return kind(
        error.what,
        operation=error.operation,
        subject=error.subject,
        backend=error.backend,
        why=error.why,
        hint=error.hint,
    )
