"""A server that does not serve files: they lie in a bucket, to which every client goes by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

import pytest
import requests
from adapter_mlflow import MlflowPorts, MlflowSettings
from mlops_core.errors import ConfigurationError, IntegrityError
from mlops_core.models.cache import PackageCache
from mlops_core.secret import Secret
from mlops_core.testing import make_package

from tests.contract.mlflow_subjects import IMPATIENT
from tests.contract.s3_subjects import BUCKET, S3Server
from tests.servers.mlflow_servers import ADMIN
from tests.servers.s3_servers import ACCESS_KEY, SECRET_KEY, ministack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("bucket")
    with ministack(folder) as url:
        yield S3Server.at(url, folder)


class Open(Protocol):
    """Opens the ports on an experiment whose files lie at a location; each call opens others."""

    def __call__(self, location: str) -> MlflowPorts: ...


@pytest.fixture
def experiment() -> str:
    return f"elsewhere-{uuid4().hex}"


@pytest.fixture
def open_at(mlflow_for_users: MlflowServer, experiment: str, tmp_path: Path) -> Iterator[Open]:
    # Where a server has workspaces, an experiment's files have no place of their own.
    opened: list[MlflowPorts] = []
    for name, value in zip(("user", "password"), ADMIN, strict=True):
        (tmp_path / name).write_text(value)

    def open_ports(location: str) -> MlflowPorts:
        if not opened:
            body = {"name": experiment, "artifact_location": location}
            url = f"{mlflow_for_users.url}/api/2.0/mlflow/experiments/create"
            requests.post(url, json=body, auth=ADMIN, timeout=30).raise_for_status()
        settings = MlflowSettings(
            tracking_uri=mlflow_for_users.url,
            username=Secret(file=tmp_path / "user"),
            password=Secret(file=tmp_path / "password"),
            experiment=experiment,
        )
        opened.append(MlflowPorts(settings, backend="team", retries=IMPATIENT))
        return opened[-1]

    yield open_ports
    for each in opened:
        each.close()


def test_packages_and_files_go_to_the_bucket_and_come_back(
    open_at: Open, experiment: str, bucket: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", bucket.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    location, model = f"s3://{BUCKET}/mlflow", f"churn-{uuid4().hex}"
    ports = open_at(location)
    package = make_package("in a bucket", large__bin=b"0123456789abcdef" * 200_000)
    made = ports.registry.register(model, package, operation_id="op")
    fetched = PackageCache(tmp_path / "cache", 1 << 30).fetch(open_at(location).registry, made)
    assert {path: (fetched.folder / path).read_bytes() for path in package.files} == dict(package.files)
    listed = bucket.native.list_objects_v2(Bucket=BUCKET, Prefix="mlflow/")["Contents"]
    assert len(listed) == len(package.files)

    with ports.tracker.start_run(experiment) as run:
        run.log_files({"report/notes.txt": b"kept"})
    assert [each.path for each in ports.tracker.files(run.id)] == ["report/notes.txt"]
    with ports.tracker.open_file(run.id, "report/notes.txt") as stream:
        assert stream.read() == b"kept"

    (gone,) = [each["Key"] for each in listed if each["Key"].endswith("/model.bin")]
    bucket.native.delete_object(Bucket=BUCKET, Key=gone)
    with pytest.raises(IntegrityError, match=r"model\.bin"):
        open_at(location).registry.open(made, "model.bin")


@pytest.mark.parametrize("location", ["file:///srv/mlflow", "/srv/mlflow"])
def test_a_folder_of_the_servers_machine_is_refused_with_a_sentence(open_at: Open, location: str) -> None:
    registry, model = open_at(location).registry, f"churn-{uuid4().hex}"
    with pytest.raises(ConfigurationError, match="serve-artifacts"):
        registry.register(model, make_package("a"), operation_id="op")
    assert list(registry.versions(model)) == []
