"""A store whose requests can be lost, and whose replies can be: what a network does, for stores that have none."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from mlops_core.errors import AccessDeniedError, AuthenticationError, BackendUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from mlops_core.errors import BackendError
    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo, ArtifactStore, ArtifactStoreCapability

_Answer = TypeVar("_Answer")
_BROKEN: Final = "the connection broke"
_REFUSALS: Final = frozenset({AuthenticationError, AccessDeniedError})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What happens to the requests of a ``with``: none from ``cut_from`` on arrives, nor does the reply to ``lost``."""

    began: int = 0
    cut_from: int | None = None
    lost: int | None = None
    refused: type[BackendError] | None = None


class BreakableStore:
    """A store and the connection to it; see :class:`~mlops_core.testing.subjects.Connection`. Every call is a request.

    Args:
        store: Where the objects are.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self.inner = store
        self._lock = threading.Lock()
        self._requests = 0
        self._plan = _Plan()

    @property
    def requests(self) -> int:
        """See :attr:`Connection.requests`."""
        return self._requests

    @property
    def refusals(self) -> frozenset[type[BackendError]]:
        """See :attr:`Connection.refusals`."""
        return _REFUSALS

    @contextmanager
    def cut(self, *, after: int = 0) -> Generator[None]:
        """See :meth:`Connection.cut`."""
        with self._planning(_Plan(began=self._requests, cut_from=after)):
            yield

    @contextmanager
    def losing_reply(self, *, to: int = 0) -> Generator[None]:
        """See :meth:`Connection.losing_reply`."""
        with self._planning(_Plan(began=self._requests, lost=to)):
            yield

    @contextmanager
    def refusing(self, error: type[BackendError], /) -> Generator[None]:
        """See :meth:`Connection.refusing`."""
        with self._planning(_Plan(began=self._requests, refused=error)):
            yield

    @property
    def capabilities(self) -> ArtifactStoreCapability:
        """See :attr:`ArtifactStore.capabilities`."""
        return self.inner.capabilities

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        """See :meth:`ArtifactStore.put`."""
        return self._request(lambda: self.inner.put(key, data, if_absent=if_absent, if_match=if_match))

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        """See :meth:`ArtifactStore.get`."""
        return self._request(lambda: self.inner.get(key, start=start, stop=stop))

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        """See :meth:`ArtifactStore.open`."""
        return self._request(lambda: self.inner.open(key, start=start))

    def stat(self, key: str, /) -> ArtifactInfo:
        """See :meth:`ArtifactStore.stat`."""
        return self._request(lambda: self.inner.stat(key))

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        """See :meth:`ArtifactStore.find`."""
        yield from self._request(lambda: self.inner.find(prefix))

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        """See :meth:`ArtifactStore.folders`."""
        yield from self._request(lambda: self.inner.folders(prefix))

    def delete(self, key: str, /) -> None:
        """See :meth:`ArtifactStore.delete`."""
        self._request(lambda: self.inner.delete(key))

    @contextmanager
    def _planning(self, plan: _Plan) -> Generator[None]:
        before, self._plan = self._plan, plan
        try:
            yield
        finally:
            self._plan = before

    def _request(self, carry_out: Callable[[], _Answer]) -> _Answer:
        with self._lock:
            plan = self._plan
            number = self._requests - plan.began
            self._requests += 1
        if plan.refused is not None:
            raise plan.refused("the request was refused") from PermissionError("refused")
        if plan.cut_from is not None and number >= plan.cut_from:
            raise BackendUnavailableError(_BROKEN) from ConnectionRefusedError(_BROKEN)
        answer = carry_out()
        if number == plan.lost:
            raise BackendUnavailableError(_BROKEN) from ConnectionResetError(_BROKEN)
        return answer
