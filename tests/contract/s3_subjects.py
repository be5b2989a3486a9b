"""The adapter ``s3`` as a subject of the contracts: on a real server, through a proxy that can be broken."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import boto3
from adapter_s3 import S3ArtifactStore, S3Settings
from botocore.config import Config
from mlops_core.errors import AccessDeniedError
from mlops_core.secret import Secret
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.stores.tracker import StoreExperimentTracker
from mlops_core.testing import RegistryUnderTest, StoreUnderTest, TrackerUnderTest

from ..servers.http_proxy import Fate, HttpProxy
from ..servers.s3_servers import ACCESS_KEY, SECRET_KEY
from .local_registry import FolderBackDoor as RegistryFolder
from .local_tracker import FolderBackDoor as TrackerFolder

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from mlops_core.errors import BackendError
    from mlops_core.manifest import Package
    from mlops_core.ports.experiment_tracker import MetricPoint

BUCKET = "contracts"
IMPATIENT = Retries(sleep=lambda _: None)
VERSIONS_OF_MINISTACK = {name: version(name) for name in ("ministack", "boto3")}


def versions_of_ceph() -> dict[str, str]:
    """Versions of Ceph's programs and of the SDK."""
    said = subprocess.run(["ceph", "--version"], check=True, capture_output=True, text=True).stdout
    return {"Ceph": said.split()[2], "boto3": version("boto3")}


def native_client(url: str) -> Any:
    """The SDK's own client, straight to a server."""
    return cast("Any", boto3).client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )


def refusal(error: type[BackendError]) -> Fate:
    """What S3 answers to whom it does not know, or does not allow something."""
    status, code = (403, "AccessDenied") if error is AccessDeniedError else (403, "InvalidAccessKeyId")
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message><RequestId>1</RequestId></Error>"
    return Fate(kind="answer", status=status, body=body.encode(), headers={"Content-Type": "application/xml"})


def settings(url: str, prefix: str, secrets: Path) -> S3Settings:
    """Settings of a bucket below a prefix, with credentials from files of a folder."""
    return S3Settings(
        bucket=BUCKET,
        prefix=prefix,
        endpoint_url=url,
        access_key_id=Secret(file=secrets / "key"),
        secret_access_key=Secret(file=secrets / "secret"),
        connect_timeout=2.0,
        read_timeout=10.0,
    )


class BucketBackDoor:
    """Reads and writes objects below a prefix with the SDK's own client."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = f"{prefix}/"

    def keys(self) -> Sequence[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=self._prefix)
        keys = [
            cast("str", each["Key"]).removeprefix(self._prefix) for page in pages for each in page.get("Contents", [])
        ]
        return [key for key in keys if not key.startswith("tmp/")]

    def read(self, key: str, /) -> bytes:
        return cast("bytes", self._client.get_object(Bucket=BUCKET, Key=self._prefix + key)["Body"].read())

    def write(self, key: str, data: bytes, /) -> None:
        self._client.put_object(Bucket=BUCKET, Key=self._prefix + key, Body=data)

    def remove(self, key: str, /) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=self._prefix + key)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """A running server: its address, the SDK's own client of it, and a folder with its credentials.

    Attributes:
        url: The address.
        native: The SDK's own client.
        folder: Holds the credentials, and what its bucket answered to the probe.
    """

    url: str
    native: Any
    folder: Path

    @classmethod
    def at(cls, url: str, folder: Path) -> S3Server:
        """A server that runs already; the bucket is made."""
        (folder / "key").write_text(ACCESS_KEY)
        (folder / "secret").write_text(SECRET_KEY)
        native = native_client(url)
        native.create_bucket(Bucket=BUCKET)
        return cls(url=url, native=native, folder=folder)

    def store(self, prefix: str, *, url: str | None = None) -> S3ArtifactStore:
        """A store below a prefix; that the bucket keeps conditions is remembered for all prefixes."""
        return S3ArtifactStore(
            settings(url or self.url, prefix, self.folder),
            backend="lake",
            retries=IMPATIENT,
            probe_memory=self.folder / "probes",
        )


class MirroredFolder:
    """A folder that holds what a bucket has below a prefix, for back doors that know files.

    Args:
        server: The server.
        prefix: The prefix.
        folder: Where the copy lies; it must not be there yet.
    """

    def __init__(self, server: S3Server, prefix: str, folder: Path) -> None:
        self._back_door = BucketBackDoor(server.native, prefix)
        self._folder = folder

    @contextmanager
    def __call__(self) -> Generator[Path]:
        """Copies the bucket to the folder, and what was changed there back to the bucket."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        before = {key: self._back_door.read(key) for key in self._back_door.keys()}  # noqa: SIM118 (it is no mapping)
        for key, data in before.items():
            (self._folder / key).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / key).write_bytes(data)
        yield self._folder
        files = [path for path in self._folder.rglob("*") if path.is_file()]
        after = {path.relative_to(self._folder).as_posix(): path.read_bytes() for path in files}
        for key, data in after.items():
            if before.get(key) != data:
                self._back_door.write(key, data)
        for key in before.keys() - after.keys():
            self._back_door.remove(key)


