"""What listens at the configured address is no MLflow server: nothing is missing then, and nothing was deleted."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from adapter_mlflow import MlflowPorts, MlflowSettings
from mlops_core.errors import BackendError
from mlops_core.ports.model_registry import PinnedVersion
from mlops_core.testing import make_package

from tests.contract.mlflow_subjects import IMPATIENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.enable_socket
PAGES = {
    "text/html": b"<html>Not Found</html>",
    "application/json": b'{"detail": "Not Found"}',
}
RUN = "0" * 32
CALLS: dict[str, Callable[[MlflowPorts], object]] = {
    "get": lambda ports: ports.registry.get("churn", 1),
    "resolve": lambda ports: ports.registry.resolve("churn", "champion"),
    "latest": lambda ports: ports.registry.latest("churn"),
    "models": lambda ports: list(ports.registry.models()),
    "versions": lambda ports: list(ports.registry.versions("churn")),
    "open": lambda ports: ports.registry.open(PinnedVersion(model="churn", version=1, digest="0" * 64), "MLmodel"),
    "register": lambda ports: ports.registry.register("churn", make_package("a"), operation_id="op"),
    "set_alias": lambda ports: ports.registry.set_alias("churn", "champion", 1),
    "delete_alias": lambda ports: ports.registry.delete_alias("churn", "champion"),
    "set_tags": lambda ports: ports.registry.set_tags("churn", 1, {"team": "risk"}),
    "delete_version": lambda ports: ports.registry.delete_version("churn", 1),
    "delete_model": lambda ports: ports.registry.delete_model("churn", force=True),
    "start_run": lambda ports: ports.tracker.start_run("churn"),
    "get_run": lambda ports: ports.tracker.get_run(RUN),
    "runs": lambda ports: list(ports.tracker.runs("churn")),
    "all runs": lambda ports: list(ports.tracker.runs()),
    "files": lambda ports: list(ports.tracker.files(RUN)),
    "metric_history": lambda ports: list(ports.tracker.metric_history(RUN, "auc")),
}


class NothingThere(BaseHTTPRequestHandler):
    """Answers 404 to everything; the kind of its page is the first part of the path."""

    def handle_any(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        kind = list(PAGES)[int(self.path[1])]
        self.send_response(404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(PAGES[kind])))
        self.end_headers()
        self.wfile.write(PAGES[kind])

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name that the library gives it)
        return


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), NothingThere) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=range(len(PAGES)))
def ports(address: str, request: pytest.FixtureRequest) -> Iterator[MlflowPorts]:
    settings = MlflowSettings(tracking_uri=f"{address}/{request.param}")
    made = MlflowPorts(settings, backend="team", retries=IMPATIENT)
    yield made
    made.close()


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_it_is_told_and_nothing_is_taken_for_missing(ports: MlflowPorts, call: Callable[[MlflowPorts], object]) -> None:
    with pytest.raises(BackendError, match="404") as caught:
        call(ports)
    assert type(caught.value) is BackendError
    assert "not from MLflow" in caught.value.why
    assert "tracking_uri" in caught.value.hint
