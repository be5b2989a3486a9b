"""A proxy between a client and an HTTP server of a test: it counts requests, and does to them what networks do."""

from __future__ import annotations

import http.client
import socket
import struct
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import urlsplit

from mlops_core.errors import AccessDeniedError, AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from mlops_core.errors import BackendError

_HOP_BY_HOP = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came: its number within the plan, method, path with query, headers by lower-case name."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What happens to a request.

    Attributes:
        kind: ``"pass"``; ``"cut"``: the connection is reset before anything arrives; ``"lose"``: the server does what
            it is asked, and the connection is reset instead of the reply; ``"answer"``: the proxy answers by itself;
            ``"late"``: so it does, and the server gets the request with :meth:`HttpProxy.deliver`; ``"break"``: the
            reply stops after ``length`` bytes of its body.
        delay: Seconds before anything happens.
        status: Of the proxy's own answer.
        body: Of the proxy's own answer.
        headers: Of the proxy's own answer.
        length: Bytes of the body that get through.
    """

    kind: Literal["pass", "cut", "lose", "answer", "late", "break"] = "pass"
    delay: float = 0.0
    status: int = 503
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    length: int = 0


PASS = Fate()


class HttpProxy:
    """Forwards requests to a server, and lets a plan decide the fate of each. A context manager.

    It is a :class:`~mlops_core.testing.subjects.Connection`.

    Args:
        upstream: The server's address, such as ``http://127.0.0.1:9000``.
        refusal: The vendor's own answer to a caller that it does not know, or does not allow something.
    """

    def __init__(self, upstream: str, *, refusal: Callable[[type[BackendError]], Fate] | None = None) -> None:
        parts = urlsplit(upstream)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._refusal = refusal
        self._lock = threading.Lock()
        self._plan: Callable[[Request], Fate] | None = None
        self._began = 0
        self._late: list[tuple[str, str, Mapping[str, str], bytes]] = []
        self.log: list[Request] = []
        self.answers: list[tuple[Request, int]] = []  # what the server has answered, with its status
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where the proxy listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def address(self) -> tuple[str, int]:
        """The server's."""
        return self._address

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def requests(self) -> int:
        """See :attr:`Connection.requests`."""
        return len(self.log)

    @property
    def refusals(self) -> frozenset[type[BackendError]]:
        """See :attr:`Connection.refusals`."""
        return frozenset({AuthenticationError, AccessDeniedError}) if self._refusal else frozenset()

    @contextmanager
    def planning(self, plan: Callable[[Request], Fate]) -> Generator[None]:
        """Let a function decide the fate of each request; it is called by one thread at a time."""
        with self._lock:
            before, self._plan, self._began = (self._plan, self._began), plan, len(self.log)
        try:
            yield
        finally:
            with self._lock:
                self._plan, self._began = before

    @contextmanager
    def cut(self, *, after: int = 0) -> Generator[None]:
        """See :meth:`Connection.cut`."""
        with self.planning(lambda each: Fate(kind="cut") if each.number >= after else PASS):
            yield

    @contextmanager
    def losing_reply(self, *, to: int = 0) -> Generator[None]:
        """See :meth:`Connection.losing_reply`."""
        with self.planning(lambda each: Fate(kind="lose") if each.number == to else PASS):
            yield

    @contextmanager
    def refusing(self, error: type[BackendError], /) -> Generator[None]:
        """See :meth:`Connection.refusing`."""
        assert self._refusal is not None
        answer = self._refusal(error)
        with self.planning(lambda _: answer):
            yield

    def hold(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Keep a request that is late."""
        self._late.append((method, path, headers, body))

    def deliver(self) -> None:
        """Let the server carry out the requests that are late."""
        while self._late:
            method, path, headers, body = self._late.pop(0)
            upstream = http.client.HTTPConnection(*self._address, timeout=120)
            upstream.request(method, path, body, headers)
            upstream.getresponse().read()
            upstream.close()

    def fate_of(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[Request, Fate]:
        """Note a request, and decide about it."""
        with self._lock:
            request = Request(number=len(self.log) - self._began, method=method, path=path, headers=headers)
            self.log.append(request)
            return request, PASS if self._plan is None else self._plan(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: HttpProxy

    def setup(self) -> None:
        super().setup()
        self._upstream: http.client.HTTPConnection | None = None

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        if self._upstream is not None:
            self._upstream.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name that the library gives it)
        return

    def handle_any(self) -> None:
        body = self._body()
        request, fate = self.owner.fate_of(self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
        if fate.delay:
            time.sleep(fate.delay)
        if fate.kind == "cut":
            return self._reset()
        if fate.kind == "late":
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            self.owner.hold(self.command, self.path, kept, body)
        if fate.kind in {"answer", "late"}:
            return self._reply(fate.status, list(fate.headers.items()), fate.body, whole=len(fate.body))
        try:
            status, headers, data = self._forwarded(body)
        except (OSError, http.client.HTTPException):
            return self._reset()
        self.owner.answers.append((request, status))
        if fate.kind == "lose":
            return self._reset()
        if fate.kind == "break":
            self._reply(status, headers, data[: fate.length], whole=len(data))
            self.close_connection = True  # and no reset, which could overtake what was sent
            return None
        return self._reply(status, headers, data, whole=len(data))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = handle_any

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            pieces: list[bytes] = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline() not in {b"\r\n", b"\n", b""}:
                pass
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _forwarded(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        # A kept connection may have been closed by the server meanwhile, which shows before anything is sent on it.
        for fresh in (False, True):
            if self._upstream is None or fresh:
                self._upstream = http.client.HTTPConnection(*self.owner.address, timeout=120)
                self._upstream.connect()
                self._upstream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in _HOP_BY_HOP and name.lower() != "content-length":
                        self._upstream.putheader(name, value)
                if body or "Content-Length" in self.headers:
                    self._upstream.putheader("Content-Length", str(len(body)))
                self._upstream.endheaders(body or None)
                _acknowledge_quickly(self._upstream.sock)
                answer = self._upstream.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                if fresh:
                    raise
                self._upstream.close()
        raise AssertionError("the second round returns or raises")

    def _reply(self, status: int, headers: list[tuple[str, str]], data: bytes, *, whole: int) -> None:
        self.send_response_only(status)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP and (name.lower() != "content-length" or self.command == "HEAD"):
                self.send_header(name, value)
        bodiless = self.command == "HEAD" or status in {204, 304}
        if not bodiless or (self.command == "HEAD" and "content-length" not in names):
            self.send_header("Content-Length", str(whole))
        self.end_headers()
        if not bodiless:
            self.wfile.write(data)
        self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


def _acknowledge_quickly(sock: socket.socket) -> None:
    """Let a server that sends an answer in two pieces not wait 40 ms for the acknowledgement of the first."""
    if sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
