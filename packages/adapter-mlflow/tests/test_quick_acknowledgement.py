"""The system is asked to acknowledge each answer at once: some servers hold the rest of it back until then."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from adapter_mlflow import MlflowSettings
from adapter_mlflow._http import Http

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.enable_socket


class TwoSegments(BaseHTTPRequestHandler):
    """Sends head and body one by one, as servers of several workers do."""

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


@pytest.mark.parametrize("requests", [1, 3])
def test_each_request_has_its_answer_acknowledged_at_once(
    address: str, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    set_option = socket.socket.setsockopt

    def noting(self: socket.socket, level: int, option: int, value: int) -> None:
        if (level, option) == (socket.IPPROTO_TCP, socket.TCP_QUICKACK):
            asked.append(value)
        set_option(self, level, option, value)

    monkeypatch.setattr(socket.socket, "setsockopt", noting)
    http = Http(MlflowSettings(tracking_uri=address))
    for _ in range(requests):
        assert http.send("GET", address).content == b"{}"
    http.close()
    # The option holds for a moment only. What it saves is measured in benchmarks/bench_mlflow.py.
    assert asked == [1] * requests
