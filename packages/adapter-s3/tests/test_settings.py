"""Options that cannot work are refused before any request, and no secret is shown."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from adapter_s3 import S3Backend, S3Settings
from mlops_core.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

KEY = {"env": "S3_TEST_KEY"}
SECRET = {"env": "S3_TEST_SECRET"}


def opened(folder: Path, **options: Any) -> S3Backend:
    return S3Backend("lake", {"bucket": "models", **options}, base=folder)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bucket": " "}, "'bucket' is empty"),
        ({"bucket": "s3://models"}, "it is the name only"),
        ({"bucket": "models/teams"}, "it is the name only"),
        ({"endpoint_url": "http://host/models/"}, "endpoint_url = 'http://host'"),
        ({"access_key_id": KEY}, "half of the credentials"),
        ({"secret_access_key": SECRET}, "half of the credentials"),
        ({"session_token": SECRET}, "belongs to an access key"),
        ({"profile": "a", "access_key_id": KEY, "secret_access_key": SECRET}, "given twice"),
        ({"kms_key_id": "k"}, "kms_key_id is without effect"),
        ({"kms_key_id": "k", "encryption": "aes256"}, "kms_key_id is without effect"),
        ({"endpoint_url": "s3.example.com"}, "no address"),
        ({"endpoint_url": "http://"}, "no address"),
        ({"endpoint_url": "http://[half"}, "no address"),
        ({"endpoint_url": "http://host:port"}, "no address"),
        ({"endpoint_url": "https://me:canary-password@host"}, "holds credentials"),
        ({"unsigned_payload": True}, "plain http"),
        ({"unsigned_payload": True, "endpoint_url": "https://host"}, "plain http"),
        ({"part_size": (5 << 20) - 1}, "'part_size' is out of range"),
        ({"part_size": (5 << 30) + 1}, "'part_size' is out of range"),
        ({"concurrency": 0}, "'concurrency' is too small"),
        ({"connect_timeout": 0.0}, "time-out"),
        ({"read_timeout": -1.0}, "time-out"),
        ({"read_timeout": math.nan}, "time-out"),
        ({"read_timeout": math.inf}, "time-out"),
        ({"prefix": "/a"}, "cannot begin a key"),
        ({"prefix": "a/"}, "the prefix 'a/' cannot begin a key"),
        ({"prefix": "a/../b"}, "cannot begin a key"),
        ({"encryption": "rot13"}, "'encryption' cannot be used"),
        ({"checksums": "never"}, "'checksums' cannot be used"),
        ({"path_style": "yes"}, "'path_style' cannot be used"),
        ({"access_key_id": "canary-key", "secret_access_key": SECRET}, "must say where a secret is kept"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_with_a_sentence(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        opened(tmp_path, **options)
    assert words in str(caught.value)
    assert "lake" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_an_unknown_option_is_answered_with_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'endpoint_url'"):
        opened(tmp_path, endpoint_ulr="http://host")


def test_a_bucket_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'bucket' is missing"):
        S3Backend("lake", {}, base=tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"prefix": "teams/risk"},
        {"endpoint_url": "http://127.0.0.1:9000", "unsigned_payload": True},
        {"encryption": "kms", "kms_key_id": "k"},
        {"access_key_id": KEY, "secret_access_key": SECRET, "session_token": {"file": "token"}},
        {"connect_timeout": 1, "part_size": 5 << 20, "concurrency": 1},
    ],
    ids=str,
)
def test_what_can_work_is_taken(options: dict[str, Any], tmp_path: Path) -> None:
    assert opened(tmp_path, **options).artifact_store().settings.bucket == "models"


def test_secrets_are_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_TEST_KEY", "canary-key")
    monkeypatch.setenv("S3_TEST_SECRET", "canary-secret")
    backend = opened(tmp_path, access_key_id=KEY, secret_access_key=SECRET)
    store = backend.artifact_store()
    assert store.native is store.native
    shown = [repr(each) for each in (backend, store, store.settings, backend.model_registry(), vars(store))]
    assert [each for each in shown if "canary" in each] == []


def test_a_missing_secret_is_told_at_the_first_use_without_a_request(tmp_path: Path) -> None:
    store = opened(tmp_path, access_key_id={"env": "S3_TEST_NOBODY_SET"}, secret_access_key=SECRET).artifact_store()
    with pytest.raises(ConfigurationError, match="S3_TEST_NOBODY_SET"):
        store.stat("a")


def test_a_profile_that_does_not_exist_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(ConfigurationError, match="rsik"):
        opened(tmp_path, profile="rsik").artifact_store().stat("a")


def test_the_sdk_is_loaded_at_the_first_request_and_not_before(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, adapter_s3\n"
        "b = adapter_s3.S3Backend('lake', {'bucket': 'models', 'region': 'eu-central-1'}, base=pathlib.Path('.'))\n"
        "b.model_registry(), b.experiment_tracker(), b.artifact_store(), repr(b.artifact_store()), b.close()\n"
        "print(sorted({'boto3', 'botocore', 'urllib3', 'ssl'} & set(sys.modules)))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_without_the_sdk_the_line_that_installs_it_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigurationError, match="pip install boto3"):
        opened(tmp_path).artifact_store().stat("a")


def test_settings_are_equal_by_value() -> None:
    assert S3Settings(bucket="a") == S3Settings(bucket="a") != S3Settings(bucket="b")
