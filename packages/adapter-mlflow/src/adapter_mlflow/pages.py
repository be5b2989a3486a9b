"""The addresses at which people see models and runs in a server's own pages."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one server.

    Attributes:
        address: Where people reach it, without a slash at its end.
        workspace: The workspace, on servers that have them; without it they show another one.
    """

    address: str
    workspace: str | None = None

    def model(self, name: str) -> str:
        """The page of a model."""
        return self._page(f"models/{quote(name, safe='')}")

    def version(self, model: str, number: int) -> str:
        """The page of a version."""
        return self._page(f"models/{quote(model, safe='')}/versions/{number}")

    def run(self, experiment_id: str, run_id: str) -> str:
        """The page of a run."""
        return self._page(f"experiments/{experiment_id}/runs/{run_id}")

    def _page(self, path: str) -> str:
        chosen = f"?workspace={quote(self.workspace, safe='')}" if self.workspace else ""
        return f"{self.address}/#/{path}{chosen}"
