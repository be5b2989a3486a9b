"""Objects of several parts: what breaks is asked for again, and nothing is mixed, left behind or held too long."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from adapter_s3 import S3ArtifactStore, S3Settings
from mlops_core.errors import BackendError, BackendUnavailableError
from mlops_core.secret import Secret
from mlops_core.stores.conditional_writes import Retries

from tests.contract.s3_subjects import BUCKET, S3Server
from tests.servers.http_proxy import PASS, Fate
from tests.servers.s3_servers import rclone

from .conftest import PART

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.http_proxy import HttpProxy, Request

    from .conftest import MakeStore

pytestmark = pytest.mark.enable_socket
PARTS = 4
BROKEN_AT = 2_000_000
CONTENT = b"".join(bytes([number]) * PART for range_ in [range(1, PARTS)] for number in range_) + b"the end"


def ranges(log: list[Request]) -> list[tuple[int, int]]:
    """The ranges that were asked for: where each begins, and where it ends, inclusive."""
    found = [re.fullmatch(r"bytes=(\d+)-(\d+)", each.headers.get("range", "")) for each in log]
    return [(int(each[1]), int(each[2])) for each in found if each]


def once(fate: Fate, matches: Callable[[Request], bool]) -> Callable[[Request], Fate]:
    """A plan in which each different request that matches meets a fate the first time that it is made."""
    met: set[str] = set()

    def plan(request: Request) -> Fate:
        name = f"{request.method} {request.path} {request.headers.get('range', '')}"
        if name in met or not matches(request):
            return PASS
        met.add(name)
        return fate

    return plan


def whole(store: S3ArtifactStore, key: str, start: int = 0) -> bytes:
    with store.open(key, start=start) as stream:
        return stream.read()


@pytest.fixture
def stored(store: S3ArtifactStore) -> S3ArtifactStore:
    store.put("large", CONTENT)
    return store


def test_what_is_put_in_parts_is_what_stat_says(stored: S3ArtifactStore, server: S3Server) -> None:
    told = stored.put("large", io.BytesIO(CONTENT))
    assert (told.size, told.etag) == (len(CONTENT), stored.stat("large").etag)
    assert abs((stored.stat("large").modified_at - told.modified_at).total_seconds()) <= 2
    key = f"{stored.settings.prefix}/large"
    assert server.native.get_object(Bucket=BUCKET, Key=key)["Body"].read() == CONTENT


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART])
def test_every_size_around_a_part_comes_back(size: int, store: S3ArtifactStore) -> None:
    assert store.put("edge", io.BytesIO(CONTENT[:size])).size == size
    assert whole(store, "edge") == CONTENT[:size]
    assert whole(store, "edge", start=PART) == CONTENT[:size][PART:]


def test_each_byte_is_asked_for_once(stored: S3ArtifactStore, proxy: HttpProxy) -> None:
    before = proxy.requests
    assert whole(stored, "large", start=10) == CONTENT[10:]
    asked = sorted(ranges(proxy.log[before:]))
    assert asked[0][0] == 10
    assert len(asked) == proxy.requests - before == 3
    assert all(one[1] + 1 == two[0] for one, two in pairwise(asked))


def test_each_part_that_breaks_off_goes_on_where_it_stopped(stored: S3ArtifactStore, proxy: HttpProxy) -> None:
    before = proxy.requests
    broken = Fate(kind="break", length=BROKEN_AT)
    # What begins at a part's border is broken; what goes on is let through.
    with proxy.planning(once(broken, lambda each: ranges([each])[0][0] % PART == 0)):
        assert whole(stored, "large") == CONTENT
    asked = ranges(proxy.log[before:])
    resumed = [start for start, _ in asked if start % PART]
    assert {start - start % PART for start, _ in asked} == {0, PART, 2 * PART, 3 * PART}
    # What arrived in whole pieces is kept: at most one piece of what came is asked for again.
    assert len(resumed) == PARTS - 1  # the last part is shorter than what gets through
    assert all(BROKEN_AT - (1 << 18) <= start % PART <= BROKEN_AT for start in resumed)
    for start, stop in asked:
        assert stop == (min(start - start % PART + PART, len(CONTENT)) - 1 if start else PART - 1)
    later = [each for each in proxy.log[before:] if ranges([each])[0][0]]
    assert all("if-match" in each.headers for each in later)


@pytest.mark.parametrize(
    "fate", [Fate(kind="cut"), Fate(kind="lose"), Fate(kind="answer", status=503)], ids=["cut", "lose", "503"]
)
def test_every_request_for_a_part_may_fail_once(fate: Fate, stored: S3ArtifactStore, proxy: HttpProxy) -> None:
    # Opening is one request, which whoever calls makes again.
    with stored.open("large") as stream, proxy.planning(once(fate, lambda _: True)):
        assert stream.read() == CONTENT


def test_a_part_that_breaks_each_time_is_an_error_that_stays(stored: S3ArtifactStore, proxy: HttpProxy) -> None:
    second = Fate(kind="break", length=10)
    plan: Callable[[Request], Fate] = lambda each: second if PART <= ranges([each])[0][0] < 2 * PART else PASS  # noqa: E731
    with proxy.planning(plan), stored.open("large") as stream:
        assert stream.read(PART) == CONTENT[:PART]
        for _ in range(3):
            with pytest.raises(BackendUnavailableError):
                stream.read(PART)
    with stored.open("large") as stream:
        assert stream.read() == CONTENT


def test_what_was_replaced_meanwhile_is_an_error_and_never_a_mixture(make_store: MakeStore) -> None:
    store = make_store(concurrency=1)
    content = CONTENT + bytes(3 * PART)
    store.put("large", content)
    with store.open("large") as stream:
        assert stream.read(100) == content[:100]
        store.put("large", bytes(len(content)))
        seen = content[:100]
        with suppress(BackendUnavailableError):
            while piece := stream.read(1 << 20):
                seen += piece
        assert seen == content[: len(seen)]
        assert len(seen) < len(content)
        with pytest.raises(BackendUnavailableError, match="replaced"):
            stream.read(1)


def test_where_conditions_are_ignored_nothing_is_mixed_either(tmp_path: Path) -> None:
    content = b"1" * (3 * PART)
    with rclone(tmp_path) as url:
        server = S3Server.at(url, tmp_path)
        secrets: dict[str, Any] = {
            "access_key_id": Secret(file=server.folder / "key"),
            "secret_access_key": Secret(file=server.folder / "secret"),
        }
        store = S3ArtifactStore(
            S3Settings(bucket=BUCKET, endpoint_url=url, part_size=PART, concurrency=1, **secrets),
            retries=Retries(sleep=lambda _: None),
        )
        store.put("large", content)
        with store.open("large") as stream:
            assert stream.read(100) == content[:100]
            store.put("large", b"2" * len(content))
            with pytest.raises(BackendUnavailableError, match="replaced"):
                stream.read()
        store.close()


def test_what_was_removed_meanwhile_is_an_error(make_store: MakeStore) -> None:
    store = make_store(concurrency=1)
    store.put("large", CONTENT + bytes(3 * PART))
    with store.open("large") as stream:
        stream.read(100)
        store.delete("large")
        with pytest.raises(BackendError):
            stream.read()


@pytest.mark.parametrize(
    "fate", [Fate(kind="cut"), Fate(kind="lose"), Fate(kind="answer", status=503)], ids=["cut", "lose", "503"]
)
def test_every_part_of_an_upload_may_fail_once(fate: Fate, store: S3ArtifactStore, proxy: HttpProxy) -> None:
    with proxy.planning(once(fate, lambda each: "partNumber" in each.path)):
        store.put("large", io.BytesIO(CONTENT))
    assert whole(store, "large") == CONTENT
    sent = Counter(each.path for each in proxy.log if "partNumber" in each.path)
    assert list(sent.values()) == [2] * PARTS


@pytest.mark.parametrize(
    ("status", "retries", "sent"),
    [(403, Retries(sleep=lambda _: None), 1), (503, Retries(sleep=lambda _: None, give_up_after=0), 1), (503, None, 5)],
    ids=["refused", "too late", "unavailable"],
)
def test_a_part_is_sent_again_only_where_that_helps(
    status: int, retries: Retries | None, sent: int, make_store: MakeStore, proxy: HttpProxy
) -> None:
    store = make_store(concurrency=1, retries=retries or Retries(sleep=lambda _: None))
    failing = Fate(kind="answer", status=status)
    with proxy.planning(lambda each: failing if "partNumber=1" in each.path else PASS), pytest.raises(BackendError):
        store.put("large", io.BytesIO(CONTENT))
    assert sum("partNumber=1" in each.path for each in proxy.log) == sent


def test_a_callback_that_fails_loses_no_bytes(make_store: MakeStore) -> None:
    failing = [True]

    def progress(key: str, count: int) -> None:
        if key == "large" and failing and failing.pop():
            raise RuntimeError("the bar is gone")

    store = make_store(progress=progress)
    failing.clear()
    store.put("large", io.BytesIO(CONTENT))
    failing.append(True)
    with store.open("large") as stream:
        with pytest.raises(RuntimeError, match="the bar"):
            stream.read(10)
        assert stream.read() == CONTENT


class Failing(io.RawIOBase):
    """A stream that gives two parts and then fails."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 2 * PART

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not self.left:
            raise RuntimeError("the disk is gone")
        size = min(size, self.left, 1 << 20)
        self.left -= size
        return bytes(size)


