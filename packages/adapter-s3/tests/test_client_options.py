"""What the settings make of the SDK's client; no request is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from adapter_s3 import S3Settings
from adapter_s3._client import S3Client
from mlops_core.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

FULL = {"access_key_id": "key", "secret_access_key": "secret", "session_token": "token"}


@pytest.fixture(autouse=True)
def _no_settings_of_this_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def client(folder: Path, **options: Any) -> Any:
    for name, content in FULL.items():
        (folder / name).write_text(content)
    given: dict[str, Any] = {name: Secret(file=folder / name) for name in FULL}
    asked: dict[str, Any] = {"region": "eu-central-1", **given, **options}
    return S3Client(S3Settings(bucket="models", **asked)).native


def test_amazon_is_asked_as_its_sdk_asks(tmp_path: Path) -> None:
    found = client(tmp_path)
    assert found.meta.region_name == "eu-central-1"
    assert found.meta.endpoint_url == "https://s3.eu-central-1.amazonaws.com"
    assert found.meta.config.request_checksum_calculation == "when_supported"
    assert found.meta.config.response_checksum_validation == "when_supported"
    assert found.meta.config.s3["addressing_style"] == "auto"


@pytest.mark.parametrize("by", ["option", "environment"])
def test_another_service_is_asked_in_the_plain_way(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://s3.example.com"
    if by == "environment":
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    found = client(tmp_path, region=None, **({"endpoint_url": url} if by == "option" else {}))
    assert found.meta.region_name == "us-east-1"
    assert found.meta.endpoint_url == url
    assert found.meta.config.request_checksum_calculation == "when_required"
    assert found.meta.config.s3["addressing_style"] == "path"


def test_an_address_of_the_environment_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.example.com")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert client(tmp_path).meta.endpoint_url == "https://s3.eu-central-1.amazonaws.com"


def test_every_option_arrives(tmp_path: Path) -> None:
    found = client(tmp_path, path_style=True, checksums="when_required", connect_timeout=1.5, read_timeout=2.5)
    assert found.meta.config.s3["addressing_style"] == "path"
    assert found.meta.config.request_checksum_calculation == "when_required"
    assert (found.meta.config.connect_timeout, found.meta.config.read_timeout) == (1.5, 2.5)
    assert found.meta.config.retries["total_max_attempts"] == 1
    address = found.generate_presigned_url("get_object", Params={"Bucket": "models", "Key": "a"})
    assert address.startswith("https://s3.eu-central-1.amazonaws.com/models/a?")
    assert "X-Amz-Security-Token=token" in address
    assert "X-Amz-Credential=key" in address
