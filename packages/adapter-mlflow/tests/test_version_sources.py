"""Sources that name a run or another model are followed on the server that is asked, and nowhere else."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import IntegrityError
from mlops_core.models.cache import PackageCache
from mlops_core.testing import make_package

from tests.servers.http_proxy import PASS, Fate

from .registry_places import Place, by_hand, place_on

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from mlops_core.testing.packages import MemoryPackage

    from tests.servers.http_proxy import Request
    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket
FILES = 3


@pytest.fixture
def place(mlflow_on_sqlite: MlflowServer) -> Iterator[Place]:
    with place_on(mlflow_on_sqlite) as made:
        yield made


@contextmanager
def another_server_in_the_environment(url: str, folder: Path) -> Generator[None]:
    """What MLflow's SDK would ask, and where it would put a database of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", url)
        patch.setenv("MLFLOW_REGISTRY_URI", url)
        patch.chdir(folder)
        yield
        assert list(folder.iterdir()) == []


def files_of(package: MemoryPackage) -> dict[str, bytes]:
    return {**package.files, "package.json": package.manifest.to_bytes()}


def point_at(place: Place, name: str, source: str, **more: object) -> None:
    place.rest.tell("registered-models/create", name=name)
    place.rest.tell("model-versions/create", name=name, source=source, **more)


def of_run(place: Place, package: MemoryPackage) -> str:
    """A model ``pointing`` whose source is a folder of a run; gives the run's id."""
    by_hand(place, files_of(package))
    run_id = place.rest.ask("model-versions/get", name="by-hand", version="1")["model_version"]["run_id"]
    point_at(place, "pointing", f"runs:/{run_id}/model", run_id=run_id)
    return run_id


def test_a_folder_of_a_run_is_that_of_the_server_that_was_asked(
    place: Place, mlflow_on_sqlite: MlflowServer, tmp_path: Path
) -> None:
    ours, theirs = make_package("ours"), make_package("theirs")
    folder = tmp_path / "empty"
    folder.mkdir()
    with place_on(mlflow_on_sqlite) as other:
        of_run(place, ours)
        of_run(other, theirs)
        for here, elsewhere, package in ((place, other, ours), (other, place, theirs)):
            before = elsewhere.proxy.requests
            with another_server_in_the_environment(elsewhere.proxy.url, folder):
                record = here.registry.get("pointing", 1)
                fetched = PackageCache(tmp_path / "cache", 1 << 30).fetch(here.registry, record)
            assert record.manifest == package.manifest
            assert (fetched.folder / "model.bin").read_bytes() == package.files["model.bin"]
            assert elsewhere.proxy.requests == before


def test_a_run_that_is_gone_is_told(place: Place) -> None:
    of_run(place, make_package("ours"))
    body = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run not found"}).encode()
    gone = Fate(kind="answer", status=404, body=body)
    with place.once(gone, "GET", "runs/get"), pytest.raises(IntegrityError, match="its run is gone"):
        place.registry.get("pointing", 1)


@pytest.mark.parametrize("source", ["runs:/", "models:/", "models:/other/1"])
def test_a_source_that_leads_nowhere_is_told(place: Place, source: str) -> None:
    of_run(place, make_package("ours"))
    leads_to = Fate(kind="answer", status=200, body=json.dumps({"artifact_uri": source}).encode())
    point_at(place, "other", "models:/pointing/1")
    with (
        place.once(leads_to, "GET", "get-download-uri"),
        pytest.raises(IntegrityError, match="leads to no files"),
    ):
        place.registry.get("other", 1)


@pytest.mark.parametrize("has_a_record", [True, False])
def test_where_the_files_of_a_copy_lie_is_asked_once(place: Place, tmp_path: Path, has_a_record: bool) -> None:
    package = make_package("original")
    if has_a_record:
        place.registry.register("by-hand", package, operation_id="op")
        found = place.rest.ask("model-versions/get", name="by-hand", version="1")["model_version"]
        point_at(place, "copy", "models:/by-hand/1", run_id=found["run_id"], tags=found["tags"])
    else:
        of_run(place, package)
        point_at(place, "copy", "models:/pointing/1")
    registry = place.cold()
    pinned = registry.latest("copy")

    def open_all() -> None:
        for path in package.manifest.paths:
            registry.open(pinned, path).close()

    files = FILES - 1  # package.json is a tag, or was made at reading
    assert place.count(open_all) == files + int(has_a_record)  # of the other it was asked at reading
    assert place.count(lambda: PackageCache(tmp_path / "cache", 1 << 30).fetch(registry, pinned)) == files + 1


def test_one_that_is_asked_for_in_vain_holds_up_no_other(place: Place) -> None:
    by_hand(place, files_of(make_package("slow")), "slow")
    by_hand(place, files_of(make_package("quick")), "quick")
    for each in ("slow", "quick"):
        found = place.rest.ask("model-versions/get", name=each, version="1")["model_version"]
        point_at(place, f"{each} copy", f"runs:/{found['run_id']}/model", run_id=found["run_id"])
    asked, answered = threading.Event(), threading.Event()
    run_of_slow = place.rest.ask("model-versions/get", name="slow", version="1")["model_version"]["run_id"]

    def plan(request: Request) -> Fate:
        if run_of_slow not in request.path or "runs/get" not in request.path:
            return PASS
        asked.set()
        return Fate(delay=5)

    def read_the_slow_one() -> None:
        place.registry.get("slow copy", 1)
        answered.set()

    with place.proxy.planning(plan):
        thread = threading.Thread(target=read_the_slow_one)
        thread.start()
        assert asked.wait(30)
        assert place.registry.get("quick copy", 1).version == 1
        assert not answered.is_set()
        thread.join()
    assert answered.is_set()
