"""The contract of the model registry on the adapter ``mlflow``, on SQLite and on PostgreSQL: no gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlops_core.testing import ConnectedModelRegistryContract

from ..servers.postgres import has_postgres
from .mlflow_subjects import AGAINST, VERSIONS_ON_SQLITE, Subjects, versions_on_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlops_core.testing import RegistryUnderTest

    from ..servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket


class TestMlflowModelRegistryOnSqlite(ConnectedModelRegistryContract):
    contract_version = 1
    backend = "mlflow (SQLite)"
    against = AGAINST
    versions = VERSIONS_ON_SQLITE
    programmes = 3
    every_nth = 3

    @pytest.fixture
    def fresh_registry(
        self, mlflow_on_sqlite: MlflowServer, tmp_path: Path
    ) -> Iterator[Callable[[], RegistryUnderTest]]:
        with Subjects(mlflow_on_sqlite, tmp_path) as subjects:
            yield subjects.registry


if has_postgres():

    class TestMlflowModelRegistryOnPostgres(ConnectedModelRegistryContract):
        contract_version = 1
        backend = "mlflow (PostgreSQL)"
        against = AGAINST
        versions = versions_on_postgres()
        programmes = 3
        every_nth = 5

        @pytest.fixture
        def fresh_registry(
            self, mlflow_on_postgres: MlflowServer, tmp_path: Path
        ) -> Iterator[Callable[[], RegistryUnderTest]]:
            with Subjects(mlflow_on_postgres, tmp_path) as subjects:
                yield subjects.registry
