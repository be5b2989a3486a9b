"""Who is unknown, who may not, and what of it is shown; several servers at once; credentials of others are left alone."""

from __future__ import annotations

import contextlib
import logging
import os
import traceback
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from adapter_mlflow import MlflowBackend, MlflowPorts, MlflowSettings
from mlops_core.errors import AccessDeniedError, AuthenticationError, BackendError, NotFoundError
from mlops_core.secret import Secret
from mlops_core.testing import make_package

from tests.contract.mlflow_subjects import IMPATIENT
from tests.servers.http_proxy import HttpProxy
from tests.servers.mlflow_servers import ADMIN, STRANGER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adapter_mlflow import MlflowModelRegistry

    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket
PACKAGE = make_package("a model")
CANARY = "canary-of-nobody"

CALLS: dict[str, Callable[[MlflowModelRegistry], object]] = {
    "get": lambda each: each.get("guarded", 1),
    "resolve": lambda each: each.resolve("guarded", "champion"),
    "register": lambda each: each.register("guarded", PACKAGE, operation_id="another", if_exists="new"),
    "set_alias": lambda each: each.set_alias("guarded", "champion", 1),
    "set_tags": lambda each: each.set_tags("guarded", 1, {"team": "risk"}),
    "delete_version": lambda each: each.delete_version("guarded", 1),
    "delete_model": lambda each: each.delete_model("guarded", force=True),
}


@pytest.fixture
def proxy(mlflow_for_users: MlflowServer) -> Iterator[HttpProxy]:
    with HttpProxy(mlflow_for_users.url) as proxy:
        yield proxy


@pytest.fixture
def opened(proxy: HttpProxy, tmp_path: Path) -> Iterator[Callable[..., MlflowPorts]]:
    with contextlib.ExitStack() as stack:

        def open_as(user: str | None, password: str = "", **more: Any) -> MlflowPorts:
            credentials: dict[str, Any] = {}
            if user is not None:
                for name, value in (("username", user), ("password", password)):
                    file = tmp_path / f"{user}-{name}"
                    file.write_text(value)
                    credentials[name] = Secret(file=file)
            settings = MlflowSettings(tracking_uri=proxy.url, **credentials, **more)
            ports = MlflowPorts(settings, backend="team", retries=IMPATIENT)
            stack.callback(ports.close)
            return ports

        yield open_as


@pytest.fixture
def guarded(opened: Callable[..., MlflowPorts]) -> MlflowModelRegistry:
    registry = opened(*ADMIN).registry
    registry.register("guarded", PACKAGE, operation_id="op")
    registry.set_alias("guarded", "champion", 1)
    return registry


def told(error: BaseException) -> str:
    return "".join([repr(error), str(error), *traceback.format_exception(error)])


def test_who_may_works_as_on_an_open_server(guarded: MlflowModelRegistry) -> None:
    record = guarded.get("guarded", 1)
    with guarded.open(record, "model.bin") as stream:
        assert stream.read() == b"a model"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.usefixtures("guarded")
def test_who_is_unknown_is_told_so_and_nothing_else(
    opened: Callable[..., MlflowPorts], proxy: HttpProxy, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    for user in (None, "nobody", ADMIN[0]):
        registry = opened(user, CANARY).registry
        before = proxy.requests
        with caplog.at_level(logging.DEBUG), pytest.raises(AuthenticationError) as caught:
            CALLS[name](registry)
        assert proxy.requests - before == 1, "a refusal is not asked for again"
        assert CANARY not in told(caught.value) + caplog.text
        assert caught.value.operation == name
        assert caught.value.hint


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.usefixtures("guarded")
def test_who_may_not_is_told_so_and_nothing_changes(
    opened: Callable[..., MlflowPorts], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    registry = opened(*STRANGER).registry
    with caplog.at_level(logging.DEBUG), pytest.raises(AccessDeniedError) as caught:
        CALLS[name](registry)
    assert not any(each in told(caught.value) + caplog.text for each in (ADMIN[1], STRANGER[1]))
    after = opened(*ADMIN).registry
    assert after.resolve("guarded", "champion") == after.latest("guarded")


def test_nobody_without_a_right_sees_models(guarded: MlflowModelRegistry, opened: Callable[..., MlflowPorts]) -> None:
    assert "guarded" in {each.name for each in guarded.models()}
    assert "guarded" not in {each.name for each in opened(*STRANGER).registry.models()}


def test_a_password_that_was_replaced_is_used_at_once(
    opened: Callable[..., MlflowPorts], guarded: MlflowModelRegistry, tmp_path: Path
) -> None:
    (tmp_path / "admin-password").write_text(CANARY)
    with pytest.raises(AuthenticationError):
        guarded.latest("guarded")
    (tmp_path / "admin-password").write_text(ADMIN[1])
    assert guarded.latest("guarded").version == 1
    assert opened(None)


def test_credentials_of_others_are_left_alone(
    opened: Callable[..., MlflowPorts], proxy: HttpProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {ADMIN[0]} password {ADMIN[1]}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN[1])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(AuthenticationError):
        opened(None).registry.latest("guarded")
    assert "authorization" not in proxy.log[-1].headers


def test_a_token_is_sent_as_such(opened: Callable[..., MlflowPorts], proxy: HttpProxy, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(CANARY)
    with pytest.raises(BackendError) as caught:
        opened(None, token=Secret(file=tmp_path / "token")).registry.latest("guarded")
    assert proxy.log[-1].headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in told(caught.value)


def test_two_servers_at_once_and_no_trace_in_the_process(
    mlflow_for_users: MlflowServer, mlflow_on_sqlite: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TEST_USER", ADMIN[0])
    monkeypatch.setenv("MLFLOW_TEST_PASSWORD", ADMIN[1])
    before = dict(os.environ)
    guarded = MlflowBackend(
        "guarded",
        {
            "tracking_uri": mlflow_for_users.url,
            "username": Secret(env="MLFLOW_TEST_USER"),
            "password": Secret(env="MLFLOW_TEST_PASSWORD"),
        },
        base=tmp_path,
    )
    workspace = mlflow_on_sqlite.new_workspace()
    free = MlflowBackend("free", {"tracking_uri": mlflow_on_sqlite.url, "workspace": workspace}, base=tmp_path)
    first, second = guarded.model_registry(), free.model_registry()
    for each in range(2):
        first.register("both", make_package(f"guarded {each}"), operation_id=f"op-{each}")
        second.register("both", make_package("free"), operation_id=f"op-{each}")
    assert [each.version for each in first.versions("both")] == [2, 1]
    assert [each.version for each in second.versions("both")] == [1]
    assert dict(os.environ) == before
    with pytest.raises(NotFoundError):
        second.get("both", 2)
    guarded.close()
    free.close()


def test_models_and_their_files_on_another_server_than_runs(
    mlflow_on_sqlite: MlflowServer, proxy: HttpProxy, tmp_path: Path
) -> None:
    options = {"tracking_uri": proxy.url, "registry_uri": mlflow_on_sqlite.url}
    backend = MlflowBackend("two", options, base=tmp_path)
    registry, model, run = backend.model_registry(), f"elsewhere-{uuid4().hex}", "0" * 32
    registry.register(model, PACKAGE, operation_id="op", run=run)
    registry.set_alias(model, "champion", 1)
    with registry.open(registry.resolve(model, "champion"), "model.bin") as stream:
        assert stream.read() == b"a model"
    assert registry.get(model, 1).run == run, "whatever server it is of"
    assert proxy.requests == 0
    with pytest.raises(AuthenticationError):
        backend.experiment_tracker().start_run("churn")
    assert proxy.requests == 1
    backend.close()
