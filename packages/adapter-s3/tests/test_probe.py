"""A bucket is asked once whether it keeps conditions, and one that does not is refused with what it ignored."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from adapter_s3 import S3ArtifactStore, S3Settings
from adapter_s3._client import S3Client
from adapter_s3._errors import classify
from adapter_s3.probe import Probe
from mlops_core.errors import BackendUnavailableError, ConfigurationError
from mlops_core.secret import Secret

from tests.contract.s3_subjects import BUCKET, S3Server, native_client
from tests.servers.http_proxy import PASS, Fate, HttpProxy
from tests.servers.s3_servers import rclone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.http_proxy import Request

    from .conftest import MakeStore

pytestmark = pytest.mark.enable_socket
DAY = 24 * 3600.0


@pytest.fixture
def client(make_store: MakeStore) -> Iterator[S3Client]:
    client = S3Client(make_store().settings)
    yield client
    client.close()


def probe(client: S3Client, memory: Path | None = None, clock: Callable[[], float] = lambda: 1e9) -> Probe:
    return Probe(client, prefix="probed/", where="backend 'lake'", memory=memory, clock=clock)


def answered(client: S3Client, proxy: HttpProxy, plan: Callable[[Request], Fate], memory: Path | None = None) -> str:
    with proxy.planning(plan), pytest.raises(ConfigurationError) as caught:
        probe(client, memory).etag_form()
    assert "backend 'lake'" in str(caught.value)
    assert "versioned" in caught.value.hint
    return caught.value.why


def conditions(request: Request) -> set[str]:
    return {"if-none-match", "if-match"} & set(request.headers)


def taken(etag: str = "0" * 32) -> Fate:
    return Fate(kind="answer", status=200, headers={"ETag": f'"{etag}"'})


def refused(status: int = 412, code: str = "PreconditionFailed") -> Fate:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return Fate(kind="answer", status=status, body=body, headers={"Content-Type": "application/xml"})


def test_a_good_bucket_takes_about_fifteen_requests_and_nothing_stays(
    client: S3Client, proxy: HttpProxy, server: S3Server
) -> None:
    one = Probe(client, prefix="alone/", where="backend 'lake'", memory=None)
    assert one.etag_form() == "quoted"
    assert proxy.requests <= 17
    assert server.native.list_objects_v2(Bucket=BUCKET, Prefix="alone/")["KeyCount"] == 0


def test_the_answer_is_remembered_for_a_day(client: S3Client, proxy: HttpProxy, tmp_path: Path) -> None:
    memory = tmp_path / "new folder" / "probe.json"
    assert probe(client, memory).etag_form() == "quoted"
    before = proxy.requests
    assert probe(client, memory, lambda: 1e9 + DAY - 1).etag_form() == "quoted"
    assert proxy.requests == before
    assert [each.name for each in memory.parent.iterdir()] == ["probe.json"]
    probe(client, memory, lambda: 1e9 + DAY + 1).etag_form()
    assert proxy.requests > before


@pytest.mark.parametrize(
    "found",
    [
        b"", b"{", b"\xff\xfe", b"[]", b"null", b"7", b"{}",
        b'{"etag_form": "quoted"}',
        b'{"etag_form": "triple", "asked_at": 1e9}',
        b'{"etag_form": ["quoted"], "asked_at": 1e9}',
        b'{"etag_form": "quoted", "asked_at": "now"}',
        b'{"etag_form": "quoted", "asked_at": NaN}',
        b'{"etag_form": "quoted", "asked_at": 2e9}',
    ],
)  # fmt: skip
def test_a_memory_that_cannot_be_true_is_no_memory(
    found: bytes, client: S3Client, proxy: HttpProxy, tmp_path: Path
) -> None:
    memory = tmp_path / "probe.json"
    memory.write_bytes(found)
    assert probe(client, memory).etag_form() == "quoted"
    assert proxy.requests > 0
    assert json.loads(memory.read_text()) == {"etag_form": "quoted", "asked_at": 1e9}


@pytest.mark.usefixtures("ordinary_rights")
def test_a_folder_that_cannot_be_written_costs_the_memory_and_nothing_else(client: S3Client, tmp_path: Path) -> None:
    folder = tmp_path / "read only"
    folder.mkdir(mode=0o500)
    assert probe(client, folder / "probe.json").etag_form() == "quoted"
    assert list(folder.iterdir()) == []


def test_one_store_asks_once_whatever_it_writes(make_store: MakeStore, proxy: HttpProxy) -> None:
    store = make_store()
    store.put("a", b"1", if_absent=True)
    before = proxy.requests
    store.put("b", b"1", if_absent=True)
    store.put("c", b"1")
    assert proxy.requests == before + 2


def test_who_writes_without_conditions_is_not_asked(make_store: MakeStore, proxy: HttpProxy) -> None:
    make_store().put("a", b"1")
    assert proxy.requests == 1


def test_a_second_create_that_overwrites_is_named(client: S3Client, proxy: HttpProxy, tmp_path: Path) -> None:
    memory = tmp_path / "probe.json"
    why = answered(client, proxy, lambda each: taken() if "if-none-match" in each.headers else PASS, memory)
    assert "ignored If-None-Match: a second create-only write overwrote the first" in why
    assert not memory.exists()


def test_a_stale_etag_that_is_taken_is_named(client: S3Client, proxy: HttpProxy) -> None:
    why = answered(client, proxy, lambda each: taken() if "if-match" in each.headers else PASS)
    assert "ignored If-Match: a write with a stale ETag was made" in why


def test_an_etag_of_its_own_that_is_refused_is_named(client: S3Client, proxy: HttpProxy) -> None:
    why = answered(client, proxy, lambda each: refused() if "if-match" in each.headers else PASS)
    assert "refused If-Match with the ETag that it had given" in why


def test_two_winners_of_a_race_are_counted(client: S3Client, proxy: HttpProxy) -> None:
    why = answered(client, proxy, lambda each: taken() if "-race" in each.path and each.method == "PUT" else PASS)
    assert "of 8 create-only writes at the same time 8 won" in why


def test_a_service_that_wants_etags_unquoted_gets_them_so_from_then_on(
    make_store: MakeStore, proxy: HttpProxy, tmp_path: Path
) -> None:
    settings = make_store().settings
    memory = tmp_path / "probes"

    def like_ceph(request: Request) -> Fate:
        return refused() if '"' in request.headers.get("if-match", "") else PASS

    with proxy.planning(like_ceph):
        for _ in range(2):  # the second one remembers
            store = S3ArtifactStore(settings, probe_memory=memory)
            etag = store.put("a", b"1").etag
            store.put("a", b"2", if_match=etag)
            store.close()
    (remembered,) = memory.iterdir()
    assert json.loads(remembered.read_text())["etag_form"] == "unquoted"


def outcome(client: S3Client) -> Exception | None:
    try:
        probe(client).etag_form()
    except Exception as exc:
        return exc
    return None


def test_a_conflict_where_nobody_can_have_lost_is_no_verdict_on_the_bucket(client: S3Client, proxy: HttpProxy) -> None:
    storm = refused(409, "ConditionalRequestConflict")
    for number in range(5):
        with proxy.planning(lambda each, number=number: storm if each.number == number else PASS):
            error = outcome(client)
        assert error is None or classify(error) is BackendUnavailableError, number
    assert outcome(client) is None


@pytest.mark.parametrize("fate", [Fate(kind="cut"), Fate(kind="answer", status=503)], ids=["cut", "503"])
def test_a_service_that_is_away_is_no_verdict_on_the_bucket(fate: Fate, client: S3Client, proxy: HttpProxy) -> None:
    for after in range(14):
        with proxy.planning(lambda each, after=after: fate if each.number >= after else PASS):
            error = outcome(client)
        # Once the race has begun its one winner may have got through.
        assert (error is None and after > 4) or (error and classify(error) is BackendUnavailableError), after


def test_threads_ask_once(make_store: MakeStore, proxy: HttpProxy, tmp_path: Path) -> None:
    settings = make_store().settings
    store = S3ArtifactStore(settings, probe_memory=tmp_path / "probes")

    def create(key: str) -> None:
        store.put(key, b"1", if_absent=True)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, "abcdefgh"))
    store.close()
    assert proxy.requests <= 17 + 8


def test_a_strict_service_is_never_sent_the_other_form(make_store: MakeStore, proxy: HttpProxy) -> None:
    def strict(request: Request) -> Fate:
        unquoted = not request.headers.get("if-match", '"').startswith('"')
        return refused(400, "InvalidArgument") if unquoted else PASS

    with proxy.planning(strict):
        make_store(bucket=BUCKET).put("a", b"1", if_absent=True)


def test_the_answer_of_one_service_is_not_that_of_another_in_the_environment(
    make_store: MakeStore, proxy: HttpProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(make_store().settings, endpoint_url=None, region="us-east-1", prefix="same")
    with rclone(tmp_path) as careless:
        S3Server.at(careless, tmp_path)
        for url in (proxy.url, careless):
            monkeypatch.setenv("AWS_ENDPOINT_URL", url)
            store = S3ArtifactStore(settings, probe_memory=tmp_path / "probes")
            if url == careless:
                with pytest.raises(ConfigurationError, match="ignored If-None-Match"):
                    store.put("a", b"2", if_absent=True)
            else:
                store.put("a", b"1", if_absent=True)
            store.close()


def test_a_server_that_ignores_conditions_is_refused(tmp_path: Path) -> None:
    with rclone(tmp_path) as url:
        server = S3Server.at(url, tmp_path)
        store = S3ArtifactStore(
            S3Settings(
                bucket=BUCKET,
                endpoint_url=url,
                access_key_id=Secret(file=tmp_path / "key"),
                secret_access_key=Secret(file=tmp_path / "secret"),
            ),
            backend="lake",
        )
        with pytest.raises(ConfigurationError, match=re.escape("ignored If-None-Match: a second create-only write")):
            store.put("a", b"1", if_absent=True)
        store.close()
        assert "Contents" not in server.native.list_objects_v2(Bucket=BUCKET, Prefix="a")


def test_a_versioned_bucket_that_keeps_conditions_is_taken(server: S3Server, make_store: MakeStore) -> None:
    native = native_client(server.url)
    native.create_bucket(Bucket="versioned")
    native.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    client = S3Client(make_store(bucket="versioned").settings)
    assert probe(client).etag_form() == "quoted"
    store = make_store(bucket="versioned")
    store.put("a", b"1", if_absent=True)
    store.delete("a")
    store.put("a", b"2", if_absent=True)
    assert store.get("a").data == b"2"
    client.close()
