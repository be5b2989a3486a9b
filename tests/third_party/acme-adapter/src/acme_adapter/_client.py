"""The way to the vendor: its SDK is imported here, on first use, and every request passes through :class:`Calls`."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final, TypeVar

from mlops_core.errors import BackendUnavailableError, translating_errors

from acme_adapter._errors import HINTS, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acme_vault import Page, VaultClient
    from mlops_core.errors import BackendError

    from acme_adapter.settings import AcmeSettings

Answer = TypeVar("Answer")
_ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.1


def open_client(settings: AcmeSettings) -> VaultClient:
    """The vendor's client. It makes no request, and reads the token.

    Raises:
        ConfigurationError: The token cannot be read.
    """
    from acme_vault import Vault, VaultClient

    return VaultClient(Vault(settings.path), settings.token.reveal())


class Calls:
    """Makes requests: the vendor's errors arrive as ours, and only here a request is made again.

    Args:
        client: The vendor's client, which never asks twice by itself.
        backend: The configured name of the backend.
        sleep: Waits for a number of seconds.
    """

    def __init__(self, client: VaultClient, *, backend: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.client = client
        self.backend = backend
        self._sleep = sleep
        self._chance = random.Random()

    def __call__(
        self,
        request: Callable[[VaultClient], Answer],
        *,
        what: str,
        operation: str,
        subject: str,
        done: Callable[[], Answer | None] | None = None,
    ) -> Answer:
        """The answer of a request, which is made again when nobody answers.

        Args:
            request: Makes it.
            what: What failed, if it fails.
            operation: The port's method.
            subject: What the method is applied to.
            done: For what must not be done twice: looks up the answer of the attempt whose outcome is unknown, and
                gives ``None`` if that attempt did nothing.

        Raises:
            BackendError: The vendor's error; ``BackendUnavailableError`` if nobody answered at any attempt.
        """
        attempt = 0
        while True:
            try:
                with translating_errors(
                    _classify, what=what, operation=operation, subject=subject, backend=self.backend, hint=HINTS
                ):
                    return request(self.client)
            except BackendUnavailableError:
                answer = None if done is None else done()
                if answer is not None:
                    return answer
                attempt += 1
                if attempt == _ATTEMPTS:
                    raise
            self._pause(attempt)

    def pages(
        self,
        page: Callable[[VaultClient, str | None], Page[Answer]],
        *,
        what: str,
        operation: str,
        subject: str,
    ) -> Iterator[Answer]:
        """Everything that a listing holds, one request for each page, made when it is reached."""
        cursor = None
        while True:
            found = self(
                lambda client, cursor=cursor: page(client, cursor), what=what, operation=operation, subject=subject
            )
            yield from found.items
            if found.cursor is None:
                return
            cursor = found.cursor

    def _pause(self, attempt: int) -> None:
        # Random, so that rivals drift apart.
        self._sleep(self._chance.uniform(0, _FIRST_PAUSE * 2**attempt))


def _classify(exc: Exception) -> type[BackendError] | None:
    from acme_vault import AcmeError

    return kind_of(exc) if isinstance(exc, AcmeError) else None
