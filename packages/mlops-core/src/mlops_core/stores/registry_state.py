"""What the registry's documents say: typed reads, and the one way to change a head."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mlops_core.errors import ModelNotFoundError, VersionNotFoundError
from mlops_core.stores.registry_documents import Head, VersionTags
from mlops_core.stores.registry_layout import IncarnationKeys, head_key, package_prefix
from mlops_core.stores.registry_memory import RegistryMemory
from mlops_core.stores.registry_record import fence, read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_core.ports.artifact_store import Artifact
    from mlops_core.stores.conditional_writes import Documents
    from mlops_core.stores.registry_record import Record

WAS_DELETED: Final = "it was deleted"
TOMBSTONE: Final = b"deleted\n"
"""The bytes of every tombstone; only its key says anything."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Which versions were deleted, and which have tags other than the record's."""

    deleted: frozenset[int]
    tagged: frozenset[int]


def keys_of(head: Head) -> IncarnationKeys:
    """The keys of a head's incarnation."""
    return IncarnationKeys(head.model, head.incarnation)


class RegistryState:
    """Reads and changes the documents of a registry.

    Args:
        documents: Where they are.
        backend: The configured name, for messages.
        new_id: Gives a new random id with each call, of letters and digits.
    """

    def __init__(self, documents: Documents, *, backend: str, new_id: Callable[[], str]) -> None:
        self.documents = documents
        self.backend = backend
        self.new_id = new_id
        self.memory: RegistryMemory = RegistryMemory()

    def find_head(self, model: str) -> tuple[Head, str] | None:
        """A model's head, deleted or not, with its etag."""
        key = head_key(model)
        found = None if key is None else self.documents.read(key)
        if found is None:
            self.memory.saw_head(model, None)
            return None
        head = Head.from_bytes(found.data, where=self.place(found.info.key), model=model)
        self.memory.saw_head(model, head)
        return head, found.info.etag

    def head(self, model: str, operation: str) -> Head:
        """A live model's head.

        Raises:
            ModelNotFoundError: No such model, or it was deleted.
        """
        found = self.find_head(model)
        if found is None or found[0].deleted:
            raise self.no_model(model, operation)
        return found[0]

    def replace_head(self, head: Head, etag: str) -> str | None:
        """Write a head, with a fresh nonce, over the one that was read with an etag.

        Returns:
            The new etag, or ``None`` if the head was changed meanwhile.
        """
        data = replace(head, nonce=self.new_id()).to_bytes()
        written = self.documents.replace(self._head_key(head.model), data, etag)
        if written is not None:
            self.memory.saw_head(head.model, head)
        return written

    def create_head(self, head: Head) -> str | None:
        """Write the first head of a name; ``None`` if there is one."""
        return self.documents.create(self._head_key(head.model), head.to_bytes())

    def edit_head(
        self, model: str, incarnation: str | None, operation: str, change: Callable[[Head], Head | None]
    ) -> None:
        """Change a head by compare-and-set, as often as another writer is faster.

        Args:
            model: The model's name.
            incarnation: The life of the model that is meant; ``None`` for the one that it has when it is read.
            operation: The registry's method, for messages.
            change: Gives the new head for the one that was read, or ``None`` to leave it. What it raises goes through.

        Raises:
            ModelNotFoundError: The model was deleted, or deleted and made again.
        """
        for _ in self.rounds(model, operation):
            found = self.find_head(model)
            if found is None or found[0].deleted or incarnation not in {None, found[0].incarnation}:
                raise self.no_model(model, operation)
            new = change(found[0])
            if new is None or self.replace_head(replace(new, closing=False), found[1]) is not None:
                return

    def rounds(self, model: str, operation: str) -> Iterator[int]:
        """Rounds of a race about a model; see :meth:`Documents.rounds`."""
        what = f"{operation} of {model!r} did not get through"
        return self.documents.rounds(what, operation=operation, subject=model, backend=self.backend)

    def record(self, head: Head, version: int) -> Record | None:
        """The record of a version, deleted or not; ``None`` for a number that was never a version's."""
        keys = keys_of(head)
        key = keys.record(version)
        found = None if key is None else self.documents.read(key)
        if found is None:
            return None
        where = self.place(found.info.key)
        return read_record(found.data, where=where, model=head.model, incarnation=head.incarnation, version=version)

    def live_record(self, head: Head, version: int, operation: str) -> Record:
        """The record of a version that was not deleted.

        Raises:
            VersionNotFoundError: No such version, or it was deleted.
        """
        record = self.record(head, version)
        if record is None or self.is_deleted(head, version):
            why = "it was never registered" if record is None else WAS_DELETED
            raise self.no_version(head.model, version, operation, why)
        self.memory.saw_live(head, record)
        return record

    def live_digest(self, head: Head, version: int, operation: str) -> str:
        """The digest of a version that is live as long as the head is what was read: no request if it is known.

        Raises:
            VersionNotFoundError: No such version, or it was deleted.
        """
        known = self.memory.live_digest(head, version)
        return self.live_record(head, version, operation).digest if known is None else known

    def is_deleted(self, head: Head, version: int) -> bool:
        """Whether a version that was registered had been deleted when the head was read, or has been since."""
        if version in head.deleting:
            return True
        return head.deletions > 0 and self.documents.exists(keys_of(head).tombstone(version))

    def live_versions(self, head: Head) -> list[int]:
        """The numbers of all versions that were not deleted, newest first."""
        keys = keys_of(head)
        deleted = self.marks(head).deleted
        numbers: list[int] = []
        for info in self.documents.listing(keys.versions):
            number = keys.version_of(info.key)
            if number is None or number in deleted:
                continue
            may_be_fence = info.size <= len(fence(head.model, head.incarnation, number))
            if not (may_be_fence and self.record(head, number) is None):
                numbers.append(number)
        return numbers

    def versions(self, head: Head) -> range:
        """The numbers of all records and fences, of deleted versions too, newest first: numbers are dense."""
        return range(self.tip(head), 0, -1)

    def tip(self, head: Head) -> int:
        """The highest number that a record or fence has; 0 if there is none.

        Numbers are dense. So one look at the next one is enough where the highest was seen before and nobody else has
        registered since; only else is there a listing, which reads a whole folder where a store has folders.
        """
        keys = keys_of(head)
        known = self.memory.tip(head)
        following = keys.record(known + 1)
        if known and following is not None and not self.documents.exists(following):
            return known
        newest = self.documents.first(keys.versions)
        number = 0 if newest is None else keys.version_of(newest.key)
        if number is None:  # a stray file that is no record lists before them all
            listed = (keys.version_of(info.key) for info in self.documents.listing(keys.versions))
            number = max((each for each in listed if each is not None), default=0)
        self.memory.saw_record(head, number)
        return number

    def marks(self, head: Head) -> Marks:
        """Which versions were deleted or have tags of their own, from one listing."""
        keys = keys_of(head)
        found = [info.key for info in self.documents.listing(keys.marks)]
        deleted = {number for key in found if (number := keys.version_of_tombstone(key)) is not None}
        tagged = {number for key in found if (number := keys.version_of_tags(key)) is not None}
        return Marks(frozenset(deleted) | head.deleting, frozenset(tagged))

    def tags(self, record: Record) -> VersionTags | None:
        """The tags document of a version; ``None`` as long as its tags are the record's."""
        found = self.documents.read(IncarnationKeys(record.model, record.incarnation).tags(record.version))
        return None if found is None else self.parse_tags(found, record)

    def parse_tags(self, found: Artifact, record: Record) -> VersionTags:
        """The tags document that was read."""
        where = self.place(found.info.key)
        return VersionTags.from_bytes(found.data, where=where, model=record.model, version=record.version)

    def delete_files(self, record: Record) -> None:
        """Delete the files of a version; no other version shares them."""
        self.documents.delete_all(package_prefix(record.model, record.folder))

    def place(self, key: str) -> str:
        """A key as messages name it."""
        return f"backend {self.backend!r}, {key}"

    def no_model(self, model: str, operation: str) -> ModelNotFoundError:
        """The error for a model that is not there."""
        return ModelNotFoundError(
            f"no model {model!r}",
            operation=operation,
            subject=model,
            backend=self.backend,
            why="it was never registered here, or it was deleted",
            hint="mlops ls shows the models",
        )

    def no_version(self, model: str, version: int, operation: str, why: str) -> VersionNotFoundError:
        """The error for a version that is not there."""
        return VersionNotFoundError(
            f"no version {version} of {model!r}",
            operation=operation,
            subject=f"{model}:{version}",
            backend=self.backend,
            why=why,
            hint=f"mlops ls {model} shows its versions",
        )

    def _head_key(self, model: str) -> str:
        key = head_key(model)
        if key is None:
            raise self.no_model(model, "register")
        return key
