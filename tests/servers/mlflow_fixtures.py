"""MLflow servers as fixtures: each is started once in a whole run, and only if a test asks for it.

A server takes ten seconds of both processors to start, so all tests that ask for the same one are run by the same
process: they need not say so, see :func:`pytest_collection_modifyitems`. They share it, and do not meet if each works in
workspaces of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from .mlflow_servers import mlflow_server, mlflow_with_users
from .postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .mlflow_servers import MlflowServer

_GROUPS: Final = {
    "mlflow_on_postgres": "mlflow-on-postgres",
    "mlflow_on_sqlite": "mlflow-on-sqlite",
    "mlflow_for_users": "mlflow-on-sqlite",  # some tests ask for both
}
"""Which process of the run has a test, by the server that it asks for."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the mark in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give all tests of one server to one process of the run."""
    for item in items:
        groups = {_GROUPS[name] for name in getattr(item, "fixturenames", ()) if name in _GROUPS}
        if groups:
            item.add_marker(pytest.mark.xdist_group(min(groups)))


@pytest.fixture(scope="session")
def mlflow_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A server on SQLite, with workspaces."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow-on-sqlite"), workspaces=True) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A server on PostgreSQL, with workspaces; ask ``has_postgres()`` before a test is defined."""
    folder = tmp_path_factory.mktemp("mlflow-on-postgres")
    with postgres(folder) as database, mlflow_server(folder, database=database, workspaces=True) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_for_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A server with basic authentication, on SQLite, without workspaces."""
    with mlflow_with_users(tmp_path_factory.mktemp("mlflow-for-users")) as server:
        yield server
