"""The table of permissions in docs/mlflow.md: who has what a row says may, and who has one level less may not."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest
import requests
from adapter_mlflow import MlflowPorts, MlflowSettings
from mlops_core.errors import AccessDeniedError, ModelNotFoundError
from mlops_core.operations.round_trips import try_registry
from mlops_core.secret import Secret
from mlops_core.testing import make_package

from tests.contract.mlflow_subjects import IMPATIENT
from tests.servers.http_proxy import PASS, Fate
from tests.servers.mlflow_servers import ADMIN

from .registry_places import place_on

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from adapter_mlflow import MlflowModelRegistry

    from tests.servers.http_proxy import Request
    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket

LEVELS: Final = ("", "READ", "EDIT", "MANAGE")
PACKAGE = make_package("a model")
PAGE = (Path(__file__).parents[3] / "docs/mlflow.md").read_text()
ROWS = {
    what.strip(): (experiment.strip(), model.strip())
    for what, experiment, model in re.findall(
        r"^\| (.+?) \|(.*?)\|(.*?)\|$", PAGE.partition("## Permissions")[2].partition("##")[0], re.MULTILINE
    )[1:]
    if "---" not in what
}


def load(ports: MlflowPorts, model: str) -> None:
    with ports.registry.open(ports.registry.resolve(model, "champion"), "model.bin") as stream:
        assert stream.read() == b"a model"


def look(ports: MlflowPorts, model: str) -> None:
    assert [each.version for each in ports.registry.versions(model)] == [2, 1]


def register(ports: MlflowPorts, model: str) -> None:
    assert ports.registry.register(model, PACKAGE, operation_id=uuid4().hex, if_exists="new").version == 3


def set_alias(ports: MlflowPorts, model: str) -> None:
    ports.registry.set_alias(model, "champion", 1)
    ports.registry.set_alias(model, "another", 1)


def set_tag(ports: MlflowPorts, model: str) -> None:
    ports.registry.set_tags(model, 1, {"team": "risk"})


def remove_tag(ports: MlflowPorts, model: str) -> None:
    ports.registry.set_tags(model, 1, {"stage": None})


def log_run(ports: MlflowPorts, model: str) -> None:
    with ports.tracker.start_run(model) as run:
        run.log_params({"depth": 3})
        run.log_metrics({"auc": 0.75})
        run.log_files({"a.txt": b"a"})
        run.set_tags({"stage": "try"})
        run.set_tags({"stage": None})


def read_run(ports: MlflowPorts, model: str) -> None:
    (run,) = ports.tracker.runs(model)
    with ports.tracker.open_file(run.id, "why.md") as stream:
        assert stream.read() == b"why"
    assert len(list(ports.tracker.metric_history(run.id, "auc"))) == 1


CALLS: Final[dict[str, tuple[Callable[[MlflowPorts, str], object], ...]]] = {
    "load a version": (load,),
    "list and resolve versions": (look, lambda ports, model: ports.registry.resolve(model, "champion")),
    "register a version": (register,),
    "set an alias, or a tag of a version": (set_alias, set_tag),
    "remove an alias, a tag of a version, a version, or a model": (
        lambda ports, model: ports.registry.delete_alias(model, "champion"),
        remove_tag,
        lambda ports, model: ports.registry.delete_version(model, 2),
        lambda ports, model: ports.registry.delete_model(model, force=True),
    ),
    "read runs": (read_run,),
    "log a run": (log_run,),
}
CASES = [pytest.param(row, call, id=f"{row}-{number}") for row in CALLS for number, call in enumerate(CALLS[row])]


@contextmanager
def opened(server: MlflowServer, folder: Path, user: str, password: str, experiment: str) -> Generator[MlflowPorts]:
    """A server as a user sees it; files of versions go to an experiment."""
    secrets = {"username": folder / f"{user}-name", "password": folder / f"{user}-password"}
    secrets["username"].write_text(user)
    secrets["password"].write_text(password)
    credentials: dict[str, Any] = {option: Secret(file=path) for option, path in secrets.items()}
    settings = MlflowSettings(tracking_uri=server.url, experiment=experiment, **credentials)
    ports = MlflowPorts(settings, backend="team", retries=IMPATIENT)
    yield ports
    ports.close()


@contextmanager
def guarded(server: MlflowServer, folder: Path, experiment: str, model: str) -> Generator[tuple[MlflowPorts, str]]:
    """An experiment and a model of one new name, as a new user sees them who has a level on each."""
    name, user, password = f"guarded-{uuid4().hex}", f"user-{uuid4().hex}", uuid4().hex
    with opened(server, folder, *ADMIN, name) as admin:
        admin.registry.register(name, PACKAGE, operation_id="op", tags={"stage": "try"})
        admin.registry.set_alias(name, "champion", 1)
        admin.registry.register(name, make_package("without an alias"), operation_id="free")
        with admin.tracker.start_run(name) as run:
            run.log_metrics({"auc": 0.75})
            run.log_files({"why.md": b"why"})
    tell(server, "2.0/mlflow/users/create", username=user, password=password)
    found = ask(server, "2.0/mlflow/experiments/get-by-name", experiment_name=name)["experiment"]["experiment_id"]
    for kind, resource, level in (("experiment", found, experiment), ("registered_model", name, model)):
        if level:
            grant = {"username": user, "resource_type": kind, "resource_id": resource, "permission": level}
            tell(server, "3.0/mlflow/users/permissions/grant", **grant)
    with opened(server, folder, user, password, name) as ports:
        yield ports, name


def ask(server: MlflowServer, path: str, **query: str) -> dict[str, Any]:
    answer = requests.get(f"{server.url}/api/{path}", params=query, auth=ADMIN, timeout=30)
    answer.raise_for_status()
    return answer.json()


def tell(server: MlflowServer, path: str, **body: str) -> None:
    requests.post(f"{server.url}/api/{path}", json=body, auth=ADMIN, timeout=30).raise_for_status()


def test_every_row_of_the_page_is_tried() -> None:
    assert set(ROWS) == set(CALLS)


@pytest.mark.parametrize(("row", "call"), CASES)
def test_who_has_what_the_row_says_may_and_who_has_one_level_less_may_not(
    mlflow_for_users: MlflowServer, tmp_path: Path, row: str, call: Callable[[MlflowPorts, str], object]
) -> None:
    experiment, model = ROWS[row]
    with guarded(mlflow_for_users, tmp_path, experiment, model) as (ports, name):
        call(ports, name)
    for lower in {(less(experiment), model), (experiment, less(model))} - {(experiment, model)}:
        with guarded(mlflow_for_users, tmp_path, *lower) as (ports, name), pytest.raises(AccessDeniedError):
            call(ports, name)


FORBIDDEN: Final = Fate(kind="answer", status=403, body=b"Forbidden", headers={"Content-Type": "text/plain"})
MISSING: Final = "nobody-has-made-it"
ASKED: Final[dict[str, Callable[[MlflowModelRegistry], object]]] = {
    "get": lambda registry: registry.get(MISSING, 1),
    "resolve": lambda registry: registry.resolve(MISSING, "champion"),
    "latest": lambda registry: registry.latest(MISSING),
    "versions": lambda registry: list(registry.versions(MISSING)),
    "set_alias": lambda registry: registry.set_alias(MISSING, "champion", 1),
    "set_tags": lambda registry: registry.set_tags(MISSING, 1, {"team": "risk"}),
}


def forbidding_versions(request: Request) -> Fate:
    return FORBIDDEN if "model-versions/get" in request.path or "/alias" in request.path else PASS


@pytest.mark.parametrize("ask_for", ASKED.values(), ids=list(ASKED))
def test_a_model_that_may_be_asked_for_is_told_missing_though_its_versions_may_not(
    mlflow_on_sqlite: MlflowServer, ask_for: Callable[[MlflowModelRegistry], object]
) -> None:
    with (
        place_on(mlflow_on_sqlite) as place,
        place.proxy.planning(forbidding_versions),
        pytest.raises(ModelNotFoundError),
    ):
        ask_for(place.registry)


def test_what_may_not_be_asked_for_may_be_missing_and_the_error_says_so(
    mlflow_for_users: MlflowServer, tmp_path: Path
) -> None:
    with guarded(mlflow_for_users, tmp_path, "READ", "READ") as (ports, _):
        with pytest.raises(AccessDeniedError) as caught:
            ports.registry.resolve(MISSING, "champion")
        assert "not there" in caught.value.hint


def test_the_doctor_takes_no_offence_at_a_server_that_forbids_to_ask_for_what_was_deleted(
    mlflow_for_users: MlflowServer, tmp_path: Path
) -> None:
    with guarded(mlflow_for_users, tmp_path, "EDIT", "") as (ports, _):
        try_registry(ports.registry, model=f"probe-{uuid4().hex}", probe_id="op")


def less(level: str) -> str:
    return LEVELS[max(LEVELS.index(level) - 1, 0)]
