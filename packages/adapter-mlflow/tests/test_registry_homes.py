"""The run that holds the files of a model's versions, and what becomes of them when somebody deletes it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from adapter_mlflow.package_homes import SECONDS, Home
from mlops_core.errors import IntegrityError
from mlops_core.stores.conditional_writes import Retries
from mlops_core.testing import make_package

from tests.servers.http_proxy import PASS, Fate

from .registry_places import Place, place_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter_mlflow import MlflowModelRegistry

    from tests.servers.http_proxy import Request
    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket
PACKAGE = make_package("a model")
FILES = 3


@pytest.fixture
def place(mlflow_on_sqlite: MlflowServer) -> Iterator[Place]:
    with place_on(mlflow_on_sqlite) as made:
        yield made


def run_of(place: Place, version: int) -> str:
    return place.rest.ask("model-versions/get", name="churn", version=version)["model_version"]["run_id"]


def is_deleted(place: Place, run: str) -> bool:
    return place.rest.ask("runs/get", run_id=run)["run"]["info"]["lifecycle_stage"] == "deleted"


def delete(place: Place, run: str) -> None:
    place.rest.tell("runs/delete", run_id=run)


def collect_garbage(place: Place, run: str) -> None:
    """What an administrator types."""
    server = place.rest.server
    database = f"sqlite:///{server.artifacts.parent}/mlflow.db"
    where = ["--backend-store-uri", database, "--workspace", place.rest.workspace, "--tracking-uri", server.url]
    quiet = {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, "-m", "mlflow", "gc", *where, "--run-ids", run]
    subprocess.run(command, env={**os.environ, **quiet}, capture_output=True, check=True, timeout=120)


def content(registry: MlflowModelRegistry, version: int) -> bytes:
    with registry.open(registry.get("churn", version), "model.bin") as stream:
        return stream.read()


def register(registry: MlflowModelRegistry, text: str) -> int:
    package = make_package(text)
    return registry.register("churn", package, operation_id=text.replace(" ", "-"), if_exists="new").version


def test_a_new_process_uses_no_run_in_the_trash(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    register(place.registry, "the first")
    first = run_of(place, 1)
    delete(place, first)
    with caplog.at_level(logging.WARNING):
        assert register(place.cold(), "the second") == 2
    assert run_of(place, 2) != first
    assert not is_deleted(place, run_of(place, 2))
    assert f"mlflow runs restore --run-id {first}" in caplog.text
    assert content(place.cold(), 1) == b"the first", "it can still be restored"
    collect_garbage(place, first)
    assert content(place.cold(), 2) == b"the second"
    with pytest.raises(IntegrityError, match="missing"):
        content(place.cold(), 1)


def test_an_instance_looks_at_its_run_again_after_some_minutes(place: Place) -> None:
    seconds = 0.0
    registry = place.another(retries=Retries(clock=lambda: seconds)).registry
    register(registry, "the first")
    first = run_of(place, 1)
    assert place.count(lambda: register(registry, "the second")) == FILES + 1
    seconds = SECONDS + 1
    registry.get("churn", 1)  # the model is there, then
    assert place.count(lambda: register(registry, "the third")) == FILES + 2
    seconds += SECONDS + 1
    assert place.count(lambda: register(registry, "the next")) == FILES + 3, "both are looked at"
    delete(place, first)
    seconds += SECONDS + 1
    assert register(registry, "the last") == 5
    assert run_of(place, 4) == first
    assert run_of(place, 5) != first


@pytest.mark.parametrize("knows", [True, False], ids=["an instance that remembers it", "another"])
def test_a_run_that_is_gone_is_replaced(place: Place, knows: bool) -> None:
    register(place.registry, "the first")
    first = run_of(place, 1)
    delete(place, first)
    collect_garbage(place, first)
    registry = place.registry if knows else place.cold()
    assert register(registry, "the second") == 2
    assert run_of(place, 2) != first
    assert content(place.cold(), 2) == b"the second"
    assert register(registry, "the third") == 3
    assert run_of(place, 3) == run_of(place, 2)
    assert list(place.back_door.numbers("churn")) == [3, 2, 1], "nothing was made twice"


@pytest.mark.parametrize("knows", [True, False], ids=["an instance that remembers it", "another"])
def test_the_run_of_the_caller_that_is_gone_is_left_out(place: Place, knows: bool) -> None:
    run = place.ports.tracker.start_run("training")
    run.finish()
    place.registry.register("churn", PACKAGE, operation_id="op", run=run.id)
    assert run_of(place, 1) == run.id
    delete(place, run.id)
    collect_garbage(place, run.id)
    registry = place.registry if knows else place.cold()
    made = registry.register("churn", make_package("another"), operation_id="op-2", run=run.id)
    assert run_of(place, 2) != run.id
    assert made.run == run.id, "what the caller has said stays in the record"
    assert content(place.cold(), 2) == b"another"


def test_the_run_of_the_caller_in_the_trash_is_left_out(place: Place) -> None:
    run = place.ports.tracker.start_run("training")
    run.finish()
    delete(place, run.id)
    place.registry.register("churn", PACKAGE, operation_id="op", run=run.id)
    assert run_of(place, 1) != run.id


def test_reading_an_old_version_changes_no_home(place: Place) -> None:
    register(place.registry, "the first")
    delete(place, run_of(place, 1))
    register(place.cold(), "the second")
    registry = place.cold()
    registry.get("churn", 1)
    assert register(registry, "the third") == 3
    assert run_of(place, 3) == run_of(place, 2)


def version_of_a_stranger(place: Place) -> str:
    """Version 1 of a model, made by hand in a private experiment as if its run were a carrier; gives the run."""
    experiment = place.rest.tell("experiments/create", name="private")["experiment_id"]
    run = place.rest.tell("runs/create", experiment_id=experiment)["run"]["info"]
    place.rest.tell("registered-models/create", name="churn")
    source = f"{run['artifact_uri']}/packages/churn/anything"
    place.rest.tell("model-versions/create", name="churn", source=source, run_id=run["run_id"])
    return run["run_id"]


@pytest.mark.parametrize("may_be_seen", [True, False])
def test_a_version_that_was_made_by_hand_brings_no_files_into_its_run(place: Place, may_be_seen: bool) -> None:
    private = version_of_a_stranger(place)
    forbidden = Fate(kind="answer", status=403, body=b"Permission denied")

    def plan(request: Request) -> Fate:
        return PASS if may_be_seen or private not in request.path else forbidden

    with place.proxy.planning(plan):
        assert register(place.registry, "ours") == 2
        assert register(place.cold(), "ours too") == 3
    assert run_of(place, 2) == run_of(place, 3) != private


def test_an_edited_tag_brings_no_files_into_the_run_of_a_caller(place: Place) -> None:
    run = place.ports.tracker.start_run("training")
    run.finish()
    place.registry.register("churn", PACKAGE, operation_id="op", run=run.id)
    place.rest.tell("model-versions/set-tag", name="churn", version="1", key="mlops.run", value="edited")
    assert register(place.cold(), "the second") == 2
    assert run_of(place, 2) != run.id


def test_the_run_of_a_caller_is_not_even_looked_at_for_others(place: Place) -> None:
    register(place.registry, "the first")
    run = place.ports.tracker.start_run("training")
    run.finish()
    place.registry.register("churn", PACKAGE, operation_id="op", run=run.id)
    assert place.count(lambda: register(place.cold(), "the third")) == FILES + 3
    assert run_of(place, 3) == run_of(place, 1)


def test_the_longest_address_of_a_package_fits_every_database() -> None:
    longest_root = "x" * 200  # what PostgreSQL keeps of a run; of a version's source it keeps 500
    home = Home("0" * 32, longest_root, until=0)
    assert len(home.package("m" * 63, "o" * 64, "0" * 64)) <= 500
