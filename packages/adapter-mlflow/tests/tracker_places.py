"""A tracker in a workspace of its own, through a proxy that counts and disturbs its requests."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapter_mlflow import MlflowExperimentTracker, MlflowSettings
from adapter_mlflow._client import MlflowRestClient
from adapter_mlflow.pages import Pages
from mlops_core.stores.conditional_writes import Retries

from tests.contract.mlflow_back_doors import Rest
from tests.contract.mlflow_subjects import refusal
from tests.servers.http_proxy import HttpProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from tests.servers.mlflow_servers import MlflowServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An empty place of a server.

    Attributes:
        tracker: The tracker.
        proxy: What its requests go through.
        rest: The same place without the adapter.
        waits: Seconds that the tracker believes to have passed since its beginning.
        at_pauses: What happens whenever it pauses before a request is made again, which takes no time.
    """

    tracker: MlflowExperimentTracker
    proxy: HttpProxy
    rest: Rest
    waits: list[float]
    at_pauses: list[Callable[[], object]]

    @contextmanager
    def requests(self, *expected: str) -> Generator[None]:
        """Exactly these requests are made, such as ``"POST runs/create"``."""
        before = len(self.proxy.log)
        yield
        made = [f"{each.method} {_short(each.path)}" for each in self.proxy.log[before:]]
        assert made == list(expected)


@contextmanager
def place_on(server: MlflowServer, *, page: int = 500) -> Generator[Place]:
    """An empty place for the time of a ``with``."""
    workspace = server.new_workspace()
    waits: list[float] = []
    at_pauses: list[Callable[[], object]] = []

    def sleep(_: float) -> None:
        for each in at_pauses:
            each()

    retries = Retries(sleep=sleep)
    with HttpProxy(server.url, refusal=refusal) as proxy:
        settings = MlflowSettings(tracking_uri=proxy.url, workspace=workspace, connect_timeout=2.0, read_timeout=20.0)
        client = MlflowRestClient(settings, retries=retries)
        tracker = MlflowExperimentTracker(
            client, backend="team", pages=Pages(server.url), retries=retries, page=page, monotonic=lambda: sum(waits)
        )
        yield Place(
            tracker=tracker,
            proxy=proxy,
            rest=Rest(server=server, workspace=workspace),
            waits=waits,
            at_pauses=at_pauses,
        )
        client.close()


def _short(path: str) -> str:
    return path.partition("?")[0].removeprefix("/api/2.0/mlflow/").removeprefix("/api/2.0/")
