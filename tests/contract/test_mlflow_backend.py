"""The contract of the factory on the adapter ``mlflow``; it asks no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_mlflow import MlflowBackend
from mlops_core.testing import BackendContract, BackendUnderTest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.ports.backend import OptionValue


class TestMlflowBackend(BackendContract):
    contract_version = 1
    backend = "mlflow"

    @pytest.fixture
    def fresh_backend(self, tmp_path: Path) -> Callable[[], BackendUnderTest]:
        options: dict[str, OptionValue] = {"tracking_uri": "http://127.0.0.1:1", "experiment": "models"}
        return lambda: BackendUnderTest(open=MlflowBackend, adapter="mlflow", options=options, base=tmp_path)
