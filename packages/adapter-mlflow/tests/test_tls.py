"""Certificates: who is believed, and what this client shows."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from adapter_mlflow import MlflowPorts, MlflowSettings
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from mlops_core.errors import BackendUnavailableError, ModelNotFoundError

from tests.contract.mlflow_subjects import IMPATIENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate of 127.0.0.1, signed by nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture(params=[ssl.CERT_NONE, ssl.CERT_REQUIRED], ids=["any client", "known clients"])
def url(request: pytest.FixtureRequest, certificate: Path) -> Iterator[str]:
    """A server that knows no model."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}'
            self.send_response(404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name that the library gives it)
            return

    class Server(HTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = request.param
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def ask(url: str, **options: Any) -> None:
    settings = MlflowSettings(tracking_uri=url, connect_timeout=5.0, read_timeout=5.0, **options)
    settings.check("here")
    ports = MlflowPorts(settings, backend="team", retries=IMPATIENT)
    try:
        ports.registry.get("churn", 1)
    finally:
        ports.close()


def test_nobody_is_believed_without_a_reason(url: str, certificate: Path) -> None:
    with pytest.raises(BackendUnavailableError, match=r"(?i)certificate"):
        ask(url, client_certificate=str(certificate))


def test_a_bundle_says_who_is_believed(url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")  # of other programmes
    with pytest.raises(ModelNotFoundError):
        ask(url, ca_bundle=str(certificate), client_certificate=str(certificate))


def test_anybody_is_believed_where_that_is_asked_for_and_nothing_warns(url: str, certificate: Path) -> None:
    with warnings.catch_warnings(record=True) as warned, pytest.raises(ModelNotFoundError):
        ask(url, insecure_tls=True, client_certificate=str(certificate))
    assert warned == []


@pytest.mark.parametrize("url", [ssl.CERT_REQUIRED], indirect=True)
def test_who_shows_no_certificate_is_not_let_in(url: str, certificate: Path) -> None:
    with pytest.raises(BackendUnavailableError):
        ask(url, ca_bundle=str(certificate))
