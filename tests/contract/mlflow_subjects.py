"""The adapter ``mlflow`` as a subject of the contracts: on a real server, through a proxy that can be broken.

Each subject has a workspace of its own on a server that others use too.
"""

from __future__ import annotations

from importlib.metadata import version
from sqlite3 import sqlite_version
from typing import TYPE_CHECKING, Final, Self

from adapter_mlflow.backend import MlflowPorts
from adapter_mlflow.settings import MlflowSettings
from mlops_core.errors import AccessDeniedError
from mlops_core.secret import Secret
from mlops_core.stores.conditional_writes import Retries
from mlops_core.testing import RegistryUnderTest, TrackerUnderTest

from ..servers.http_proxy import Fate, HttpProxy
from ..servers.postgres import postgres_version
from .mlflow_back_doors import RegistryBackDoor, Rest, TrackerBackDoor

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.errors import BackendError

    from ..servers.mlflow_servers import MlflowServer

AGAINST: Final = "a server of two workers over HTTP, artifacts proxied"
VERSIONS_ON_SQLITE: Final = {"mlflow": version("mlflow"), "SQLite": sqlite_version}
PASSWORD: Final = "canary-password"
"""A server without users ignores it; it must appear nowhere."""
IMPATIENT: Final = Retries(sleep=lambda _: None)


def versions_on_postgres() -> dict[str, str]:
    """Versions of the server and of its database, which is installed."""
    return {"mlflow": version("mlflow"), "PostgreSQL": postgres_version()}


def refusal(error: type[BackendError]) -> Fate:
    """What MLflow's basic authentication answers to whom it does not know, or does not allow something."""
    status, text = (403, b"Permission denied") if error is AccessDeniedError else (401, b"You are not authenticated.")
    return Fate(kind="answer", status=status, body=text, headers={"Content-Type": "text/html; charset=utf-8"})


def settings(url: str, workspace: str, secrets: Path) -> MlflowSettings:
    """Settings of a workspace; a name and a password are in files of a folder."""
    return MlflowSettings(
        tracking_uri=url,
        workspace=workspace,
        username=Secret(file=secrets / "user"),
        password=Secret(file=secrets / "password"),
        connect_timeout=2.0,
        read_timeout=20.0,
    )


class Subjects:
    """Makes subjects on a server, one proxy for all of them; a context manager that closes what it has made.

    Args:
        server: The server, which has workspaces.
        folder: Where name and password go.
    """

    def __init__(self, server: MlflowServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._proxy = HttpProxy(server.url, refusal=refusal)
        self._opened: list[MlflowPorts] = []
        (folder / "user").write_text("somebody")
        (folder / "password").write_text(PASSWORD)

    def __enter__(self) -> Self:
        self._proxy.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._opened:
            each.close()
        self._proxy.__exit__()

    def registry(self) -> RegistryUnderTest:
        """An empty registry."""
        workspace = self._server.new_workspace()
        return RegistryUnderTest(
            registry=self._ports(self._proxy.url, workspace).registry,
            another=lambda: self._ports(self._server.url, workspace).registry,
            back_door=RegistryBackDoor(Rest(server=self._server, workspace=workspace)),
            connection=self._proxy,
            secrets=(PASSWORD,),
        )

    def tracker(self) -> TrackerUnderTest:
        """An empty tracker."""
        workspace = self._server.new_workspace()
        return TrackerUnderTest(
            tracker=self._ports(self._proxy.url, workspace).tracker,
            another=lambda: self._ports(self._server.url, workspace).tracker,
            back_door=TrackerBackDoor(Rest(server=self._server, workspace=workspace)),
            connection=self._proxy,
            secrets=(PASSWORD,),
        )

    def _ports(self, url: str, workspace: str) -> MlflowPorts:
        own = settings(url, workspace, self._folder)
        ports = MlflowPorts(own, backend="team", retries=IMPATIENT, pages=self._server.url)
        self._opened.append(ports)
        return ports
