"""What a registry remembers of what it has read, so that it need not ask twice.

Nothing in it is needed, and nothing in it is believed without the write or the read that would show it to be stale:
a registry that has just been opened answers the same, with a request or two more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from mlops_core.stores.registry_documents import Head
    from mlops_core.stores.registry_record import Record

_REMEMBERED: Final = 1024
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class RegistryMemory:
    """Heads, highest numbers and digests of live versions. It may be used from several threads."""

    def __init__(self) -> None:
        self._heads: dict[str, Head] = {}
        self._tips: dict[tuple[str, str], int] = {}
        self._digests: dict[tuple[str, str, int], tuple[int, str]] = {}

    def head(self, model: str) -> Head | None:
        """The head of a model as it was read last; its incarnation may have ended since."""
        return self._heads.get(model)

    def saw_head(self, model: str, head: Head | None) -> None:
        """Keep what was read as a model's head."""
        if head is None or head.deleted:
            self._heads.pop(model, None)
        else:
            remember(self._heads, model, head)

    def tip(self, head: Head) -> int:
        """A number at which a record of an incarnation was seen, the highest; 0 if none was."""
        return self._tips.get((head.model, head.incarnation), 0)

    def saw_record(self, head: Head, version: int) -> None:
        """Keep that there is a record, which is there as long as its incarnation lives."""
        if version > self.tip(head):
            remember(self._tips, (head.model, head.incarnation), version)

    def live_digest(self, head: Head, version: int) -> str | None:
        """The digest of a version that is live when a head is what was read; ``None`` if that is not known."""
        deletions, digest = self._digests.get((head.model, head.incarnation, version), (None, None))
        return digest if deletions == head.deletions and version not in head.deleting else None

    def saw_live(self, head: Head, record: Record) -> None:
        """Keep that a version was found live after a head was read."""
        remember(self._digests, (head.model, head.incarnation, record.version), (head.deletions, record.digest))


def remember(memory: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Keep a value, in a memory that stays small."""
    # Forgetting costs a request or two, so the simplest bound will do.
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = value
