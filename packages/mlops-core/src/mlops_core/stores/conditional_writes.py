"""Small documents on an artifact store: conditional writes that survive lost replies, retries with one owner.

A store may fail after it has written. So every document differs from every other (by a nonce, or by an operation id):
after an unknown outcome it is read back, and finding our own bytes means that our write was made.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from mlops_core.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    BackendUnavailableError,
    ConflictError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo, ArtifactStore

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often, and after which pauses, something is tried again; pauses are random, so that rivals drift apart.

    Attributes:
        attempts: Requests in all when the store is unavailable.
        races: Rounds in all when other writers keep being faster.
        first_pause: Longest first pause before an unavailable store is asked again, in seconds; it doubles each time.
        first_race_pause: The same after a lost race.
        longest_pause: What no pause exceeds, in seconds.
        give_up_after: Seconds after which an unavailable store is not asked again, however few attempts there were.
        clock: Seconds that never go back.
        sleep: Waits for a number of seconds.
        uniform: A random number from 0 up to 1.
    """

    attempts: int = 5
    races: int = 200
    first_pause: float = 0.1
    first_race_pause: float = 0.005
    longest_pause: float = 2.0
    give_up_after: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[], float] = field(default_factory=lambda: random.Random().random)  # noqa: S311 (not a secret)

    def pause(self, first: float, attempt: int) -> None:
        """Wait after failed attempt number ``attempt``, counted from 0."""
        self.sleep(self.uniform() * min(self.longest_pause, first * 2 ** min(attempt, 20)))

    def too_late(self, began: float) -> bool:
        """Whether it is too late to try again what began at a moment of the clock."""
        return self.clock() - began >= self.give_up_after


class Documents:
    """Reads and conditional writes of small objects, tried again when the store is unavailable.

    Args:
        store: A store that declares ``CONDITIONAL_PUT``.
        retries: How often and how fast to try again. The store itself must not retry.
    """

    def __init__(self, store: ArtifactStore, *, retries: Retries) -> None:
        self.store = store
        self._retries = retries

    def trying(self, request: Callable[[], _Answer]) -> _Answer:
        """The answer of a request that may be made any number of times.

        Raises:
            BackendUnavailableError: The store was unavailable each time.
        """
        began = self._retries.clock()
        for attempt in range(self._retries.attempts - 1):
            try:
                return request()
            except BackendUnavailableError:
                if self._retries.too_late(began):
                    raise
                self._retries.pause(self._retries.first_pause, attempt)
        return request()

    def rounds(self, what: str, *, operation: str, subject: str, backend: str) -> Iterator[int]:
        """Numbers of the rounds of a race, with a pause between them.

        Raises:
            BackendUnavailableError: The last round was lost too.
        """
        for attempt in range(self._retries.races):
            if attempt:
                self._retries.pause(self._retries.first_race_pause, attempt - 1)
            yield attempt
        raise BackendUnavailableError(
            what,
            operation=operation,
            subject=subject,
            backend=backend,
            why=f"other writers were faster {self._retries.races} times",
            hint="try again when fewer write at the same time",
        )

    def read(self, key: str) -> Artifact | None:
        """An object with its etag; ``None`` if there is none."""
        try:
            return self.trying(lambda: self.store.get(key))
        except ArtifactNotFoundError:
            return None

    def exists(self, key: str) -> bool:
        """Whether there is an object."""
        try:
            self.trying(lambda: self.store.stat(key))
        except ArtifactNotFoundError:
            return False
        return True

    def listing(self, prefix: str) -> list[ArtifactInfo]:
        """All objects whose keys begin with a prefix, in order of key."""
        return self.trying(lambda: list(self.store.find(prefix)))

    def folders(self, prefix: str) -> list[str]:
        """The next parts of the keys that begin with a prefix; see :meth:`ArtifactStore.folders`."""
        return self.trying(lambda: list(self.store.folders(prefix)))

    def first(self, prefix: str) -> ArtifactInfo | None:
        """The first object whose key begins with a prefix; one request where a store lists in pages."""
        return self.trying(lambda: next(iter(self.store.find(prefix)), None))

    def create(self, key: str, data: bytes) -> str | None:
        """Write an object that must not exist.

        Returns:
            Its etag, or ``None`` if somebody else's object has the key.
        """
        return self._write(key, data, lambda: self.store.put(key, data, if_absent=True))

    def replace(self, key: str, data: bytes, etag: str) -> str | None:
        """Write an object that must still have an etag.

        Returns:
            Its new etag, or ``None`` if the object was changed meanwhile.
        """
        return self._write(key, data, lambda: self.store.put(key, data, if_match=etag))

    def delete_all(self, prefix: str) -> None:
        """Delete every object whose key begins with a prefix."""
        for info in self.listing(prefix):
            self.trying(lambda key=info.key: self.store.delete(key))

    def _write(self, key: str, data: bytes, put: Callable[[], ArtifactInfo]) -> str | None:
        unknown = False
        attempt = 0
        began = self._retries.clock()
        while True:
            try:
                return put().etag
            except (AlreadyExistsError, ConflictError):
                # After an unknown outcome the rival may be ourselves.
                return self._ours(key, data) if unknown else None
            except BackendUnavailableError:
                unknown = True
                etag = self._ours(key, data)
                if etag is not None:
                    return etag
                attempt += 1
                if attempt >= self._retries.attempts or self._retries.too_late(began):
                    raise
                self._retries.pause(self._retries.first_pause, attempt - 1)

    def _ours(self, key: str, data: bytes) -> str | None:
        found = self.read(key)
        return found.info.etag if found is not None and found.data == data else None
