"""The registry on a bucket when many write at once, and when the network or the service fails at any request."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from adapter_s3 import S3ArtifactStore
from mlops_core.errors import BackendUnavailableError, MlopsError
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.testing import make_package

from ..contract.s3_subjects import BUCKET, settings
from ..servers.http_proxy import PASS, Fate, HttpProxy
from ..servers.s3_servers import has_ceph

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from ..contract.s3_subjects import S3Server
    from ..servers.http_proxy import Request

pytestmark = pytest.mark.enable_socket
PROCESSES, TURNS = 8, 15
READ_TIMEOUT = 0.4
PAUSES = Retries(first_pause=0.002, longest_pause=0.02)
"""As many attempts as by default, with short pauses."""
_WORKER = """
import json, sys
from pathlib import Path
from adapter_s3 import S3Backend
from mlops_core.testing import make_package
options, me, turns = json.loads(sys.argv[1])
registry = S3Backend("lake", options, base=Path(".")).model_registry()
registry.get("churn", 1)
print("ready", flush=True)
sys.stdin.readline()
for turn in range(turns):
    name = f"{me}-{turn}"
    made = registry.register("churn", make_package(name), operation_id=name)
    assert not made.reused
    print(f"{made.version}:{name}")
sys.stdout.flush()
sys.stdin.readline()
for turn in range(turns):
    registry.set_tags("churn", 1, {f"t{me}-{turn}": str(turn)})
