"""Calls that are suspended before each request to a store, to be resumed, finished or killed by a test."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, BinaryIO, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo, ArtifactStore, ArtifactStoreCapability

_Answer = TypeVar("_Answer")
_PATIENCE = 60.0


class Killed(BaseException):
    """The process died here."""


class Call:
    """A call in a thread of its own, of which only one runs at any time. It starts suspended.

    Args:
        store: The gate before which it is suspended.
        action: What it does.
    """

    def __init__(self, store: Gate, action: Callable[[], object]) -> None:
        self.result: object = None
        self.error: BaseException | None = None
        self.finished = False
        self._killed = False
        self._resumed = threading.Semaphore(0)
        self._suspended = threading.Semaphore(0)

        def run() -> None:
            store.enter(self)
            self._resumed.acquire()
            try:
                self._die_if_killed()
                self.result = action()
            except BaseException as exc:
                self.error = exc
            self.finished = True
            self._suspended.release()

        threading.Thread(target=run, daemon=True).start()

    def step(self, requests: int = 1) -> None:
        """Let it make so many requests, or end."""
        for _ in range(requests):
            if not self.finished:
                self._resumed.release()
                assert self._suspended.acquire(timeout=_PATIENCE)

    def finish(self) -> None:
        """Let it run to its end."""
        while not self.finished:
            self.step()

    def kill(self) -> None:
        """It makes no request any more."""
        self._killed = True
        self.finish()

    def suspend(self) -> None:
        """Called in its thread, before a request."""
        self._suspended.release()
        self._resumed.acquire()
        self._die_if_killed()

    def _die_if_killed(self) -> None:
        if self._killed:
            raise Killed


class Gate:
    """A store before which calls are suspended; who is no :class:`Call` goes through."""

    def __init__(self, store: ArtifactStore) -> None:
        self.inner = store
        self._here = threading.local()

    def enter(self, call: Call) -> None:
        """What this thread asks from now on belongs to a call."""
        self._here.call = call

    @property
    def capabilities(self) -> ArtifactStoreCapability:
        return self.inner.capabilities

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        return self._pass(lambda: self.inner.put(key, data, if_absent=if_absent, if_match=if_match))

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        return self._pass(lambda: self.inner.get(key, start=start, stop=stop))

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        return self._pass(lambda: self.inner.open(key, start=start))

    def stat(self, key: str, /) -> ArtifactInfo:
        return self._pass(lambda: self.inner.stat(key))

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        yield from self._pass(lambda: self.inner.find(prefix))

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        yield from self._pass(lambda: self.inner.folders(prefix))

    def delete(self, key: str, /) -> None:
        self._pass(lambda: self.inner.delete(key))

    def _pass(self, request: Callable[[], _Answer]) -> _Answer:
        call = getattr(self._here, "call", None)
        if call is not None:
            call.suspend()
        return request()