def parts_left(server: S3Server, prefix: str) -> list[str]:
    found = server.native.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return [each["Key"] for each in found if each["Key"].startswith(prefix)]


def test_a_stream_that_fails_leaves_what_was_there_and_no_parts(store: S3ArtifactStore, server: S3Server) -> None:
    store.put("large", b"before")
    with pytest.raises(RuntimeError, match="the disk is gone"):
        store.put("large", Failing())  # pyright: ignore[reportArgumentType]
    assert store.get("large").data == b"before"
    assert parts_left(server, store.settings.prefix) == []


@pytest.mark.parametrize("where", ["partNumber=2", "POST finish"])
def test_an_upload_that_fails_leaves_no_parts(
    where: str, store: S3ArtifactStore, proxy: HttpProxy, server: S3Server
) -> None:
    def plan(request: Request) -> Fate:
        finish = request.method == "POST" and "uploadId" in request.path
        hit = finish if where == "POST finish" else where in request.path
        return Fate(kind="answer", status=500) if hit else PASS

    with proxy.planning(plan), pytest.raises(BackendUnavailableError):
        store.put("large", io.BytesIO(CONTENT))
    assert list(store.find()) == []
    assert parts_left(server, store.settings.prefix) == []
    assert [each for each in threading.enumerate() if each.name.startswith("s3-write")] == []


