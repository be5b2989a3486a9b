"""Options that cannot work are refused before any request, and no secret is shown."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from adapter_mlflow import MlflowBackend
from mlops_core.errors import ConfigurationError, UnsupportedOperationError

if TYPE_CHECKING:
    from pathlib import Path

NAME = {"env": "MLFLOW_TEST_NAME"}
WORD = {"env": "MLFLOW_TEST_WORD"}


def opened(folder: Path, **options: Any) -> MlflowBackend:
    return MlflowBackend("team", {"tracking_uri": "https://mlflow.example", **options}, base=folder)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tracking_uri": "mlflow.example"}, "'tracking_uri' is no address"),
        ({"tracking_uri": ""}, "'tracking_uri' is no address"),
        ({"tracking_uri": "http://"}, "'tracking_uri' is no address"),
        ({"tracking_uri": "http://[half"}, "'tracking_uri' is no address"),
        ({"tracking_uri": "http://host:port"}, "'tracking_uri' is no address"),
        ({"tracking_uri": "http://host/?a=b"}, "'tracking_uri' is no address"),
        ({"tracking_uri": "sqlite:///mlflow.db"}, "'tracking_uri' is no address"),
        ({"tracking_uri": "./mlruns"}, "'tracking_uri' is no address"),
        ({"tracking_uri": "databricks"}, "'tracking_uri' is no address"),
        ({"tracking_uri": "https://me:canary-password@host"}, "holds credentials"),
        ({"registry_uri": "https://me:canary-password@host"}, "holds credentials"),
        ({"registry_uri": "uc:/models"}, "'registry_uri' is no address"),
        ({"username": NAME}, "half of the credentials"),
        ({"password": WORD}, "half of the credentials"),
        ({"token": WORD, "username": NAME, "password": WORD}, "given twice"),
        ({"registry_uri": "https://models.example", "token": WORD}, "two servers"),
        ({"registry_uri": "http://mlflow.example", "username": NAME, "password": WORD}, "two servers"),
        ({"registry_uri": "https://mlflow.example:8443", "token": WORD}, "two servers"),
        ({"token": "canary-token"}, "must say where a secret is kept"),
        ({"ca_bundle": "ca.pem", "insecure_tls": True}, "pointless"),
        ({"tracking_uri": "http://host", "ca_bundle": "ca.pem"}, "without effect"),
        ({"tracking_uri": "http://host", "insecure_tls": True}, "without effect"),
        ({"tracking_uri": "http://host", "client_certificate": "c.pem"}, "without effect"),
        ({"workspace": " "}, "'workspace' is empty"),
        ({"experiment": " "}, "'experiment' cannot name"),
        ({"experiment": "x" * 251}, "'experiment' cannot name"),
        ({"experiment": "a\0b"}, "'experiment' cannot name"),
        ({"connect_timeout": 0.0}, "time-out"),
        ({"read_timeout": -1.0}, "time-out"),
        ({"read_timeout": math.nan}, "time-out"),
        ({"read_timeout": math.inf}, "time-out"),
        ({"insecure_tls": "yes"}, "'insecure_tls' cannot be used"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_with_a_sentence(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        opened(tmp_path, **options)
    assert words in str(caught.value)
    assert "canary" not in repr(caught.value) + str(caught.value)
    assert "backend" in caught.value.where


@pytest.mark.parametrize(
    "options",
    [
        {"registry_uri": "https://models.example"},
        {"registry_uri": "https://mlflow.example:443/models", "token": WORD},
    ],
    ids=str,
)
def test_the_registry_may_have_another_address(options: dict[str, Any], tmp_path: Path) -> None:
    opened(tmp_path, **options).close()


def test_a_missing_secret_is_told_when_it_is_needed_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TEST_WORD", raising=False)
    backend = opened(tmp_path, token=WORD)
    with pytest.raises(ConfigurationError, match="MLFLOW_TEST_WORD"):
        backend.model_registry().get("churn", 1)
    backend.close()


def test_a_certificate_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    backend = opened(tmp_path, ca_bundle="certificates/none.pem")
    with pytest.raises(ConfigurationError, match=r"ca_bundle"):
        backend.model_registry().get("churn", 1)
    backend.close()


def test_there_is_no_artifact_store(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOperationError, match="artifact_store"):
        opened(tmp_path).artifact_store()


def test_opening_loads_no_sdk_and_reads_no_environment(tmp_path: Path) -> None:
    program = """
import sys, pathlib
from adapter_mlflow import MlflowBackend
backend = MlflowBackend("team", {"tracking_uri": "http://127.0.0.1:9"}, base=pathlib.Path(sys.argv[1]))
backend.model_registry(), backend.experiment_tracker()
assert not {"mlflow", "requests", "urllib3"} & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)
