"""What an ``MLmodel`` asks to be trusted is trusted by nobody here, wherever the package lies.

That MLflow runs these packages is shown by ``packages/adapter-mlflow/tests/test_registry_trust.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mlops_core.errors import IntegrityError, UntrustedModelError
from mlops_core.models.cache import PackageCache
from mlops_core.models.loading import load_model
from mlops_core.models.trust import TrustPolicy

from .harmful_packages import (
    harmless_package,
    package_switched_to_pickle,
    package_that_lists_a_function,
    switched_to_pickle,
)
from .local_registry import local_registry
from .memory_back_doors import memory_registry
from .mlflow_subjects import Subjects
from .s3_subjects import s3_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_core.testing import RegistryUnderTest

    from ..servers.http_proxy import HttpProxy
    from ..servers.mlflow_servers import MlflowServer
    from .s3_subjects import S3Server


def load(subject: RegistryUnderTest, folder: Path) -> Any:
    cache = PackageCache(folder, 1 << 30)
    return load_model(subject.another(), "churn:1", cache=cache, trust=TrustPolicy()).estimator


class Trust:
    """What holds on every backend; a subclass gives the fixture ``subject``, an empty registry."""

    def test_an_mlmodel_that_lists_a_function_is_refused(self, subject: RegistryUnderTest, tmp_path: Path) -> None:
        trace = tmp_path / "trace"
        subject.registry.register("churn", package_that_lists_a_function(trace, tmp_path), operation_id="op")
        with pytest.raises(UntrustedModelError, match=r"subprocess\.getoutput"):
            load(subject, tmp_path / "cache")
        assert not trace.exists()

    def test_an_mlmodel_that_was_switched_to_pickle_is_refused(
        self, subject: RegistryUnderTest, tmp_path: Path
    ) -> None:
        trace = tmp_path / "trace"
        subject.registry.register("churn", harmless_package(tmp_path / "package"), operation_id="op")
        description = subject.back_door.read("churn", 1, "MLmodel")
        for path, data in switched_to_pickle(description, trace).items():
            subject.back_door.add("churn", 1, path, data)
        with pytest.raises(IntegrityError, match="MLmodel"):
            load(subject, tmp_path / "cache")
        assert not trace.exists()

    def test_one_that_was_registered_switched_decides_nothing(self, subject: RegistryUnderTest, tmp_path: Path) -> None:
        trace = tmp_path / "trace"
        package = package_switched_to_pickle(harmless_package(tmp_path / "package"), trace)
        subject.registry.register("churn", package, operation_id="op")
        assert load(subject, tmp_path / "cache").predict([[0.0], [1.0]]).tolist() == [0, 1]
        assert not trace.exists()


class TestTrustInMemory(Trust):
    @pytest.fixture
    def subject(self) -> RegistryUnderTest:
        return memory_registry()


class TestTrustInAFolder(Trust):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> RegistryUnderTest:
        return local_registry(tmp_path / "registry")


@pytest.mark.enable_socket
class TestTrustInABucket(Trust):
    @pytest.fixture
    def subject(self, ministack_server: S3Server, ministack_proxy: HttpProxy) -> RegistryUnderTest:
        return s3_registry(ministack_server, ministack_proxy)


@pytest.mark.enable_socket
class TestTrustOnMlflow(Trust):
    @pytest.fixture
    def subject(self, mlflow_on_sqlite: MlflowServer, tmp_path: Path) -> Iterator[RegistryUnderTest]:
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        with Subjects(mlflow_on_sqlite, secrets) as subjects:
            yield subjects.registry()