def test_a_stream_longer_than_all_parts_is_refused_with_what_to_set(
    store: S3ArtifactStore, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapter_s3._client._MOST_PARTS", PARTS - 1)
    with pytest.raises(BackendError, match="part_size") as caught:
        store.put("large", io.BytesIO(CONTENT))
    assert not isinstance(caught.value, BackendUnavailableError)  # another attempt would end likewise
    assert list(store.find()) == []
    assert parts_left(server, store.settings.prefix) == []


def test_an_error_that_comes_with_status_200_is_an_error(store: S3ArtifactStore, proxy: HttpProxy) -> None:
    body = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>late</Message></Error>"
    late = Fate(kind="answer", status=200, body=body, headers={"Content-Type": "application/xml"})

    def plan(request: Request) -> Fate:
        return late if request.method == "POST" and "uploadId" in request.path else PASS

    with proxy.planning(plan), pytest.raises(BackendUnavailableError):
        store.put("large", io.BytesIO(CONTENT))


def test_progress_adds_up_whatever_breaks(make_store: MakeStore, proxy: HttpProxy) -> None:
    moved = Counter[str]()
    lock = threading.Lock()

    def progress(key: str, count: int) -> None:
        assert count > 0
        with lock:
            moved[key] += count

    store = make_store(progress=progress)
    with proxy.planning(once(Fate(kind="cut"), lambda each: "partNumber" in each.path)):
        store.put("large", io.BytesIO(CONTENT))
    assert moved == {"large": len(CONTENT)}
    moved.clear()
    with proxy.planning(once(Fate(kind="break", length=1000), lambda each: ranges([each])[0][0] % PART == 0)):
        assert whole(store, "large") == CONTENT
    assert moved == {"large": len(CONTENT)}


def reading() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("s3-read")]


