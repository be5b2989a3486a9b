"""A wire that loses requests and replies, and asks with tokens that the vault refuses: what the contracts break."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from acme_vault import AcmeUnreachable
from mlops_core.errors import AccessDeniedError, AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from acme_vault import Request, Wire
    from mlops_core.errors import BackendError

SUSPENDED: Final = "a-suspended-token"
_REFUSED_TOKENS: Final[Mapping[type[BackendError], str]] = {
    AuthenticationError: "a-token-that-nobody-knows",
    AccessDeniedError: SUSPENDED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """What is wrong from request number ``began`` on."""

    began: int = 0
    cut_after: int | None = None
    lost: int | None = None
    token: str | None = None


class BreakableWire:
    """See :class:`mlops_core.testing.Connection`; the refusals are the vault's own.

    Args:
        wire: The wire that works.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = threading.Lock()
        self._requests = 0
        self._trouble = _Trouble()

    def send(self, request: Request, /) -> object:
        with self._lock:
            trouble = self._trouble
            number = self._requests - trouble.began
            self._requests += 1
        if trouble.token is not None:
            request = replace(request, token=trouble.token)
        if trouble.cut_after is not None and number >= trouble.cut_after:
            raise AcmeUnreachable("nobody answers")
        answer = self._wire.send(request)
        if number == trouble.lost:
            raise AcmeUnreachable("the connection broke before the answer was read")
        return answer

    @property
    def requests(self) -> int:
        return self._requests

    @property
    def refusals(self) -> frozenset[type[BackendError]]:
        return frozenset(_REFUSED_TOKENS)

    @contextmanager
    def cut(self, *, after: int = 0) -> Generator[None]:
        with self._having(_Trouble(began=self._requests, cut_after=after)):
            yield

    @contextmanager
    def losing_reply(self, *, to: int = 0) -> Generator[None]:
        with self._having(_Trouble(began=self._requests, lost=to)):
            yield

    @contextmanager
    def refusing(self, error: type[BackendError], /) -> Generator[None]:
        with self._having(_Trouble(began=self._requests, token=_REFUSED_TOKENS[error])):
            yield

    @contextmanager
    def _having(self, trouble: _Trouble) -> Generator[None]:
        self._trouble = trouble
        try:
            yield
        finally:
            self._trouble = _Trouble()
