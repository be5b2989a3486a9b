"""A server that does not serve files: they lie in a bucket, to which every client goes by itself."""

from __future__ import annotations

import resource
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import pytest
import requests
from adapter_mlflow import MlflowPorts, MlflowSettings
from adapter_mlflow._direct_files import DirectPlaces
from adapter_mlflow._errors import telling
from adapter_mlflow.redaction import without_credentials
from mlflow.store.artifact import artifact_repository_registry
from mlops_core.errors import ConfigurationError, IntegrityError, MlopsError
from mlops_core.models.cache import PackageCache
from mlops_core.secret import Secret
from mlops_core.testing import make_package

from tests.contract.mlflow_subjects import IMPATIENT
from tests.contract.s3_subjects import BUCKET, S3Server
from tests.servers.mlflow_servers import ADMIN
from tests.servers.s3_servers import ACCESS_KEY, SECRET_KEY, ministack

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("bucket")
    with ministack(folder) as url:
        yield S3Server.at(url, folder)


@pytest.fixture
def bucket_in_the_environment(bucket: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", bucket.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return bucket


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
    open_at: Open, experiment: str, bucket_in_the_environment: S3Server, tmp_path: Path
) -> None:
    bucket = bucket_in_the_environment
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


@contextmanager
def no_room(size: int) -> Generator[None]:
    """No file of this process can grow beyond a size: a full disk, near enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_no_fault_of_the_server(open_at: Open, bucket_in_the_environment: S3Server) -> None:
    ports, model = open_at(f"s3://{BUCKET}/full-disk"), f"churn-{uuid4().hex}"
    package = make_package("in a bucket", large__bin=b"0123456789abcdef" * 200_000)
    with no_room(100_000), pytest.raises(MlopsError, match="copied on this machine") as caught:
        ports.registry.register(model, package, operation_id="op")
    assert "TMPDIR" in caught.value.hint
    assert ports.registry.register(model, package, operation_id="op").version == 1


@pytest.mark.parametrize(
    "root", ["ftp://somebody:canary@127.0.0.1:9/mlflow", "wasbs://box@account.example/mlflow?sig=canary"]
)
def test_what_an_address_keeps_secret_is_not_shown(root: str) -> None:
    # Such a place is for whoever starts a server to choose: nobody can ask a running one for it.
    with pytest.raises(MlopsError) as caught, telling("files", subject="a run", backend="team"):
        DirectPlaces("http://127.0.0.1:9").at(root).list("")
    shown = "".join(traceback.format_exception(caught.value))
    assert root.partition(":")[0] in shown
    assert "canary" not in shown


def test_the_sdk_has_one_repository_for_each_place_and_few_in_all() -> None:
    places = DirectPlaces("http://127.0.0.1:9")
    first = places.at("s3://bucket/0")
    assert places.at("s3://bucket/0") is first
    for each in range(1, 20):
        places.at(f"s3://bucket/{each}")
    assert places.at("s3://bucket/0") is not first


def test_a_place_that_does_not_answer_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, give_up = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> object:
        asked.set()
        give_up.wait(30)
        return object()

    schemes: Any = artifact_repository_registry.get_registered_artifact_repositories()
    monkeypatch.setitem(schemes, "slow", slow)  # as a plugin of MLflow's would
    places = DirectPlaces("http://127.0.0.1:9")
    thread = threading.Thread(target=places.at, args=("slow://nowhere/0",))
    thread.start()
    assert asked.wait(30)
    assert places.at("s3://bucket/0")
    assert thread.is_alive()
    give_up.set()
    thread.join()


def test_a_short_name_of_a_user_spoils_no_text(tmp_path: Path) -> None:
    for name, value in (("user", "a"), ("password", "canary")):
        (tmp_path / name).write_text(value)
    settings = MlflowSettings(
        tracking_uri="http://127.0.0.1:9",
        username=Secret(file=tmp_path / "user"),
        password=Secret(file=tmp_path / "password"),
    )
    said = "user a (mail a@example.org) has no canary at ftp://box:canary@host/x and https://host/y?sig=1"
    shown = "user *** (mail ***@example.org) has no *** at ftp://box:***@host/x and https://host/y?***"
    assert without_credentials(said, settings) == shown


@pytest.mark.parametrize("location", ["file:///srv/mlflow", "/srv/mlflow"])
def test_a_folder_of_the_servers_machine_is_refused_with_a_sentence(open_at: Open, location: str) -> None:
    registry, model = open_at(location).registry, f"churn-{uuid4().hex}"
    with pytest.raises(ConfigurationError, match="serve-artifacts"):
        registry.register(model, make_package("a"), operation_id="op")
    assert list(registry.versions(model)) == []
