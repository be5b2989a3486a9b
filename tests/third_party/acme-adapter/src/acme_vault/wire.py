"""What lies between the client and the vault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from acme_vault.records import Request


class Wire(Protocol):
    """Carries one request to the vault and its answer back."""

    def send(self, request: Request, /) -> object:
        """The vault's answer.

        Raises:
            AcmeError: What the vault says, or that it cannot be reached.
        """
        ...
