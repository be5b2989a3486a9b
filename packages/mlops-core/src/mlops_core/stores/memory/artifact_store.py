"""The artifact store port over a dictionary."""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.ports.artifact_store import Artifact, ArtifactInfo, ArtifactStoreCapability
from mlops_core.stores.defaults import now
from mlops_core.stores.keys import check_folder_prefix, check_key
from mlops_core.stores.store_arguments import check_put, check_range
from mlops_core.stores.store_refusals import exists_already, no_object, not_what_was_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_core.ports.artifact_store import ArtifactStore

_CHUNK: Final = 1 << 20


@dataclass(slots=True, kw_only=True)
class MemoryStoreState:
    """Everything that a store holds: the objects by key, and the lock under which they are read and changed."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    objects: dict[str, Artifact] = field(default_factory=dict[str, Artifact])


class MemoryArtifactStore:
    """Objects in a dictionary, with conditional writes; every method is one step.

    An etag is the SHA-256 of the content, so equal contents have equal etags, as on most stores.

    Args:
        backend: The configured name, for messages.
        clock: The time, aware, for ``modified_at``.
        state: What it holds; several instances may share one, as clients share a server.
    """

    def __init__(
        self, *, backend: str = "memory", clock: Callable[[], datetime] = now, state: MemoryStoreState | None = None
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._state = state or MemoryStoreState()

    @property
    def capabilities(self) -> ArtifactStoreCapability:
        """See :attr:`ArtifactStore.capabilities`."""
        return ArtifactStoreCapability.CONDITIONAL_PUT

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        """See :meth:`ArtifactStore.put`."""
        check_put(self, key, data, if_absent=if_absent, if_match=if_match, backend=self._backend)
        content = data if isinstance(data, bytes) else _read(data)  # outside the lock: it may take its time, or fail
        etag = hashlib.sha256(content).hexdigest()
        with self._state.lock:
            found = self._state.objects.get(key)
            if if_absent and found is not None:
                raise exists_already(key, backend=self._backend)
            if if_match is not None and (found is None or found.info.etag != if_match):
                raise not_what_was_read(key, backend=self._backend, gone=found is None)
            info = ArtifactInfo(key=key, size=len(content), etag=etag, modified_at=self._clock().astimezone(UTC))
            self._state.objects[key] = Artifact(info=info, data=content)
            return info

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        """See :meth:`ArtifactStore.get`."""
        check_range(start, stop)
        found = self._found(key, "get")
        return Artifact(info=found.info, data=found.data[start:stop])

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        """See :meth:`ArtifactStore.open`."""
        check_range(start)
        return io.BytesIO(self._found(key, "open").data[start:])

    def stat(self, key: str, /) -> ArtifactInfo:
        """See :meth:`ArtifactStore.stat`."""
        return self._found(key, "stat").info

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        """See :meth:`ArtifactStore.find`; as they are at the first step of the iterator."""
        yield from self._below(prefix)

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        """See :meth:`ArtifactStore.folders`; as they are at the time of the call."""
        check_folder_prefix(prefix)
        rests = (info.key.removeprefix(prefix).partition("/") for info in self._below(prefix))
        return iter(dict.fromkeys(folder for folder, slash, _ in rests if slash))

    def delete(self, key: str, /) -> None:
        """See :meth:`ArtifactStore.delete`."""
        check_key(key)
        with self._state.lock:
            self._state.objects.pop(key, None)

    def _found(self, key: str, operation: str) -> Artifact:
        check_key(key)
        with self._state.lock:
            if key in self._state.objects:
                return self._state.objects[key]
        raise no_object(
            key, operation=operation, backend=self._backend, why="it was never stored here, or it was removed"
        )

    def _below(self, prefix: str) -> list[ArtifactInfo]:
        with self._state.lock:
            keys = [key for key in self._state.objects if key.startswith(prefix)]
            return [self._state.objects[key].info for key in sorted(keys, key=str.encode)]


def _read(stream: BinaryIO) -> bytes:
    # A stream, like a connection, may give less at a time than it is asked for.
    return b"".join(iter(lambda: stream.read(_CHUNK), b""))


if TYPE_CHECKING:
    _conforms: type[ArtifactStore] = MemoryArtifactStore
