"""Versions that nobody can read hide no others, and what they lack is said."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import (
    AccessDeniedError,
    AuthenticationError,
    BackendError,
    BackendUnavailableError,
    IntegrityError,
)
from mlops_core.testing import make_package

from tests.servers.http_proxy import Fate

from .registry_places import Place, by_hand, place_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter_mlflow import MlflowModelRegistry

    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket
MLMODEL = {"MLmodel": b"flavors: {keras: {}}"}


@pytest.fixture
def place(mlflow_on_sqlite: MlflowServer) -> Iterator[Place]:
    with place_on(mlflow_on_sqlite) as made:
        yield made


@pytest.fixture(autouse=True)
def nobody_hands_out_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "any")


def listed(registry: MlflowModelRegistry, model: str) -> list[int]:
    return [each.version for each in registry.versions(model)]


def test_the_others_are_listed(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    for content in ("first", "second", "third"):
        place.registry.register("churn", make_package(content), operation_id=content)
    place.rest.tell("model-versions/create", name="churn", source="s3://bucket/model")
    place.registry.register("churn", make_package("fifth"), operation_id="fifth")
    place.rest.tell("model-versions/set-tag", name="churn", version="2", key="mlops.digest", value="changed")
    place.rest.tell("model-versions/set-tag", name="churn", version="3", key="mlops.manifest", value="changed")
    with caplog.at_level(logging.WARNING):
        assert listed(place.cold(), "churn") == [5, 1]
    warned = [each.getMessage() for each in caplog.records if "left out of the listing" in each.getMessage()]
    assert len(warned) == 3
    assert "churn:4" in warned[0]
    assert "127.0.0.1:9" in warned[0]


LAUGHS = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (each, each, b",".join([b"*%c" % before] * 10))
    for before, each in zip(b"abcdefgh", b"bcdefghi", strict=True)
)
"""A list of 10**10 texts, in 400 bytes."""
MERGED = b"a: &a {x: y}\n" + b"".join(
    b"%c: &%c {<<: [%s]}\n" % (each, each, b",".join([b"*%c" % before] * 10))
    for before, each in zip(b"abcdefgh", b"bcdefghi", strict=True)
)
ODD = {
    "deep": b"[" * 5_000,
    "deep mappings": b"flavors: " + b"{a: " * 3_000,
    "laughs": LAUGHS + b"flavors: {sklearn: *i}\n",
    "merged": MERGED + b"flavors: {}\n",
    "a flavor whose name is a long number": b"flavors:\n  ? 0x%s\n  : {}\n" % (b"f" * 9_000),
    "a moment that is none": b"flavors: {2024-99-99: {}}",
    "a number of sixty digits to the base of sixty": b"flavors: {%s: {}}" % b":".join([b"59"] * 60),
    "an infinite number of them": b"flavors: &a {a: *a}",
    "laughs as the name of the file": LAUGHS
    + b"flavors: {sklearn: {pickled_model: *i, serialization_format: skops}}\n",
    "laughs as the format": LAUGHS + b"flavors: {sklearn: {pickled_model: model, serialization_format: *i}}\n",
}


@pytest.mark.parametrize("content", ODD.values(), ids=list(ODD))
def test_no_file_of_anybody_breaks_a_listing(place: Place, content: bytes) -> None:
    by_hand(place, {"MLmodel": content, "model": b"x"})
    place.registry.register("by-hand", make_package("ours"), operation_id="op")
    began = time.monotonic()
    assert listed(place.cold(), "by-hand")[0] == 2
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("key", ["mlops.metrics", "mlops.origin"])
@pytest.mark.parametrize(
    "value",
    ["[" * 9_000, '{"a": 1%s}' % ("0" * 400), "5", "{", '{"backend": "x"}', '{"a": null}'],
    ids=["deep", "a long number", "a number", "no JSON", "a text", "nothing"],
)
def test_no_tag_of_anybody_breaks_a_listing(place: Place, key: str, value: str) -> None:
    for operation in ("op", "op-2"):
        place.registry.register("churn", make_package(operation), operation_id=operation, metrics={"auc": 0.5})
    place.rest.tell("model-versions/set-tag", name="churn", version="1", key=key, value=value)
    assert listed(place.cold(), "churn") == [2]
    with pytest.raises(IntegrityError, match="cannot be read"):
        place.cold().get("churn", 1)


def test_what_a_bucket_lacks_is_said_by_the_hint(place: Place) -> None:
    place.rest.tell("registered-models/create", name="churn")
    place.rest.tell("model-versions/create", name="churn", source="s3://bucket/model")
    with pytest.raises(BackendError, match="Could not connect") as caught:
        place.registry.get("churn", 1)
    assert "environment" in caught.value.hint
    assert "tracking_uri" not in caught.value.hint


@pytest.mark.parametrize(
    ("status", "error"), [(500, BackendUnavailableError), (401, AuthenticationError), (403, AccessDeniedError)]
)
def test_what_can_be_read_another_time_is_not_left_out(place: Place, status: int, error: type[BackendError]) -> None:
    by_hand(place, MLMODEL)
    failing = place.proxy.planning(
        lambda each: Fate(kind="answer", status=status) if "/artifacts/" in each.path else Fate()
    )
    with failing:
        if error is AccessDeniedError:  # which may hold for this version alone
            assert listed(place.registry, "by-hand") == []
        else:
            with pytest.raises(error):
                listed(place.registry, "by-hand")
    assert listed(place.registry, "by-hand") == [1]


def test_what_was_read_for_a_listing_is_read_once(place: Place) -> None:
    by_hand(place, MLMODEL)
    assert place.count(lambda: listed(place.registry, "by-hand")) > 2
    assert place.count(lambda: listed(place.registry, "by-hand")) == 2
