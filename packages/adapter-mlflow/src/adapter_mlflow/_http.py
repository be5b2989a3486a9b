"""Connections to a server: one request of HTTP each, never sent twice, every failure an error of this adapter."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import requests
from mlops_core.errors import ConfigurationError
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from adapter_mlflow._errors import UnexpectedAnswerError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from adapter_mlflow.settings import MlflowSettings

_CONNECTIONS: Final = 32
_CHUNK: Final = 1 << 20
_QUICK_ACKNOWLEDGE: Final = getattr(socket, "TCP_QUICKACK", None)
_FIRST_REDIRECT, _FIRST_ERROR = 300, 400


class Http:
    """Sends requests over connections that are kept. It may be used from several threads.

    Args:
        settings: How to connect, and as whom. Secrets are read anew for every request, so that they can be replaced.

    Raises:
        ConfigurationError: A certificate is not there.
    """

    def __init__(self, settings: MlflowSettings) -> None:
        for option, path in (("ca_bundle", settings.ca_bundle), ("client_certificate", settings.client_certificate)):
            if path is not None and not Path(path).is_file():
                raise ConfigurationError(f"the file of {option} is not there", where=path, hint=f"correct {option}")
        self._session = requests.Session()
        self._session.auth = _Credentials(settings)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(max_retries=0, pool_maxsize=_CONNECTIONS))
        self._session.headers["Accept-Encoding"] = "identity"  # bytes of files shall come as they are
        if settings.workspace is not None:
            self._session.headers["X-MLFLOW-WORKSPACE"] = settings.workspace
        self._options: dict[str, Any] = {
            "timeout": (settings.connect_timeout, settings.read_timeout),
            "cert": settings.client_certificate,
            # Given with each request: a bundle named by the environment would win over the session's own.
            "verify": False if settings.insecure_tls else settings.ca_bundle,
            "allow_redirects": False,
        }

    def send(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """Send one request; an answer of an error is an answer.

        Raises:
            UnreachableError: No whole answer came.
            UnexpectedAnswerError: The answer leads elsewhere.
        """
        with telling_failures(url):
            answer = self._session.request(
                method, url, params=query, data=body, headers=headers, stream=stream, **self._options
            )
        if _FIRST_REDIRECT <= answer.status_code < _FIRST_ERROR:
            answer.close()
            raise UnexpectedAnswerError(f"HTTP {answer.status_code}: the server sends this client elsewhere")
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


@contextmanager
def telling_failures(url: str) -> Generator[None]:
    """Turn what the library of connections raises into errors of this adapter."""
    try:
        yield
    except (requests.RequestException, HTTPError, OSError) as exc:
        inner = exc.args[0] if exc.args and isinstance(exc.args[0], BaseException) else exc
        reason = getattr(inner, "reason", None) or inner
        text = str(reason).rpartition(": ")[2] if isinstance(reason, NewConnectionError) else str(reason)
        raise UnreachableError(f"no answer from {url.partition('?')[0]}: {text[:300]}") from exc


class _Credentials(AuthBase):
    """The credentials of the settings; without any, none: whatever a .netrc may hold for this host is left alone."""

    def __init__(self, settings: MlflowSettings) -> None:
        self._settings = settings

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        settings = self._settings
        if settings.token is not None:
            request.headers["Authorization"] = f"Bearer {settings.token.reveal()}"
        elif settings.username is not None and settings.password is not None:
            user, password = settings.username.reveal().encode(), settings.password.reveal().encode()
            return HTTPBasicAuth(user, password)(request)
        return request


def _acknowledge_quickly(sock: Any) -> None:
    # A server of several workers sends the head and the body of an answer in two segments, and holds the second back
    # until the first is acknowledged, for which the system would take 40 ms. The option holds for a moment only.
    if _QUICK_ACKNOWLEDGE is not None and isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, _QUICK_ACKNOWLEDGE, 1)


class _Connection(HTTPConnection):
    def getresponse(self) -> Any:
        _acknowledge_quickly(self.sock)
        return super().getresponse()


class _SecureConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.is_verified = True  # or the library warns of each connection that insecure_tls has asked for

    def getresponse(self) -> Any:
        _acknowledge_quickly(self.sock)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = cast("Any", _Connection)


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = cast("Any", _SecureConnection)


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, blocksize=_CHUNK, **more)
        cast("Any", self.poolmanager).pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