class RegistryBackDoor:
    """The registry's documents in a bucket, read and written as files; see ``ModelRegistryBackDoor``."""

    def __init__(self, mirror: MirroredFolder) -> None:
        self._mirror = mirror

    def numbers(self, model: str, /) -> Sequence[int]:
        with self._mirror() as folder:
            return RegistryFolder(folder).numbers(model)

    def aliases(self, model: str, /) -> Mapping[str, int]:
        with self._mirror() as folder:
            return RegistryFolder(folder).aliases(model)

    def tags(self, model: str, version: int, /) -> Mapping[str, str]:
        with self._mirror() as folder:
            return RegistryFolder(folder).tags(model, version)

    def read(self, model: str, version: int, path: str, /) -> bytes:
        with self._mirror() as folder:
            return RegistryFolder(folder).read(model, version, path)

    def damage(self, model: str, version: int, path: str, /) -> None:
        with self._mirror() as folder:
            RegistryFolder(folder).damage(model, version, path)

    def remove(self, model: str, version: int, path: str, /) -> None:
        with self._mirror() as folder:
            RegistryFolder(folder).remove(model, version, path)

    def add(self, model: str, version: int, path: str, data: bytes, /) -> None:
        with self._mirror() as folder:
            RegistryFolder(folder).add(model, version, path, data)

    def move_alias(self, model: str, alias: str, version: int, /) -> None:
        with self._mirror() as folder:
            RegistryFolder(folder).move_alias(model, alias, version)

    def make_model(self, model: str, package: Package, /) -> int:
        with self._mirror() as folder:
            return RegistryFolder(folder).make_model(model, package)


class TrackerBackDoor:
    """The tracker's documents in a bucket, read as files; see ``ExperimentTrackerBackDoor``."""

    def __init__(self, mirror: MirroredFolder) -> None:
        self._mirror = mirror

    def params(self, run_id: str, /) -> Mapping[str, str]:
        with self._mirror() as folder:
            return TrackerFolder(folder).params(run_id)

    def points(self, run_id: str, key: str, /) -> Sequence[MetricPoint]:
        with self._mirror() as folder:
            return TrackerFolder(folder).points(run_id, key)

    def tags(self, run_id: str, /) -> Mapping[str, str]:
        with self._mirror() as folder:
            return TrackerFolder(folder).tags(run_id)

    def file(self, run_id: str, path: str, /) -> bytes:
        with self._mirror() as folder:
            return TrackerFolder(folder).file(run_id, path)


def s3_registry(server: S3Server, proxy: HttpProxy) -> RegistryUnderTest:
    """An empty registry below a prefix of its own."""
    prefix = f"registry-{uuid4().hex}"

    def registry(url: str | None = None) -> StoreModelRegistry:
        return StoreModelRegistry(server.store(prefix, url=url), backend="lake", retries=IMPATIENT)

    return RegistryUnderTest(
        registry=registry(proxy.url),
        another=registry,
        back_door=RegistryBackDoor(MirroredFolder(server, prefix, server.folder / prefix)),
        connection=proxy,
        secrets=(SECRET_KEY,),
    )


def s3_tracker(server: S3Server, proxy: HttpProxy) -> TrackerUnderTest:
    """An empty tracker below a prefix of its own."""
    prefix = f"tracker-{uuid4().hex}"

    def tracker(url: str | None = None) -> StoreExperimentTracker:
        return StoreExperimentTracker(server.store(prefix, url=url), backend="lake", retries=IMPATIENT)

    return TrackerUnderTest(
        tracker=tracker(proxy.url),
        another=tracker,
        back_door=TrackerBackDoor(MirroredFolder(server, prefix, server.folder / prefix)),
        connection=proxy,
        secrets=(SECRET_KEY,),
    )


def s3_store(server: S3Server, proxy: HttpProxy) -> StoreUnderTest:
    """An empty store below a prefix of its own."""
    prefix = f"store-{uuid4().hex}"
    return StoreUnderTest(
        store=server.store(prefix, url=proxy.url),
        another=lambda: server.store(prefix),
        back_door=BucketBackDoor(server.native, prefix),
        connection=proxy,
        secrets=(SECRET_KEY,),
    )
