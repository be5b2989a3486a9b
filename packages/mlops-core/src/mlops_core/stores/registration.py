"""One registration: files first, then the record at the next number, which is the only commit point.

Numbers are dense: a record is created (create-only) at tip + 1, where a record is known to stand at the tip. Records
are never removed. So whoever creates number n knows that nothing was committed after he saw the tip n - 1.

That makes dedup exact. Before a number is tried it is noted in ``digests/<digest>``; so all versions of a digest are
among the numbers noted there. A round goes: see the tip; read what is noted; look at the records of those numbers;
note tip + 1; create the record at tip + 1. Of two equal packages the second to be committed saw a tip at or above the
first one's number, hence afterwards its note, hence its record: it gives that one back instead.
The same argument makes one version of one operation id. The notes are hints in that a record's own digest is always
compared; a note that cannot be read is made anew from a scan of all records.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mlops_core.errors import (
    ArtifactNotFoundError,
    BackendUnavailableError,
    ConflictError,
    IntegrityError,
    ModelNotFoundError,
)
from mlops_core.manifest import CHECKSUMS_FILE, MANIFEST_FILE, PackageFile
from mlops_core.stores.registry_documents import Attempts, Head
from mlops_core.stores.registry_layout import package_prefix
from mlops_core.stores.registry_state import keys_of
from mlops_core.stores.sealed_documents import NewerFormatError
from mlops_core.stores.verified_stream import verified_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta

    from mlops_core.manifest import Package
    from mlops_core.ports.model_registry import IfExists
    from mlops_core.stores.registry_record import Record
    from mlops_core.stores.registry_state import RegistryState

_OPERATION: Final = "register"
_AGAIN: Final = "register it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The outcome: the version's record, the head as it was read last, and whether the version was there before."""

    head: Head
    record: Record
    reused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """Registers packages.

    Attributes:
        state: The registry's documents.
        clock: The time, aware UTC, for the record.
        monotonic: Seconds, for the time that a registration takes.
        grace: The age at which ``gc`` may remove a package folder that no record names. A registration that takes
            longer than half of it is given up, so that its files cannot be gone when its record comes.
    """

    state: RegistryState
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    grace: timedelta

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
        model = draft.model
        head = self._open_model(model)
        began = self.monotonic()
        folder = ""
        asked_before = False
        for _ in self.state.rounds(model, _OPERATION):
            number = self.state.tip(head) + 1
            noted, is_noted = self._noted(head, draft.digest, number)
            earlier = self._earlier(head, draft, noted, if_exists, look_for_operation=asked_before)
            if earlier is None and not folder:
                folder, asked_before = self._claim(draft)
                if asked_before:
                    earlier = self._earlier(head, draft, noted, if_exists, look_for_operation=True)
                if earlier is None:
                    self._upload(draft, folder, package)
            if earlier is not None:
                return Registered(head=head, record=earlier, reused=earlier.operation_id != draft.operation_id)
            asked_before = True
            if not is_noted:
                self._note(head, draft.digest, number)
            record = replace(
                draft, incarnation=head.incarnation, version=number, folder=folder, created_at=self.clock()
            )
            self._check_grace(model, began)
            if self._commit(head, record):
                return Registered(head=self._still_there(head), record=record, reused=False)
        raise AssertionError("rounds() ends by raising")

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

    def _noted(self, head: Head, digest: str, number: int) -> tuple[frozenset[int], bool]:
        """The numbers noted under a digest before, and whether ``number`` is noted now.

        Content that is new to the model is noted by the same request that finds out that it is new.
        """
        note = Attempts(model=head.model, digest=digest, nonce=self.state.new_id(), versions=frozenset({number}))
        if self.state.documents.create(keys_of(head).attempts(digest), note.to_bytes()) is not None:
            return frozenset(), True
        noted, _ = self._read_note(head, digest)
        return noted, number in noted

    def _note(self, head: Head, digest: str, number: int) -> None:
        """Add a number to those noted under a digest."""
        key = keys_of(head).attempts(digest)
        for _ in self.state.rounds(head.model, _OPERATION):
            noted, etag = self._read_note(head, digest)
            new = Attempts(model=head.model, digest=digest, nonce=self.state.new_id(), versions=noted | {number})
            if self.state.documents.replace(key, new.to_bytes(), etag) is not None:
                return

    def _read_note(self, head: Head, digest: str) -> tuple[frozenset[int], str]:
        key = keys_of(head).attempts(digest)
        where = self.state.place(key)
        found = self.state.documents.read(key)
        if found is None:
            raise IntegrityError(
                "a document of the registry vanished", where=where, why="nothing deletes it", hint=_AGAIN
            )
        try:
            note = Attempts.from_bytes(found.data, where=where, model=head.model, digest=digest)
        except NewerFormatError:
            raise
        except IntegrityError:
            return frozenset(self._scan(head, digest)), found.info.etag
        return note.versions, found.info.etag

    def _scan(self, head: Head, digest: str) -> Iterator[int]:
        for number in self.state.versions(head):
            record = self.state.record(head, number)
            if record is not None and record.digest == digest:
                yield number

    def _earlier(
        self, head: Head, draft: Record, noted: frozenset[int], if_exists: IfExists, *, look_for_operation: bool
    ) -> Record | None:
        """The record that answers this call: its own from before, or the highest live one of the same digest."""
        if if_exists != "return" and not look_for_operation:
            return None
        same: Record | None = None
        for number in sorted(noted, reverse=True):
            record = self.state.record(head, number)
            if record is None or record.digest != draft.digest:
                continue
            own = look_for_operation and record.operation_id == draft.operation_id
            wanted = if_exists == "return" and same is None
            if not (own or wanted):
                continue
            deleted = self.state.is_deleted(head, number)
            if own and deleted:
                raise self._lost(draft.model, f"operation id {draft.operation_id!r} made version {number}, now deleted")
            if own:
                return record
            same = same if deleted else record
            if same is not None and not look_for_operation:
                break
        return same

    def _claim(self, draft: Record) -> tuple[str, bool]:
        """A folder for the files that no other registration writes to, and whether the operation id was seen before.

        ``SHA256SUMS`` is created first: creating it is what takes the folder.
        """
        sums = draft.manifest
        listed = [*sums.files, PackageFile(path=MANIFEST_FILE, size=len(sums.to_bytes()), sha256=draft.digest)]
        lines = [f"{each.sha256}  {each.path}\n" for each in sorted(listed, key=lambda each: each.path)]
        data = "".join(lines).encode()
        folder = draft.operation_id
        seen = False
        for _ in self.state.rounds(draft.model, _OPERATION):
            if self.state.documents.create(package_prefix(draft.model, folder) + CHECKSUMS_FILE, data) is not None:
                return folder, seen
            seen = True
            folder = f"{draft.operation_id}.{self.state.new_id()}"
        raise AssertionError("rounds() ends by raising")

    def _upload(self, draft: Record, folder: str, package: Package) -> None:
        documents = self.state.documents
        prefix = package_prefix(draft.model, folder)

        def store(expected: PackageFile) -> None:
            where = f"the package to be registered as {draft.model!r}"
            try:
                stream = package.open(expected.path)
            except ArtifactNotFoundError as exc:
                what = f"{expected.path!r} of the package is missing"
                raise IntegrityError(what, where=where, why=exc.why, hint="write the package again") from exc
            with stream:
                documents.store.put(prefix + expected.path, verified_stream(stream, expected, where=where))

        manifest = draft.manifest
        described = PackageFile(path=MANIFEST_FILE, size=len(manifest.to_bytes()), sha256=draft.digest)
        for each in (described, *manifest.files):
            documents.trying(lambda each=each: store(each))

    def _commit(self, head: Head, record: Record) -> bool:
        key = keys_of(head).record(record.version)
        return key is not None and self.state.documents.create(key, record.to_bytes()) is not None

    def _still_there(self, head: Head) -> Head:
        """The head after the commit: the model may have been deleted, or somebody be about to delete it as empty."""
        found = self.state.find_head(head.model)
        if found is None or found[0].deleted or found[0].incarnation != head.incarnation:
            raise self._lost(head.model, "the model was deleted while the version was being registered")
        if found[0].closing:
            try:
                self.state.edit_head(head.model, head.incarnation, _OPERATION, lambda now: now)
            except ModelNotFoundError as exc:
                raise self._lost(head.model, "the model was deleted while the version was being registered") from exc
        return found[0]

    def _check_grace(self, model: str, began: float) -> None:
        seconds = self.monotonic() - began
        if seconds > self.grace.total_seconds() / 2:
            raise BackendUnavailableError(
                f"registering a version of {model!r} took too long",
                operation=_OPERATION,
                subject=model,
                backend=self.state.backend,
                why=f"{seconds:,.0f} s, after which its files may be taken for abandoned ones",
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
