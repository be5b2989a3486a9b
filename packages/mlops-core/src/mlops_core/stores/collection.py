"""Removing what no version needs any more, while others register, delete and read.

What may be left behind: folders of packages whose registration was killed or has failed, versions whose deletion was
killed, documents of earlier incarnations of a model, and unfinished files of the store itself. Only the first are
dangerous to remove, since a registration may be about to name them. For each model the order is:

1. List the folders, then read the head, then the records. A folder that is listed was made by a registration that had
   a head already: of this incarnation, or of an earlier one, which never comes back. Read the other way round, the
   records could lack the version whose folder is listed.
2. A folder that no live version names, and whose objects are all older than the grace period, is a candidate. How
   old is told by the store's own clock: the time of an object that is written and read now.
3. Put a fence: a record at the next number that is no version. A registration chose its number before it stored its
   first file. So whoever stored files before step 1 has committed before the fence, or loses that number to it; then
   he leaves these files alone for ever (see :mod:`mlops_core.stores.registration`).
4. Read the records that came before the fence and were not there in step 1. What they name is no candidate any more.
5. Delete what is left. Nobody can name it now, however long he has been suspended and whatever his clock says.

So age decides only whom a fence disturbs, never what is safe. That is why a time far in the future counts as old: a
clock that was set back must not keep an object for years. Folders are never used twice, so a deletion that is suspended
and goes on much later removes nothing of anybody else's.

Deleted heads, records, tombstones and notes of a living incarnation stay: they are small, and they are what keeps
numbers from being used again. A document that cannot be read keeps its whole model from being looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from mlops_core.errors import IntegrityError, ModelNotFoundError
from mlops_core.stores.deletion import delete_version
from mlops_core.stores.registry_layout import (
    MODELS,
    PACKAGES,
    IncarnationKeys,
    documents_of,
    model_of_folder,
    package_prefix,
    packages_of,
)
from mlops_core.stores.registry_record import fence
from mlops_core.stores.registry_state import TOMBSTONE, keys_of

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mlops_core.ports.artifact_store import ArtifactInfo
    from mlops_core.stores.registry_documents import Head
    from mlops_core.stores.registry_state import RegistryState

_PROBES: Final = "gc/"
COLLECT_GARBAGE: Final = "collect_garbage"
"""The call's name, for messages."""
_KILLED: Final = "the write was killed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something that was removed, or that a dry run would have removed.

    Attributes:
        what: A version, or what the objects' keys begin with.
        why: Why nobody needs it.
        objects: How many objects it was.
        size: Their bytes.
    """

    what: str
    why: str
    objects: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something that could not be judged and was left alone.

    Attributes:
        what: What the objects' keys begin with.
        why: What stood in the way.
    """

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a collection has done.

    Attributes:
        leftovers: What was removed, in the order in which it was found.
        kept: What could not be judged.
        dry_run: Nothing was removed: ``leftovers`` is what would have been.
    """

    leftovers: tuple[Leftover, ...]
    kept: tuple[Kept, ...]
    dry_run: bool

    @property
    def objects(self) -> int:
        """How many objects were removed."""
        return sum(each.objects for each in self.leftovers)

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(each.size for each in self.leftovers)


@runtime_checkable
class SweepsTemporary(Protocol):
    """A store that may leave unfinished files or empty folders behind, which no listing shows."""

    def sweep(self, *, older_than: timedelta, dry_run: bool) -> tuple[int, int]:
        """Remove what is unfinished and older by the store's own clock.

        Returns:
            How many files and folders, and the files' bytes.
        """
        ...


class Collection:
    """One collection.

    Args:
        state: The registry's documents.
        grace: The age from which a folder that no version names may be removed.
        dry_run: Remove nothing.
    """

    def __init__(self, state: RegistryState, *, grace: timedelta, dry_run: bool) -> None:
        self._state = state
        self._documents = state.documents
        self._grace = grace
        self._dry_run = dry_run
        self._now: datetime | None = None
        self._leftovers: list[Leftover] = []
        self._kept: list[Kept] = []

    def run(self) -> Collected:
        """Look at every model, then at the store's own leftovers."""
        parts = {*self._documents.folders(MODELS), *self._documents.folders(PACKAGES)}
        for model in sorted(name for name in map(model_of_folder, parts) if name is not None):
            try:
                self._collect_model(model)
            except IntegrityError as exc:
                self._keep(documents_of(model), f"{exc.where or 'a document'}: {exc.what}")
        probes = [each for each in self._documents.listing(_PROBES) if self._is_old(each)]
        self._remove(_PROBES, probes, "a collection was killed")
        store = self._documents.store
        if isinstance(store, SweepsTemporary):
            objects, size = store.sweep(older_than=self._grace, dry_run=self._dry_run)
            if objects:
                self._leftovers.append(
                    Leftover(what="unfinished files and empty folders", why=_KILLED, objects=objects, size=size)
                )
        return Collected(leftovers=tuple(self._leftovers), kept=tuple(self._kept), dry_run=self._dry_run)

    def _collect_model(self, model: str) -> None:
        folders = self._documents.folders(packages_of(model))
        incarnations = self._documents.folders(documents_of(model))
        found = self._state.find_head(model)
        if found is None:
            self._keep(packages_of(model), "the model has no head, which every registration makes first")
            return
        head = found[0]
        for each in incarnations:
            if head.deleted or each != head.incarnation:
                self._remove_incarnation(IncarnationKeys(model, each))
        if head.deleted:
            self._remove_folders(head, [each for each in folders if self._may_be_collected(model, each)])
            return
        finished = self._finish_deletions(head)
        self._remove_tags_of_deleted(head)
        self._remove_folders(head, self._unnamed(head, [each for each in folders if each not in finished]))

    def _finish_deletions(self, head: Head) -> set[str]:
        """Finish the deletions that are under way, or were killed.

        Returns:
            The folders of the versions that were deleted.
        """
        finished: set[str] = set()
        for version in sorted(head.deleting):
            folder = self._folder_if_readable(head, version)
            infos: list[ArtifactInfo] = []
            if folder is not None:
                finished.add(folder)
                infos = self._documents.listing(package_prefix(head.model, folder))
            if not self._dry_run:
                try:
                    delete_version(self._state, head.model, version)
                except ModelNotFoundError:
                    continue  # deleted meanwhile, and its versions with it
            self._note(f"{head.model}:{version}", infos, "its deletion was killed")
        return finished

    def _folder_if_readable(self, head: Head, version: int) -> str | None:
        try:
            record = self._state.record(head, version)
        except IntegrityError:
            return None  # its files are unnamed, and go once they are old
        return None if record is None else record.folder

    def _remove_tags_of_deleted(self, head: Head) -> None:
        keys = keys_of(head)
        marks = self._state.marks(head)
        for version in sorted(marks.tagged & marks.deleted):
            infos = [each for each in self._documents.listing(keys.tags(version)) if each.key == keys.tags(version)]
            self._remove(keys.tags(version), infos, "the version was deleted")

    def _remove_incarnation(self, keys: IncarnationKeys) -> None:
        for prefix in keys.prefixes:
            self._remove(prefix, self._documents.listing(prefix), "the model was deleted")

    def _unnamed(self, head: Head, folders: list[str]) -> list[str]:
        """Folders that no live version names and none can name any more."""
        if not folders:
            return []
        live = self._state.live_versions(head)
        named = self._folders_of(head, live)
        candidates = [each for each in folders if each not in named and self._may_be_collected(head.model, each)]
        if not candidates or self._dry_run:
            return candidates
        number = self._put_fence(head)
        late = [each for each in self._state.live_versions(head) if each not in live and each < number]
        named = self._folders_of(head, late)
        return [each for each in candidates if each not in named]

    def _folders_of(self, head: Head, versions: list[int]) -> set[str]:
        records = (self._state.record(head, each) for each in versions)
        return {record.folder for record in records if record is not None}

    def _put_fence(self, head: Head) -> int:
        keys = keys_of(head)
        for _ in self._state.rounds(head.model, COLLECT_GARBAGE):
            number = self._state.tip(head) + 1
            key = keys.record(number)
            if key is None:
                break
            if self._documents.create(key, fence(head.model, head.incarnation, number)) is not None:
                # So that listings need not read the fence to see that it is no version.
                self._documents.create(keys.tombstone(number), TOMBSTONE)
                return number
        raise AssertionError("rounds() ends by raising")

    def _may_be_collected(self, model: str, folder: str) -> bool:
        infos = self._documents.listing(package_prefix(model, folder))
        return bool(infos) and all(map(self._is_old, infos))

    def _remove_folders(self, head: Head, folders: list[str]) -> None:
        for folder in folders:
            prefix = package_prefix(head.model, folder)
            self._remove(prefix, self._documents.listing(prefix), "no version names it")

    def _is_old(self, info: ArtifactInfo) -> bool:
        if self._now is None:
            self._now = self._store_time()
        return abs(self._now - info.modified_at) > self._grace

    def _store_time(self) -> datetime:
        key = f"{_PROBES}{self._state.new_id()}"
        try:
            self._documents.trying(lambda: self._documents.store.put(key, b"what time is it?\n"))
            return self._documents.trying(lambda: self._documents.store.stat(key)).modified_at
        finally:
            self._documents.trying(lambda: self._documents.store.delete(key))

    def _remove(self, key: str, infos: list[ArtifactInfo], why: str) -> None:
        if not infos:
            return
        if not self._dry_run:
            for each in infos:
                self._documents.trying(lambda each=each: self._documents.store.delete(each.key))
        self._note(key, infos, why)

    def _note(self, what: str, infos: list[ArtifactInfo], why: str) -> None:
        size = sum(each.size for each in infos)
        self._leftovers.append(Leftover(what=what, why=why, objects=len(infos), size=size))

    def _keep(self, what: str, why: str) -> None:
        self._kept.append(Kept(what=what, why=why))