def wait_until_nobody_reads(seconds: float) -> float:
    began = time.monotonic()
    while reading() and time.monotonic() < began + seconds:
        time.sleep(0.01)
    assert reading() == []
    return time.monotonic() - began


@pytest.mark.parametrize("how", ["closed", "forgotten", "read to the end"])
def test_a_reader_that_is_left_gives_its_threads_back(how: str, stored: S3ArtifactStore) -> None:
    stream: BinaryIO | None = stored.open("large")
    assert stream is not None
    assert reading()
    stream.read(-1 if how == "read to the end" else 10)
    if how != "forgotten":
        stream.close()
    stream = None
    wait_until_nobody_reads(10)
    # and the connections can be used again
    assert stored.get("large", stop=3).data == CONTENT[:3]


def test_closing_a_reader_ends_its_attempts(stored: S3ArtifactStore, proxy: HttpProxy) -> None:
    with proxy.planning(lambda each: Fate(kind="answer", status=503) if "if-match" in each.headers else PASS):
        stream = stored.open("large")
        stream.close()
        wait_until_nobody_reads(10)
        before = proxy.requests
        time.sleep(0.05)
        assert proxy.requests == before


def test_memory_stays_below_the_parts_that_are_in_flight(server: S3Server) -> None:
    """200 MiB up and down, in a process of its own whose peak is measured after a transfer of two parts."""
    script = """
import io, json, resource, sys
from pathlib import Path
from adapter_s3 import S3ArtifactStore, S3Settings
from mlops_core.secret import Secret
url, key, secret, bucket = json.loads(sys.argv[1])
PART, PARTS = 5 << 20, 40
store = S3ArtifactStore(S3Settings(bucket=bucket, prefix="memory", endpoint_url=url, access_key_id=Secret(file=Path(key)),
    secret_access_key=Secret(file=Path(secret)), part_size=PART, concurrency=3))
class Zeros(io.RawIOBase):
    def __init__(self, size):
        self.left = size
    def readable(self):
        return True
    def readinto(self, buffer):
        count = min(len(buffer), self.left, 1 << 18)
        self.left -= count
        buffer[:count] = bytes(count)
        return count
def read(key):
    count = 0
    with store.open(key) as stream:
        while piece := stream.read(1 << 16):
            count += len(piece)
    return count
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
store.put("warm", bytes(10))
store.get("warm")
began = peak()
assert store.put("large", io.BufferedReader(Zeros(PART * PARTS))).size == PART * PARTS
up = peak() - began
assert read("large") == PART * PARTS
down = peak() - began
print(json.dumps([up / PART, down / PART]))
"""
    where = json.dumps([server.url, str(server.folder / "key"), str(server.folder / "secret"), BUCKET])
    ran = subprocess.run(
        [sys.executable, "-c", script, where], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    up, down = json.loads(ran.stdout)
    # Parts in flight, one being read, and what the SDK copies of each to send head and body at once.
    assert up < 2 * 3 + 2, ran.stdout
    assert down < 2 * 3 + 2, ran.stdout
