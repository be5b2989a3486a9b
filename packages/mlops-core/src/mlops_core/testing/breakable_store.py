"""A store whose requests can be lost, and whose replies can be: what a network does, for stores that have none."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

from mlops_core.errors import AccessDeniedError, AuthenticationError, BackendUnavailableError
from mlops_core.stores.keys import check_folder_prefix, check_key
from mlops_core.stores.store_arguments import check_put, check_range

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from mlops_core.errors import BackendError
    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo, ArtifactStore, ArtifactStoreCapability

_Answer = TypeVar("_Answer")
_BROKEN: Final = "the connection broke"
_LATER: Final = "try again later"
_REFUSALS: Final = frozenset({AuthenticationError, AccessDeniedError})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What happens to the requests of a ``with``: none from ``cut_from`` on arrives, nor does the reply to ``lost``."""

    began: int = 0
    cut_from: int | None = None
    lost: int | None = None
    refused: type[BackendError] | None = None


class BreakableStore:
    """A store and the connection to it; see :class:`~mlops_core.testing.subjects.Connection`.

    Every call is a request, but for one whose arguments are refused before any request.

    Args:
        store: Where the objects are.
        backend: The configured name, for messages.
    """

    def __init__(self, store: ArtifactStore, *, backend: str = "home") -> None:
        self.inner = store
        self._backend = backend
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
        check_put(self, key, data, if_absent=if_absent, if_match=if_match, backend=self._backend)
        return self._request("put", key, lambda: self.inner.put(key, data, if_absent=if_absent, if_match=if_match))

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        """See :meth:`ArtifactStore.get`."""
        check_key(key)
        check_range(start, stop)
        return self._request("get", key, lambda: self.inner.get(key, start=start, stop=stop))

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        """See :meth:`ArtifactStore.open`."""
        check_key(key)
        check_range(start)
        return self._request("open", key, lambda: self.inner.open(key, start=start))

    def stat(self, key: str, /) -> ArtifactInfo:
        """See :meth:`ArtifactStore.stat`."""
        check_key(key)
        return self._request("stat", key, lambda: self.inner.stat(key))

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        """See :meth:`ArtifactStore.find`."""
        yield from self._request("find", prefix, lambda: self.inner.find(prefix))

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        """See :meth:`ArtifactStore.folders`."""
        check_folder_prefix(prefix)
        yield from self._request("folders", prefix, lambda: self.inner.folders(prefix))

    def delete(self, key: str, /) -> None:
        """See :meth:`ArtifactStore.delete`."""
        check_key(key)
        self._request("delete", key, lambda: self.inner.delete(key))

    @contextmanager
    def _planning(self, plan: _Plan) -> Generator[None]:
        before, self._plan = self._plan, plan
        try:
            yield
        finally:
            self._plan = before

    def _request(self, operation: str, subject: str, carry_out: Callable[[], _Answer]) -> _Answer:
        with self._lock:
            plan = self._plan
            number = self._requests - plan.began
            self._requests += 1

        def failed(kind: type[BackendError], why: str, hint: str) -> BackendError:
            what = f"{operation} of {subject!r} failed"
            return kind(what, operation=operation, subject=subject, backend=self._backend, why=why, hint=hint)

        if plan.refused is not None:
            why = "the request was refused"
            raise failed(plan.refused, why, "check who asks, and what they may do") from PermissionError(why)
        if plan.cut_from is not None and number >= plan.cut_from:
            raise failed(BackendUnavailableError, _BROKEN, _LATER) from ConnectionRefusedError(_BROKEN)
        answer = carry_out()
        if number == plan.lost:
            raise failed(BackendUnavailableError, _BROKEN, _LATER) from ConnectionResetError(_BROKEN)
        return answer
