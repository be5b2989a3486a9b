"""What the service, or somebody in between, answers instead of what was asked for: always an error of ours."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import (
    AccessDeniedError,
    ArtifactNotFoundError,
    AuthenticationError,
    BackendError,
    BackendUnavailableError,
)

from tests.servers.http_proxy import PASS, Fate

from .conftest import PART

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapter_s3 import S3ArtifactStore

    from tests.servers.http_proxy import HttpProxy, Request

    from .conftest import MakeStore

pytestmark = pytest.mark.enable_socket
CALLS: dict[str, Callable[[S3ArtifactStore], object]] = {
    "put": lambda store: store.put("b", b"1"),
    "create": lambda store: store.put("b", b"1", if_absent=True),
    "put large": lambda store: store.put("b", io.BytesIO(bytes(PART + 1))),
    "get": lambda store: store.get("a"),
    "get range": lambda store: store.get("a", start=1, stop=2),
    "open": lambda store: store.open("a"),
    "stat": lambda store: store.stat("a"),
    "find": lambda store: list(store.find()),
    "folders": lambda store: list(store.folders()),
    "delete": lambda store: store.delete("a"),
}
HTML = Fate(
    kind="answer",
    status=200,
    body=b"<!doctype html><html><body><h1>Sign in<br></h1></body></html>",
    headers={"Content-Type": "text/html"},
)
XHTML = Fate(kind="answer", status=200, body=b"<html><body/></html>", headers={"Content-Type": "text/html"})
MOVED = Fate(kind="answer", status=302, body=b"go", headers={"Location": "http://127.0.0.1:9/login"})


@pytest.fixture
def filled(store: S3ArtifactStore) -> S3ArtifactStore:
    store.put("a", b"12345")
    store.put("probed", b"", if_absent=True)
    return store


def error(status: int, code: str) -> Fate:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>told so</Message></Error>".encode()
    return Fate(kind="answer", status=status, body=body, headers={"Content-Type": "application/xml"})


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fate", [HTML, XHTML, MOVED], ids=["login page", "page of XML", "redirect"])
def test_a_web_page_is_no_answer(fate: Fate, call: str, filled: S3ArtifactStore, proxy: HttpProxy) -> None:
    before = proxy.requests
    with proxy.planning(lambda _: fate), pytest.raises(BackendError) as caught:
        CALLS[call](filled)
    assert proxy.requests == before + 1
    assert "endpoint_url" in caught.value.hint
    assert caught.value.backend == "lake"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((400, "ExpiredToken"), AuthenticationError),
        ((403, "SignatureDoesNotMatch"), AuthenticationError),
        ((403, "AccessDenied"), AccessDeniedError),
        ((500, "InternalError"), BackendUnavailableError),
        ((503, "SlowDown"), BackendUnavailableError),
        ((409, "OperationAborted"), BackendUnavailableError),
        ((400, "RequestTimeout"), BackendUnavailableError),
        ((429, "TooManyRequests"), BackendUnavailableError),
    ],
)
def test_each_error_of_the_service_has_its_class(
    answer: tuple[int, str], kind: type[BackendError], call: str, filled: S3ArtifactStore, proxy: HttpProxy
) -> None:
    if call == "stat" and answer[1] == "RequestTimeout":
        return  # its reply has no body that could tell
    with proxy.planning(lambda _: error(*answer)), pytest.raises(BackendError) as caught:
        CALLS[call](filled)
    assert type(caught.value) is kind
    assert caught.value.__cause__ is not None


def test_credentials_that_expire_halfway_end_a_large_read(make_store: MakeStore, proxy: HttpProxy) -> None:
    store = make_store(concurrency=1)
    store.put("large", bytes(3 * PART))
    with (
        proxy.planning(lambda each: error(400, "ExpiredToken") if each.number >= 2 else PASS),
        store.open("large") as stream,
        pytest.raises(AuthenticationError),
    ):
        stream.read()


def test_stat_says_that_the_bucket_may_be_what_is_missing(make_store: MakeStore) -> None:
    store = make_store(bucket="nobody-made-this")
    with pytest.raises(ArtifactNotFoundError, match="or there is no such bucket"):
        store.stat("small")


@pytest.mark.parametrize("call", sorted(set(CALLS) - {"stat"}))
def test_a_missing_bucket_is_named_and_is_no_missing_object(call: str, make_store: MakeStore) -> None:
    store = make_store(bucket="nobody-made-this")
    with pytest.raises(BackendError) as caught:
        CALLS[call](store)
    assert not isinstance(caught.value, ArtifactNotFoundError)
    assert "create the bucket 'nobody-made-this'" in str(caught.value)


def test_another_region_is_told_by_its_option(filled: S3ArtifactStore, proxy: HttpProxy) -> None:
    with proxy.planning(lambda _: error(400, "AuthorizationHeaderMalformed")), pytest.raises(BackendError) as caught:
        filled.get("a")
    assert "set region" in caught.value.hint


def test_no_credentials_at_all_is_an_error_before_any_request(
    make_store: MakeStore, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    store = make_store(access_key_id=None, secret_access_key=None)
    with pytest.raises(AuthenticationError, match="access_key_id"):
        store.get("a")
    assert proxy.requests == 0


def test_a_create_that_is_answered_404_has_not_lost_to_anybody(filled: S3ArtifactStore, proxy: HttpProxy) -> None:
    with proxy.planning(lambda _: Fate(kind="answer", status=404)), pytest.raises(BackendError) as caught:
        filled.put("b", b"1", if_absent=True)
    assert "exists already" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 2])
def test_a_truncated_body_is_never_a_short_object(length: int, filled: S3ArtifactStore, proxy: HttpProxy) -> None:
    with (
        proxy.planning(lambda _: Fate(kind="break", length=length)),
        pytest.raises(BackendUnavailableError),
    ):
        filled.get("a")


def test_a_listing_that_breaks_off_is_never_a_short_listing(filled: S3ArtifactStore, proxy: HttpProxy) -> None:
    with proxy.planning(lambda _: Fate(kind="break", length=150)), pytest.raises(BackendUnavailableError):
        list(filled.find())


@pytest.mark.parametrize("call", ["get range", "open from"])
def test_a_service_that_ignores_ranges_is_not_believed(call: str, filled: S3ArtifactStore, proxy: HttpProxy) -> None:
    everything = Fate(
        kind="answer",
        status=200,
        body=b"12345",
        headers={"ETag": '"0"', "Last-Modified": "Mon, 23 Nov 2026 00:00:00 GMT"},
    )
    with proxy.planning(lambda _: everything), pytest.raises(BackendError, match=re.escape("bytes from 1 on")):
        filled.get("a", start=1, stop=2) if call == "get range" else filled.open("a", start=1)


def test_a_range_that_is_answered_with_all_of_a_small_object_is_fine(filled: S3ArtifactStore, proxy: HttpProxy) -> None:
    def without_range(request: Request) -> Fate:
        del request
        headers = {"ETag": '"0"', "Last-Modified": "Mon, 23 Nov 2026 00:00:00 GMT"}
        return Fate(kind="answer", status=200, body=b"12345", headers=headers)

    with proxy.planning(without_range), filled.open("a") as stream:
        assert stream.read() == b"12345"


def test_a_service_that_cannot_be_reached_is_unavailable(make_store: MakeStore) -> None:
    store = make_store(endpoint_url="http://127.0.0.1:9")
    with pytest.raises(BackendUnavailableError, match="check endpoint_url and the network"):
        store.get("a")
