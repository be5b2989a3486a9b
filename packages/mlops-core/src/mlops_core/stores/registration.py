"""One registration: files first, then the record at the next number, which is the only commit point.

Numbers are dense: a record is created (create-only) at tip + 1, where a record is known to stand at the tip. Records
of a living incarnation are never removed. So whoever creates number n knows that nothing was committed after he saw
the tip n - 1.

That makes dedup exact. Before a number is tried it is noted in ``digests/<digest>``, with the operation that tries it;
so all versions of a digest are among the numbers noted there. A round goes: see the tip; read what is noted; look at
the records of those numbers; note tip + 1; create the record at tip + 1. Of two equal packages the second to be
committed saw a tip at or above the first one's number, hence afterwards its note, hence its record: it gives that one
back instead. The same argument makes one version of one operation id. The notes are hints in that a record's own
digest is always compared; a note that cannot be read is made anew from a scan of all records.

Where the files lie is this registration's alone, and ``gc`` takes the files of a dead one. It first puts a fence at
the next number. A registration that was on its way to that number, however long ago it began, loses the race to the
fence, sees what it lost to, and uploads its files once more. So no record names files that ``gc`` has taken, whatever
the clocks say; that a registration gives up after half of the grace period saves it from being fenced for ever.

The head of the model may be remembered from an earlier call. It is read again after the commit, or before a version
that was there already is given back; if its incarnation has ended, all begins anew with a head that was just read.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from mlops_core.errors import (
    BackendUnavailableError,
    ConflictError,
    IntegrityError,
    ModelNotFoundError,
)
from mlops_core.manifest import CHECKSUMS_FILE, MANIFEST_FILE, PackageFile, open_verified
from mlops_core.side_by_side import for_each_file
from mlops_core.stores.registry_documents import Attempts, Head
from mlops_core.stores.registry_layout import package_prefix
from mlops_core.stores.registry_state import keys_of
from mlops_core.stores.sealed_documents import NewerFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from mlops_core.manifest import Package
    from mlops_core.ports.model_registry import IfExists
    from mlops_core.stores.registry_record import Record
    from mlops_core.stores.registry_state import RegistryState

_OPERATION: Final = "register"
_AGAIN: Final = "register it again"
_Tried: TypeAlias = frozenset[tuple[int, str]]


class _IncarnationEndedError(Exception):
    """The model was deleted since its head was read; it may have been made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The outcome.

    Attributes:
        head: The model's head, as it was read last.
        record: The version's record.
        is_new: Whether the version was made just now. A call that is made again finds its own from before.
    """

    head: Head
    record: Record
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """Registers packages.

    Attributes:
        state: The registry's documents.
        clock: The time, aware UTC, for the record.
        monotonic: Seconds, for the time that a registration takes.
        grace: The age at which ``gc`` may remove a package folder that no record names. A registration that takes
            longer than half of it is given up.

    Raises:
        ValueError: The grace period is zero or negative.
    """

    state: RegistryState
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    grace: timedelta

    def __post_init__(self) -> None:
        if self.grace <= timedelta(0):
            why = "a registration that takes longer than half of it is given up"
            raise ValueError(f"the grace period must be longer than nothing, not {self.grace}: {why}")

    def register(self, draft: Record, package: Package, if_exists: IfExists) -> Registered:
        """Store a package as a version.

        Args:
            draft: The record without incarnation, number, folder and time.
            package: The files.
            if_exists: ``"return"`` gives back the highest live version of the same digest.

        Raises:
            IntegrityError: A file of the package is not what its manifest says.
            ConflictError: The model was deleted meanwhile, or the operation id is that of a deleted version.
            BackendUnavailableError: The store did not answer, or other writers were faster each time.
        """
        remembered = self.state.memory.head(draft.model)
        if remembered is not None:
            with suppress(_IncarnationEndedError):
                return self._register_in(remembered, draft, package, if_exists, just_read=False)
        try:
            return self._register_in(self._open_model(draft.model), draft, package, if_exists, just_read=True)
        except _IncarnationEndedError as exc:
            why = "the model was deleted while the version was being registered"
            raise self._lost(draft.model, why) from exc

    def _register_in(
        self, head: Head, draft: Record, package: Package, if_exists: IfExists, *, just_read: bool
    ) -> Registered:
        """Register in the incarnation of a head, which may end at any time."""
        folder, since, began = "", 0, 0.0
        for _ in self.state.rounds(draft.model, _OPERATION):
            number = self.state.tip(head) + 1
            if folder and self._is_fenced(head, range(since, number)):
                folder = ""
            since = number
            tried, is_noted = self._noted(head, draft, number)
            if tried and not just_read:
                head, just_read = self._head_now(head), True
            earlier = self._earlier(head, draft, tried, if_exists)
            if earlier is not None:
                return Registered(head=head, record=earlier, is_new=False)
            if not folder:
                began = self.monotonic()
                folder = f"{draft.operation_id}.{self.state.new_id()}"
                self._upload(draft, folder, package)
            if not is_noted:
                self._note(head, draft, number)
            record = replace(
                draft, incarnation=head.incarnation, version=number, folder=folder, created_at=self.clock()
            )
            self._check_grace(draft.model, began)
            if self._commit(head, record):
                return self._registered(head, record)
        raise AssertionError("rounds() ends by raising")

    def _registered(self, head: Head, record: Record) -> Registered:
        """The answer after the commit, from a head that was read after it."""
        self.state.memory.saw_record(head, record.version)
        now = self._head_now(head)
        if now.deletions == head.deletions:
            self.state.memory.saw_live(now, record)
        return Registered(head=now, record=record, is_new=True)

    def _open_model(self, model: str) -> Head:
        """The head of the model, which is made, or made again, if need be."""
        for _ in self.state.rounds(model, _OPERATION):
            found = self.state.find_head(model)
            if found is not None and not found[0].deleted:
                return found[0]
            head = Head(model=model, incarnation=self.state.new_id(), nonce=self.state.new_id())
            written = self.state.create_head(head) if found is None else self.state.replace_head(head, found[1])
            if written is not None:
                return head
        raise AssertionError("rounds() ends by raising")

    def _noted(self, head: Head, draft: Record, number: int) -> tuple[_Tried, bool]:
        """What is noted under a digest already, and whether this operation's try at ``number`` is noted now.

        Content that is new to the model is noted by the same request that finds out that it is new.
        """
        own = (number, draft.operation_id)
        note = Attempts(model=head.model, digest=draft.digest, nonce=self.state.new_id(), tried=frozenset({own}))
        if self.state.documents.create(keys_of(head).attempts(draft.digest), note.to_bytes()) is not None:
            return frozenset(), True
        tried, _ = self._read_note(head, draft.digest)
        return tried, own in tried

    def _note(self, head: Head, draft: Record, number: int) -> None:
        """Add this operation's try at a number to those noted under a digest."""
        key = keys_of(head).attempts(draft.digest)
        for _ in self.state.rounds(head.model, _OPERATION):
            tried, etag = self._read_note(head, draft.digest)
            tried |= {(number, draft.operation_id)}
            new = Attempts(model=head.model, digest=draft.digest, nonce=self.state.new_id(), tried=tried)
            if self.state.documents.replace(key, new.to_bytes(), etag) is not None:
                return

    def _read_note(self, head: Head, digest: str) -> tuple[_Tried, str]:
        key = keys_of(head).attempts(digest)
        where = self.state.place(key)
        found = self.state.documents.read(key)
        if found is None:
            self._head_now(head)
            why = "nothing deletes it as long as the model is there"
            raise IntegrityError("a document of the registry vanished", where=where, why=why, hint=_AGAIN)
        try:
            note = Attempts.from_bytes(found.data, where=where, model=head.model, digest=digest)
        except NewerFormatError:
            raise
        except IntegrityError:
            return frozenset(self._scan(head, digest)), found.info.etag
        return note.tried, found.info.etag

    def _scan(self, head: Head, digest: str) -> Iterator[tuple[int, str]]:
        for number in self.state.versions(head):
            record = self.state.record(head, number)
            if record is not None and record.digest == digest:
                yield number, record.operation_id

    def _earlier(self, head: Head, draft: Record, tried: _Tried, if_exists: IfExists) -> Record | None:
        """The record that answers this call: its own from before, or the highest live one of the same digest."""
        for number in sorted({number for number, operation in tried if operation == draft.operation_id}):
            record = self.state.record(head, number)
            if record is not None and record.operation_id == draft.operation_id and record.digest == draft.digest:
                if self.state.is_deleted(head, number):
                    why = f"operation id {draft.operation_id!r} made version {number}, now deleted"
                    raise self._lost(draft.model, why)
                return record
        if if_exists == "return":
            for number in sorted({number for number, _ in tried}, reverse=True):
                record = self.state.record(head, number)
                if record is not None and record.digest == draft.digest and not self.state.is_deleted(head, number):
                    return record
        return None

    def _is_fenced(self, head: Head, numbers: range) -> bool:
        """Whether ``gc`` has put a fence at one of the numbers, so that it may have taken any files stored before."""
        try:
            return any(self.state.record(head, number) is None for number in numbers)
        except IntegrityError:
            return True  # whatever stands there, files that are stored once more are not taken

    def _upload(self, draft: Record, folder: str, package: Package) -> None:
        documents = self.state.documents
        prefix = package_prefix(draft.model, folder)

        def store(expected: PackageFile) -> None:
            where = f"the package to be registered as {draft.model!r}"
            with open_verified(package, expected, where=where) as stream:
                documents.store.put(prefix + expected.path, stream)

        manifest = draft.manifest
        described = PackageFile(path=MANIFEST_FILE, size=len(manifest.to_bytes()), sha256=draft.digest)
        listed = (described, *manifest.files)
        for_each_file(listed, lambda each: documents.trying(lambda: store(each)))
        lines = [f"{each.sha256}  {each.path}\n" for each in sorted(listed, key=lambda each: each.path)]
        documents.trying(lambda: documents.store.put(prefix + CHECKSUMS_FILE, "".join(lines).encode()))

    def _commit(self, head: Head, record: Record) -> bool:
        key = keys_of(head).record(record.version)
        return key is not None and self.state.documents.create(key, record.to_bytes()) is not None

    def _head_now(self, head: Head) -> Head:
        """The head as it is now.

        Raises:
            _IncarnationEndedError: The incarnation has ended, or was about to and could not be kept.
        """
        found = self.state.find_head(head.model)
        if found is None or found[0].deleted or found[0].incarnation != head.incarnation:
            raise _IncarnationEndedError
        if found[0].closing:  # somebody deletes the model as an empty one; any other write stops that
            try:
                self.state.edit_head(head.model, head.incarnation, _OPERATION, lambda now: now)
            except ModelNotFoundError:
                raise _IncarnationEndedError from None
        return found[0]

    def _check_grace(self, model: str, began: float) -> None:
        seconds = self.monotonic() - began
        if seconds > self.grace.total_seconds() / 2:
            raise BackendUnavailableError(
                f"registering a version of {model!r} took too long",
                operation=_OPERATION,
                subject=model,
                backend=self.state.backend,
                why=f"it took {timedelta(seconds=seconds)}, more than half of the grace period of {self.grace}, after "
                "which its files may be taken for abandoned ones",
                hint="register it again; if the store is that slow, use a longer grace period",
            )

    def _lost(self, model: str, why: str) -> ConflictError:
        return ConflictError(
            f"cannot register a version of {model!r}",
            operation=_OPERATION,
            subject=model,
            backend=self.state.backend,
            why=why,
            hint="register it again with a new operation id",
        )
