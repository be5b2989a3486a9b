"""Files of runs that are large, and connections that break while they are read."""

from __future__ import annotations

import hashlib
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from adapter_mlflow import MlflowPorts, MlflowSettings
from mlops_core.errors import BackendError, BackendUnavailableError

from tests.servers.http_proxy import PASS, Fate

from .tracker_places import place_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.http_proxy import Request
    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket

MIB = 1 << 20
LARGE = 96
"""MiB of a file that must not be in memory as a whole."""
CONTENT = bytes(range(256)) * 12 * 1024
"""Three MiB."""


def test_a_large_file_is_never_in_memory(mlflow_on_sqlite: MlflowServer, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    digest = hashlib.sha256()
    with path.open("wb") as written:
        for number in range(LARGE):
            chunk = number.to_bytes(2, "big") * (MIB // 2)
            digest.update(chunk)
            written.write(chunk)
    settings = MlflowSettings(tracking_uri=mlflow_on_sqlite.url, workspace=mlflow_on_sqlite.new_workspace())
    ports = MlflowPorts(settings, backend="team")
    with ports.tracker.start_run("churn") as run:
        run.log_params({"connections": "open"})
        tracemalloc.start()
        try:
            run.log_files({"large.bin": path})
            read = hashlib.sha256()
            with ports.tracker.open_file(run.id, "large.bin") as stream:
                while chunk := stream.read(MIB):
                    read.update(chunk)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert read.digest() == digest.digest()
    assert [(each.path, each.size) for each in ports.tracker.files(run.id)] == [("large.bin", LARGE * MIB)]
    assert peak < 16 * MIB
    ports.close()


def test_reading_goes_on_where_the_connection_broke(mlflow_on_sqlite: MlflowServer) -> None:
    with place_on(mlflow_on_sqlite) as place, place.tracker.start_run("churn") as run:
        run.log_files({"a.bin": CONTENT})
        reads: list[str | None] = []

        def plan(request: Request) -> Fate:
            if not request.path.endswith("a.bin"):
                return PASS
            reads.append(request.headers.get("range"))
            return Fate(kind="break", length=2 * MIB) if len(reads) == 1 else PASS

        with place.proxy.planning(plan), place.tracker.open_file(run.id, "a.bin") as stream:
            assert stream.read() == CONTENT
        assert reads[0] is None
        assert len(reads) == 2
        assert reads[1] is not None
        assert 0 < int(reads[1].removeprefix("bytes=").removesuffix("-")) <= 2 * MIB


@pytest.mark.parametrize(
    ("status", "part"), [(200, None), (200, "bytes {start}-"), (206, None), (206, "bytes 1{start}-"), (206, "bytes 1-")]
)
def test_something_else_than_the_rest_is_not_taken_for_it(
    mlflow_on_sqlite: MlflowServer, status: int, part: str | None
) -> None:
    with place_on(mlflow_on_sqlite) as place, place.tracker.start_run("churn") as run:
        run.log_files({"a.bin": CONTENT})

        def plan(request: Request) -> Fate:
            if "range" not in request.headers:
                return Fate(kind="break", length=2 * MIB)
            start = request.headers["range"].removeprefix("bytes=").removesuffix("-")
            headers = {} if part is None else {"Content-Range": part.format(start=start)}
            return Fate(kind="answer", status=status, body=CONTENT, headers=headers)

        with (
            place.proxy.planning(lambda each: plan(each) if each.path.endswith("a.bin") else PASS),
            place.tracker.open_file(run.id, "a.bin") as stream,
            pytest.raises(BackendError, match="something else came"),
        ):
            stream.read()


def test_a_file_that_breaks_off_each_time_is_an_error_of_ours(mlflow_on_sqlite: MlflowServer) -> None:
    with place_on(mlflow_on_sqlite) as place, place.tracker.start_run("churn") as run:
        run.log_files({"a.bin": CONTENT})

        def plan(request: Request) -> Fate:
            first = "range" not in request.headers
            return Fate(kind="break", length=2 * MIB) if first else Fate(kind="cut")

        with place.tracker.open_file(run.id, "a.bin") as stream:
            assert stream.read(4) == CONTENT[:4]
        with (
            place.proxy.planning(lambda each: plan(each) if each.path.endswith("a.bin") else PASS),
            place.tracker.open_file(run.id, "a.bin") as stream,
            pytest.raises(BackendUnavailableError) as caught,
        ):
            stream.read()
        assert caught.value.operation == "open_file"
