"""A server that sends an answer in two segments waits for nobody before the second."""

from __future__ import annotations

import statistics
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from adapter_mlflow import MlflowSettings
from adapter_mlflow._http import Http

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket
ENOUGH = 40
"""Requests after which the system has long ceased to acknowledge at once of itself."""


class TwoSegments(BaseHTTPRequestHandler):
    """Sends head and body one by one, with Nagle's algorithm on, as servers of several workers do."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name that the library gives it)
        return


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), TwoSegments) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_requests_one_after_the_other_wait_for_nothing(address: str) -> None:
    http = Http(MlflowSettings(tracking_uri=address))
    seconds: list[float] = []
    for _ in range(ENOUGH):
        began = time.perf_counter()
        assert http.send("GET", address).content == b"{}"
        seconds.append(time.perf_counter() - began)
    http.close()
    assert statistics.median(seconds[ENOUGH // 2 :]) < 0.02  # with the wait it is 0.04
