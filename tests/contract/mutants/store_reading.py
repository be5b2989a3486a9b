"""Mutants of the artifact store: reading, listing, removing, and what happens to the process."""

from __future__ import annotations

import fnmatch
import io
import logging
import os
import sys
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from mlops_core.errors import AccessDeniedError, ArtifactNotFoundError, BackendUnavailableError, MlopsError
from mlops_core.ports.artifact_store import Artifact, ArtifactInfo

from .registry_base import SECRET
from .store_base import StoreMutant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_core.stores.memory.artifact_store import MemoryStoreState


class StopIsIncluded(StoreMutant):
    """A range has one byte too many, as in HTTP."""

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        return super().get(key, start=start, stop=None if stop is None else stop + 1)


class StartIsIgnoredByStreams(StoreMutant):
    """A stream begins at the beginning."""

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        super().open(key, start=start).close()
        return super().open(key)


class RangeBeyondTheEndFails(StoreMutant):
    """A range that begins at the end or later is an error."""

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        found = super().get(key, start=start, stop=stop)
        if start and start >= found.info.size:
            raise BackendUnavailableError("416", operation="get", subject=key) from OSError(416)
        return found


class NegativeStartCountsFromTheEnd(StoreMutant):
    """A range may begin with a negative number."""

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        if start < 0:
            start = max(0, len(super().get(key).data) + start)
        return super().get(key, start=start, stop=stop)


class SizeOfARangeIsThatOfTheObject(StoreMutant):
    """``info.size`` of a range is the length of the range."""

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        found = super().get(key, start=start, stop=stop)
        return replace(found, info=replace(found.info, size=len(found.data)))


class GetIsTwoSteps(StoreMutant):
    """Etag and bytes are read one after the other."""

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        info = super().stat(key)
        time.sleep(0.0005)
        return Artifact(info=info, data=super().get(key, start=start, stop=stop).data)


class MissingObjectIsEmpty(StoreMutant):
    """What is not there is given as nothing."""

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        try:
            return super().get(key, start=start, stop=stop)
        except ArtifactNotFoundError:
            super().put("none-such", b"")
            return Artifact(info=replace(super().stat("none-such"), key=key), data=b"")


class MissingObjectIsForbidden(StoreMutant):
    """What is not there may not be read, as some stores say to those who may not list."""

    def stat(self, key: str, /) -> ArtifactInfo:
        try:
            return super().stat(key)
        except ArtifactNotFoundError as exc:
            raise AccessDeniedError(exc.what, operation="stat", subject=key, why="403", hint="none") from exc


class MissingObjectIsTheVendorsError(StoreMutant):
    """What is not there is a ``KeyError``."""

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        try:
            return super().open(key, start=start)
        except ArtifactNotFoundError as exc:
            raise KeyError(key) from exc


class MissingIsToldAtTheFirstRead(StoreMutant):
    """Opening what is not there succeeds; reading fails."""

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        try:
            return super().open(key, start=start)
        except ArtifactNotFoundError as exc:
            return _FailingStream(exc)


class _FailingStream(io.BytesIO):
    def __init__(self, error: MlopsError) -> None:
        super().__init__()
        self._error = error

    def read(self, size: int | None = -1, /) -> NoReturn:
        del size
        raise self._error


class PrefixIsAPattern(StoreMutant):
    """``*`` and ``[`` in a prefix mean something."""

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        return (each for each in super().find() if fnmatch.fnmatchcase(each.key, prefix + "*"))


class PrefixIsAFolder(StoreMutant):
    """A prefix ends at a slash, whether it is there or not."""

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        return (each for each in super().find() if each.key.startswith(folder) or each.key == prefix)


class OnePageOfObjects(StoreMutant):
    """Only the first page is listed."""

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        return islice(super().find(prefix), 20)


class OrderWithoutCase(StoreMutant):
    """Keys are listed as a dictionary for people would."""

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        return iter(sorted(super().find(prefix), key=lambda each: (each.key.lower(), each.key)))


class OrderOfUtf16(StoreMutant):
    """Keys are listed in the order of another encoding, which differs beyond U+FFFF."""

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        return iter(sorted(super().find(prefix), key=lambda each: each.key.encode("utf-16-be")))


class OrderOfFolders(StoreMutant):
    """Folders are walked one by one: ``a/b`` comes before ``a-b``."""

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        return iter(sorted(super().find(prefix), key=lambda each: each.key.split("/")))


class ListingIsRemembered(StoreMutant):
    """What was listed once is listed again."""

    def __init__(self, state: MemoryStoreState) -> None:
        super().__init__(state)
        self._listed: dict[str, list[ArtifactInfo]] = {}

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        found = list(super().find(prefix))
        return iter(self._listed.setdefault(prefix, found) if found else found)


