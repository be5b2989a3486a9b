"""MLflow servers of this host: two workers, on SQLite or PostgreSQL, artifacts proxied into a folder."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import requests

from .processes import free_port, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

ADMIN: Final = ("admin", "canary-admin-password")
"""Name and password of the administrator of :func:`mlflow_with_users`."""
STRANGER: Final = ("stranger", "canary-stranger-password")
"""Name and password of a user whom :func:`mlflow_with_users` knows, and allows nothing."""
_STARTING = 120.0
_ANSWER = 30.0
_QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight more processes
    "PYTHONDONTWRITEBYTECODE": "",  # each of three processes would compile all of it anew
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowServer:
    """A running server.

    Attributes:
        url: Its address.
        artifacts: The folder in which its artifacts lie: ``mlflow-artifacts:/1/x`` is the file ``1/x`` of it.
    """

    url: str
    artifacts: Path

    def new_workspace(self) -> str:
        """Make an empty workspace, which shares nothing with any other; only where the server has workspaces.

        Returns:
            Its name.
        """
        name = f"test-{uuid4().hex}"
        made = requests.post(f"{self.url}/api/3.0/mlflow/workspaces", json={"name": name}, timeout=_ANSWER)
        made.raise_for_status()
        return name


@contextmanager
def mlflow_server(
    folder: Path, *, database: str | None = None, workspaces: bool = False, options: Sequence[str] = ()
) -> Generator[MlflowServer]:
    """A server for the time of a ``with``.

    Args:
        folder: Where its log, its artifacts and, without ``database``, its data go.
        database: SQLAlchemy's address of an empty database; SQLite in the folder by default.
        workspaces: Whether it has workspaces, so that tests which share it need not meet.
        options: More options of ``mlflow server``.
    """
    own = ["--enable-workspaces"] if workspaces else []
    with _served(folder, database=database, options=[*own, *options], env={}) as server:
        yield server


@contextmanager
def mlflow_with_users(folder: Path) -> Generator[MlflowServer]:
    """A server with basic authentication, which knows an :data:`ADMIN` and a :data:`STRANGER`."""
    settings = folder / "users.ini"
    settings.write_text(_USERS.format(folder=folder, admin=ADMIN[0]))
    env = {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": uuid4().hex,
    }
    with _served(folder, database=None, options=["--app-name", "basic-auth"], env=env) as server:
        user = {"username": STRANGER[0], "password": STRANGER[1]}
        made = requests.post(f"{server.url}/api/2.0/mlflow/users/create", json=user, auth=ADMIN, timeout=_ANSWER)
        made.raise_for_status()
        yield server


@contextmanager
def _served(
    folder: Path, *, database: str | None, options: Sequence[str], env: Mapping[str, str]
) -> Generator[MlflowServer]:
    port, log, artifacts = free_port(), folder / "mlflow.log", folder / "artifacts"
    artifacts.mkdir()
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--artifacts-destination", str(artifacts)]
    data = ["--backend-store-uri", database or f"sqlite:///{folder}/mlflow.db"]
    command = [sys.executable, "-m", "mlflow", "server", *where, *data, *options]
    # A developer's own MLFLOW_ variables decide nothing.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "_MLFLOW_"))}
    with running(command, log=log, env={**inherited, **_QUIET, **env}, folder=folder) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _healthy(url), process, log=log, seconds=_STARTING)
        yield MlflowServer(url=url, artifacts=artifacts)


def _healthy(url: str) -> bool:
    # The port is bound before a worker accepts: an early question waits until its time is out.
    with suppress(requests.RequestException):
        return requests.get(f"{url}/health", timeout=2).ok
    return False


_USERS = """
[mlflow]
admin_username = {admin}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
database_uri = sqlite:///{folder}/users.db
default_permission = NO_PERMISSIONS
"""
