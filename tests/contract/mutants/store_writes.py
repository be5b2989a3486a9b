"""Mutants of the artifact store: what is written, under which key, and under which condition."""

from __future__ import annotations

import time
import unicodedata
from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    ConflictError,
    InvalidNameError,
    UnsupportedOperationError,
)
from mlops_core.ports.artifact_store import ArtifactInfo, ArtifactStoreCapability
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore

from .store_base import StoreMutant

if TYPE_CHECKING:
    from collections.abc import Iterator

_A_MOMENT: Final = 0.003


class ConditionOfAbsenceIsIgnored(StoreMutant):
    """``if_absent`` overwrites."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        del if_absent
        return super().put(key, data, if_match=if_match)


class ConditionOfEtagIsIgnored(StoreMutant):
    """``if_match`` overwrites whatever is there."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        del if_match
        return super().put(key, data, if_absent=if_absent)


class MatchingNothingCreates(StoreMutant):
    """``if_match`` of a key that is not there creates it."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        there = key in self.state.objects
        return super().put(key, data, if_absent=if_absent, if_match=if_match if there else None)


class AbsenceIsTwoSteps(StoreMutant):
    """Whether a key is there is looked up first, and the object written then."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        if if_absent and isinstance(data, bytes) and if_match is None and key not in self.state.objects:
            time.sleep(_A_MOMENT)
            return super().put(key, data)
        return super().put(key, data, if_absent=if_absent, if_match=if_match)


class MatchIsTwoSteps(StoreMutant):
    """The etag is compared first, and the object written then."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        found = self.state.objects.get(key)
        if if_match is not None and isinstance(data, bytes) and not if_absent and found and found.info.etag == if_match:
            time.sleep(_A_MOMENT)
            return super().put(key, data)
        return super().put(key, data, if_absent=if_absent, if_match=if_match)


class TakenIsAConflict(StoreMutant):
    """A key that is taken is told with the wrong error."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        try:
            return super().put(key, data, if_absent=if_absent, if_match=if_match)
        except AlreadyExistsError as exc:
            raise ConflictError(exc.what, operation="put", subject=key, why=exc.why, hint=exc.hint) from exc


class StreamUnderAConditionIsTaken(StoreMutant):
    """A stream is written under a condition."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        conditional = (if_absent or if_match is not None) and not isinstance(data, bytes)
        content = data.read() if conditional and not isinstance(data, bytes) else data
        return super().put(key, content, if_absent=if_absent, if_match=if_match)


class UndeclaredConditionsHalfWork(StoreMutant):
    """Conditions are not declared, and are not refused."""

    @property
    def capabilities(self) -> ArtifactStoreCapability:
        return ArtifactStoreCapability.NONE

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        return MemoryArtifactStore(state=self._state).put(key, data, if_absent=if_absent, if_match=if_match)


class UndeclaredConditionsAreRefusedAfterwards(StoreMutant):
    """Conditions are refused when the object has been written."""

    @property
    def capabilities(self) -> ArtifactStoreCapability:
        return ArtifactStoreCapability.NONE

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        info = super().put(key, data)
        if if_absent or if_match is not None:
            raise UnsupportedOperationError("no conditions", operation="put", subject=key, why="none", hint="none")
        return info


class DeclaredConditionsAreRefused(StoreMutant):
    """Conditions are declared and refused."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        if if_absent or if_match is not None:
            raise UnsupportedOperationError("no conditions", operation="put", subject=key, why="none", hint="none")
        return super().put(key, data)


class WritesAreAppended(StoreMutant):
    """What is put comes after what was there."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        before = self.state.objects[key].data if key in self.state.objects else b""
        content = data if isinstance(data, bytes) else data.read()
        return super().put(key, before + content, if_absent=if_absent, if_match=if_match)


class EmptyObjectsAreNotWritten(StoreMutant):
    """Nothing is written if there is nothing to write."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        info = super().put(key, data, if_absent=if_absent, if_match=if_match)
        if not info.size:
            super().delete(key)
        return info


class StreamsAreReadOnce(StoreMutant):
    """A stream is read with one call, which may give less than there is."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        content = data if isinstance(data, bytes) or if_absent or if_match is not None else data.read(65_536)
        return super().put(key, content, if_absent=if_absent, if_match=if_match)


class BrokenStreamIsStored(StoreMutant):
    """Of a stream that fails, what was read is stored."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        if isinstance(data, bytes) or if_absent or if_match is not None:
            return super().put(key, data, if_absent=if_absent, if_match=if_match)
        read = b""
        try:
            while more := data.read(1_000):
                read += more
        finally:
            info = super().put(key, read)
        return info


class KeysAreLowered(StoreMutant):
    """Keys that differ by case only are one."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        return super().put(key.lower(), data, if_absent=if_absent, if_match=if_match)


class KeysAreNormalised(StoreMutant):
    """Keys that look alike are one: the store composes their letters."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        return super().put(unicodedata.normalize("NFC", key), data, if_absent=if_absent, if_match=if_match)


class KeysAreStripped(StoreMutant):
    """Slashes around a key are forgiven."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        return super().put(key.strip("/") or key, data, if_absent=if_absent, if_match=if_match)


class LongKeysAreCutOff(StoreMutant):
    """A key that is too long is shortened instead of being refused."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        return super().put(key[:255], data, if_absent=if_absent, if_match=if_match)


class AnyKeyIsRead(StoreMutant):
    """Reading says that a key is missing which can be none."""

    def stat(self, key: str, /) -> ArtifactInfo:
        try:
            return super().stat(key)
        except InvalidNameError as exc:
            raise ArtifactNotFoundError(f"no object {key!r}", operation="stat", subject=key) from exc


class EtagIsTheSize(StoreMutant):
    """An etag changes with the size only."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        found = self.state.objects.get(key)
        if if_match is not None and found is not None and if_match == f"{found.info.size}":
            if_match = found.info.etag
        return self._with_size(super().put(key, data, if_absent=if_absent, if_match=if_match))

    def stat(self, key: str, /) -> ArtifactInfo:
        return self._with_size(super().stat(key))

    @staticmethod
    def _with_size(info: ArtifactInfo) -> ArtifactInfo:
        return replace(info, etag=f"{info.size}")


class EtagOfAListingIsAnother(StoreMutant):
    """Listings quote etags."""

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        return (replace(each, etag=f'"{each.etag}"') for each in super().find(prefix))


class StoreTimeWithoutZone(StoreMutant):
    """``modified_at`` is naive."""

    def stat(self, key: str, /) -> ArtifactInfo:
        info = super().stat(key)
        return replace(info, modified_at=info.modified_at.replace(tzinfo=None))


class StoreTimeInALocalZone(StoreMutant):
    """``modified_at`` is aware, and not in UTC."""

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        zone = timezone(timedelta(hours=2))
        return (replace(each, modified_at=each.modified_at.astimezone(zone)) for each in super().find(prefix))


class StoreTimeIsLocalTime(StoreMutant):
    """``modified_at`` is local time, called UTC."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        info = super().put(key, data, if_absent=if_absent, if_match=if_match)
        later = replace(info, modified_at=info.modified_at + timedelta(hours=2))
        self.state.objects[key] = replace(self.state.objects[key], info=later)
        return later


class TimeIsThatOfTheFirstWrite(StoreMutant):
    """``modified_at`` stays when an object is written again."""

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        before = self.state.objects.get(key)
        info = super().put(key, data, if_absent=if_absent, if_match=if_match)
        if before is None:
            return info
        old = replace(info, modified_at=before.info.modified_at)
        self.state.objects[key] = replace(self.state.objects[key], info=old)
        return old