print("done", flush=True)
"""


def together(server: S3Server, proxy: HttpProxy) -> None:
    """Eight processes register, then eight processes write tags; each time all begin at one moment."""
    prefix = f"rivals-{uuid4().hex}"
    quiet = StoreModelRegistry(server.store(prefix), backend="lake")
    quiet.register("churn", make_package("first"), operation_id="first")
    options = {
        "bucket": BUCKET,
        "prefix": prefix,
        "endpoint_url": proxy.url,
        "access_key_id": {"file": str(server.folder / "key")},
        "secret_access_key": {"file": str(server.folder / "secret")},
    }
    lines: list[str] = []
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _WORKER, json.dumps([options, number, TURNS])],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env={"HOME": str(server.folder), "PATH": "/usr/bin:/bin"},
                )
            )
            for number in range(PROCESSES)
        ]
        stack.callback(lambda: [each.kill() for each in workers])
        assert [_line(each) for each in workers] == ["ready"] * PROCESSES
        with counting_losses(proxy, "versions") as numbers_lost:
            _go(workers)
            for each in workers:
                lines += [_line(each) for _ in range(TURNS)]
        with counting_losses(proxy, "tags") as tags_lost:
            _go(workers)
            assert [_line(each) for each in workers] == ["done"] * PROCESSES
        for each in workers:
            each.communicate(timeout=30)
        assert [each.returncode for each in workers] == [0] * PROCESSES
    count = PROCESSES * TURNS
    found = {f"{each.version}:{each.operation_id}" for each in quiet.versions("churn")}
    assert found == {*lines, "1:first"}
    assert {each.partition(":")[0] for each in found} == {str(number) for number in range(1, count + 2)}
    tags = quiet.get("churn", 1).tags
    assert tags == {f"t{me}-{turn}": str(turn) for me in range(PROCESSES) for turn in range(TURNS)}
    print(f"lost {len(numbers_lost)} and {len(tags_lost)} of {count}")  # noqa: T201 (shown when the test fails)
    assert 0 < len(numbers_lost) < count
    assert 0 < len(tags_lost) < count


def test_eight_processes_lose_nothing_and_few_attempts(ministack_server: S3Server, ministack_proxy: HttpProxy) -> None:
    together(ministack_server, ministack_proxy)


if has_ceph():

    @pytest.mark.xdist_group("ceph")
    def test_eight_processes_lose_nothing_and_few_attempts__ceph(ceph_server: S3Server, ceph_proxy: HttpProxy) -> None:
        together(ceph_server, ceph_proxy)


@contextmanager
def counting_losses(proxy: HttpProxy, folder: str) -> Generator[list[str]]:
    """Gathers the paths of conditional writes below a folder that somebody else was faster at."""
    began = len(proxy.answers)
    lost: list[str] = []
    yield lost
    lost += [
        request.path
        for request, status in proxy.answers[began:]
        if request.method == "PUT" and f"/{folder}/" in request.path and status in {409, 412}
    ]


def _line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()


def _go(workers: list[subprocess.Popen[str]]) -> None:
    for each in workers:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()


class Scene:
    """A model of one version in a bucket, seen through a proxy by one registry and past it by another."""

    def __init__(self, server: S3Server, proxy: HttpProxy) -> None:
        prefix = f"faults-{uuid4().hex}"
        self.proxy = proxy
        near = replace(settings(proxy.url, prefix, server.folder), read_timeout=READ_TIMEOUT)
        memory = server.folder / "probe.json"
        self.disturbed_store = S3ArtifactStore(near, backend="lake", probe_memory=memory)
        self.registry = StoreModelRegistry(self.disturbed_store, backend="lake", retries=PAUSES)
        self.quiet_store = server.store(prefix)
        self.quiet = StoreModelRegistry(self.quiet_store, backend="lake")
        self.quiet.register("churn", make_package("first"), operation_id="first")
        self.disturbed_store.put("probed", b"", if_absent=True)

    def close(self) -> None:
        self.disturbed_store.close()
        self.quiet_store.close()

    def register(self) -> object:
        return self.registry.register("churn", make_package("second"), operation_id="second").version

    def set_alias(self) -> object:
        return self.registry.set_alias("churn", "champion", 1)

    def set_tags(self) -> object:
        return self.registry.set_tags("churn", 1, {"owner": "risk"})

    def check(self, call: str) -> None:
        """Once the call has succeeded its outcome is there exactly once."""
        found = [(each.version, each.operation_id) for each in self.quiet.versions("churn")]
        assert found == ([(2, "second"), (1, "first")] if call == "register" else [(1, "first")])
        if call == "set_alias":
            assert self.quiet.resolve("churn", "champion").version == 1
        if call == "set_tags":
            assert self.quiet.get("churn", 1).tags == {"owner": "risk"}


CALLS = ("register", "set_alias", "set_tags")


def answer(status: int, code: str) -> Fate:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return Fate(kind="answer", status=status, body=body, headers={"Content-Type": "application/xml"})


FATES = {
    "reset": Fate(kind="cut"),
    "reply lost": Fate(kind="lose"),
    "too late": Fate(delay=READ_TIMEOUT * 1.6),
    "500": answer(500, "InternalError"),
    "503": answer(503, "SlowDown"),
    "409": answer(409, "ConditionalRequestConflict"),
}


@pytest.fixture
def scene(ministack_server: S3Server, ministack_proxy: HttpProxy) -> Iterator[Callable[[], Scene]]:
    made: list[Scene] = []

    def make() -> Scene:
        made.append(Scene(ministack_server, ministack_proxy))
        return made[-1]

    yield make
    for each in made:
        each.close()


def requests_of(scene: Scene, call: str) -> int:
    before = scene.proxy.requests
    getattr(scene, call)()
    return scene.proxy.requests - before


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("call", CALLS)
def test_one_failure_at_any_request_is_overcome_by_the_call_itself(
    call: str, fate: str, scene: Callable[[], Scene]
) -> None:
    count = requests_of(scene(), call)
    assert count >= 2
    for number in range(count):
        one = scene()
        began = time.monotonic()
        with one.proxy.planning(lambda each, number=number: FATES[fate] if each.number == number else PASS):
            getattr(one, call)()
        assert time.monotonic() - began < 10
        one.check(call)


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("call", CALLS)
def test_a_storm_ends_in_bounded_time_with_an_error_of_ours_and_the_call_made_again_finishes_it(
    call: str, fate: str, scene: Callable[[], Scene]
) -> None:
    count = requests_of(scene(), call)
    for number in range(0, count, 2):  # everything from here on fails
        one = scene()
        began = time.monotonic()
        with one.proxy.planning(lambda each, number=number: FATES[fate] if each.number >= number else PASS):
            with pytest.raises(BackendUnavailableError):
                getattr(one, call)()
            assert one.proxy.requests < 200
        assert time.monotonic() - began < 30
        getattr(one, call)()
        one.check(call)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("seed", range(3))
def test_three_of_ten_requests_failing_anyhow_never_doubles_or_loses(
    seed: int, call: str, scene: Callable[[], Scene]
) -> None:
    chance = random.Random(f"{seed} {call}")
    fates = [FATES[each] for each in ("reset", "reply lost", "500", "503", "409")]
    one = scene()
    began = time.monotonic()
    with one.proxy.planning(lambda _: chance.choice(fates) if chance.random() < 0.3 else PASS):
        for _ in range(10):
            with suppress(BackendUnavailableError):
                getattr(one, call)()
                break
    assert time.monotonic() - began < 30
    with suppress(MlopsError):
        getattr(one, call)()
    one.check(call)


def test_the_worst_case_is_told_by_its_size(scene: Callable[[], Scene]) -> None:
    """Nothing answers at all: as many attempts as allowed, each as long as the time-out, and no more."""
    one = scene()
    began = time.monotonic()
    before: list[Request] = list(one.proxy.log)
    with one.proxy.planning(lambda _: FATES["too late"]), pytest.raises(BackendUnavailableError) as caught:
        one.registry.resolve("churn", "champion")
    assert len(one.proxy.log) - len(before) == PAUSES.attempts
    assert time.monotonic() - began < PAUSES.attempts * (READ_TIMEOUT + 1)
    assert caught.value.retryable
    assert "check endpoint_url and the network" in str(caught.value)