class StatIsRemembered(StoreMutant):
    """Size and etag of an object that was looked at once are not looked up again."""

    def __init__(self, state: MemoryStoreState) -> None:
        super().__init__(state)
        self._seen: dict[str, ArtifactInfo] = {}

    def stat(self, key: str, /) -> ArtifactInfo:
        return self._seen.setdefault(key, super().stat(key))


class FoldersHoldFiles(StoreMutant):
    """Objects are listed among the folders."""

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        super().folders(prefix)
        return iter(dict.fromkeys(each.key.removeprefix(prefix).partition("/")[0] for each in self.find(prefix)))


class FoldersComeTwice(StoreMutant):
    """A folder is listed for each object in it."""

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        super().folders(prefix)
        parts = (each.key.removeprefix(prefix).partition("/") for each in self.find(prefix))
        return (folder for folder, slash, _ in parts if slash)


class FoldersInOrderOfName(StoreMutant):
    """Folders are sorted by their names, without the slash and without regard to case."""

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        return iter(sorted(super().folders(prefix), key=str.lower))


class FoldersOfHalfAName(StoreMutant):
    """Folders of a prefix without a slash at its end are given."""

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        return super().folders(prefix if not prefix or prefix.endswith("/") else f"{prefix}/")


class OnePageOfFolders(StoreMutant):
    """Only the first page of folders is listed."""

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        return islice(super().folders(prefix), 20)


class EmptiedFoldersStay(StoreMutant):
    """A folder stays when its last object was removed."""

    def __init__(self, state: MemoryStoreState) -> None:
        super().__init__(state)
        self._gone: set[str] = set()

    def delete(self, key: str, /) -> None:
        super().delete(key)
        self._gone.add(key)

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        parts = [key.removeprefix(prefix).partition("/") for key in self._gone if key.startswith(prefix)]
        return iter(sorted({*super().folders(prefix), *(folder for folder, slash, _ in parts if slash)}))


class RemovingWhatIsMissingFails(StoreMutant):
    """Removing what is not there is an error."""

    def delete(self, key: str, /) -> None:
        self.stat(key)
        super().delete(key)


class RemovingIsByPrefix(StoreMutant):
    """Every key that begins with the given one goes with it."""

    def delete(self, key: str, /) -> None:
        super().delete(key)
        for info in list(super().find(key)):
            super().delete(info.key)


class RemovedIsStillRead(StoreMutant):
    """What was removed is left out of listings only."""

    def __init__(self, state: MemoryStoreState) -> None:
        super().__init__(state)
        self._gone: dict[str, Artifact] = {}

    def delete(self, key: str, /) -> None:
        if key in self.state.objects:
            self._gone[key] = self.state.objects[key]
        super().delete(key)

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        try:
            return super().get(key, start=start, stop=stop)
        except ArtifactNotFoundError:
            if key not in self._gone:
                raise
            return self._gone[key]


class StoreWritesTheEnvironment(StoreMutant):
    """The region is handed to the vendor's library through the environment."""

    def __init__(self, state: MemoryStoreState) -> None:
        super().__init__(state)
        os.environ["ACME_REGION"] = "mars"


class StoreSetsUpLogging(StoreMutant):
    """Everybody's logging says more."""

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        logging.getLogger("acme").addHandler(logging.NullHandler())
        return super().find(prefix)


class StorePrints(StoreMutant):
    """Progress is printed."""

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        sys.stderr.write(f"downloading {key}\n")
        return super().get(key, start=start, stop=stop)


class StoreSecretInRepr(StoreMutant):
    """What the instance was opened with is shown in its ``repr``."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key={SECRET!r})"


class StoreSecretInAnError(StoreMutant):
    """The vendor's words, with the key in them, are passed on."""

    def stat(self, key: str, /) -> ArtifactInfo:
        try:
            return super().stat(key)
        except ArtifactNotFoundError as exc:
            why = f"HEAD /{key}?signature={SECRET}"
            raise ArtifactNotFoundError(exc.what, operation="stat", subject=key, backend="memory", why=why) from None


class StoreKeywordIsRenamed(StoreMutant):
    """``stop`` is called ``end``."""

    def get(self, key: str, /, *, start: int = 0, end: int | None = None) -> Artifact:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().get(key, start=start, stop=end)


class StoreParameterIsAdded(StoreMutant):
    """A call needs an argument that the port does not have."""

    def delete(self, key: str, /, version: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        del version
        super().delete(key)
