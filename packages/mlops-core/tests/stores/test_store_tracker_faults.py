"""The tracker on a store when requests fail, answers are lost and writers die: at every request.

Each test first counts the requests of a programme that nothing disturbs, then repeats it with something going wrong at
each of them, so no step of the protocol is left to chance.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import BackendUnavailableError
from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.tracker import StoreExperimentTracker

from .hooked_store import HookedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_core.stores.tracker_run import StoreRun

START = datetime(2026, 1, 2, tzinfo=UTC)
GIVEN = [
    MetricPoint(key=f"k{n % 2}", value=n / 7, step=n, time=START + timedelta(milliseconds=n)) for n in range(2_500)
]
PARTS = [GIVEN[first : first + 1_000] for first in range(0, 2_500, 1_000)]
IMPATIENT = Retries(attempts=2, sleep=lambda _: None)


class Killed(BaseException):
    """The process died here."""


def _no_sync(_: int) -> None:
    return


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses power, so nothing has to wait for the disk."""
    monkeypatch.setattr(os, "fsync", _no_sync)


class Scene:
    """A fresh store, a run whose requests are hooked, and a reader that works undisturbed."""

    def __init__(self, root: Path) -> None:
        store = FileArtifactStore(root, backend="home")
        self.hooked = HookedStore(store)
        self.run = StoreExperimentTracker(self.hooked, backend="home", retries=IMPATIENT).start_run("e")
        self.reader = StoreExperimentTracker(store, backend="home")
        self.hooked.requests.clear()

    def history(self) -> list[MetricPoint]:
        """Both metrics, in the order in which they were given."""
        found = [each for key in ("k0", "k1") for each in self.reader.metric_history(self.run.id, key)]
        assert len(found) == len(set(found)), "a point is there twice"
        return sorted(found, key=lambda each: each.step)


def calls_of(run: StoreRun) -> list[Callable[[], object]]:
    """A programme of every kind of call."""
    return [
        lambda: run.log_params({"depth": 3}),
        lambda: run.log_metrics(PARTS[0]),
        lambda: run.set_tags({"stage": "try", "team": "ops"}),
        lambda: run.log_metrics(PARTS[1]),
        lambda: run.set_tags({"stage": None}),
        lambda: run.log_params({"rate": 0.5}),
        lambda: run.log_files({"a.txt": b"a"}),
        lambda: run.log_metrics(PARTS[2]),
        run.finish,
    ]


def requests_of_programme(root: Path) -> int:
    scene = Scene(root)
    for call in calls_of(scene.run):
        call()
    assert scene.history() == GIVEN
    return len(scene.hooked.requests)


def scenes(tmp_path: Path) -> Iterator[tuple[Scene, int]]:
    for number in range(requests_of_programme(tmp_path / "undisturbed")):
        yield Scene(tmp_path / str(number)), number


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("lands", [False, True])
def test_an_outage_at_any_request_doubles_and_loses_nothing(tmp_path: Path, *, lands: bool) -> None:
    """From one request on nobody answers, longer than retries last; then each call that raised is made again."""

    def fail(from_number: int) -> Callable[[int], None]:
        def hook(number: int) -> None:
            if number >= from_number:
                raise BackendUnavailableError("down")

        return hook

    for scene, number in scenes(tmp_path):
        if lands:
            scene.hooked.after = fail(number)
            scene.hooked.before = fail(number + 1)
        else:
            scene.hooked.before = fail(number)
        for call in calls_of(scene.run):
            try:
                call()
            except BackendUnavailableError:
                scene.hooked.before = scene.hooked.after = lambda _: None
                call()
        record = scene.reader.get_run(scene.run.id)
        assert (record.status, record.params, record.tags) == (
            "finished",
            {"depth": "3", "rate": "0.5"},
            {"team": "ops"},
        ), scene.hooked.requests[number]
        assert scene.history() == GIVEN, scene.hooked.requests[number]
        assert record.metrics == {"k0": GIVEN[-2].value, "k1": GIVEN[-1].value}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("lands", [False, True])
def test_a_writer_that_dies_at_any_request_leaves_whole_points_of_a_prefix(tmp_path: Path, *, lands: bool) -> None:
    """What is read is what was given first, nothing twice; record and history agree; an ended run has it all."""

    def die(at: int) -> Callable[[int], None]:
        def hook(number: int) -> None:
            if number == at:
                raise Killed

        return hook

    for scene, number in scenes(tmp_path):
        if lands:
            scene.hooked.after = die(number)
        else:
            scene.hooked.before = die(number)
        stored = 0
        try:
            for call in calls_of(scene.run):
                call()
                stored = len(scene.history())
        except Killed:
            pass
        found = scene.history()
        assert found == GIVEN[: len(found)], scene.hooked.requests[number]
        assert len(found) >= stored
        record = scene.reader.get_run(scene.run.id)
        last = {each.key: each.value for each in found}
        assert record.metrics == last
        if record.status == "finished":
            assert found == GIVEN


@pytest.mark.usefixtures("quick")
def test_a_reader_at_any_request_of_the_end_sees_every_point_once(tmp_path: Path) -> None:
    """Compaction replaces what is read while it is read."""
    scene = Scene(tmp_path / "store")
    *calls, finish = calls_of(scene.run)
    for call in calls:
        call()
    scene.run.flush()
    looked: list[int] = []

    def look(number: int) -> None:
        looked.append(number)
        assert scene.history() == GIVEN, scene.hooked.requests[-1]

    scene.hooked.before = scene.hooked.after = look
    finish()
    assert len(looked) > 10


@pytest.mark.usefixtures("quick")
def test_a_run_that_ends_while_its_points_are_read_is_read_whole(tmp_path: Path) -> None:
    """The reader has read that the run goes on; then the run ends, and the segments that it goes for are gone."""
    for moment in range(4):
        scene = Scene(tmp_path / str(moment))
        *calls, finish = calls_of(scene.run)
        for call in calls:
            call()
        scene.run.flush()
        store = HookedStore(scene.hooked.inner)

        def end(number: int, moment: int = moment, finish: Callable[[], object] = finish) -> None:
            if number == moment:
                finish()

        store.before = end
        found = list(StoreExperimentTracker(store, backend="home").metric_history(scene.run.id, "k1"))
        assert found == [each for each in GIVEN if each.key == "k1"]


@pytest.mark.parametrize("seed", range(3))
def test_kill_9_loses_at_most_one_buffer(tmp_path: Path, seed: int) -> None:
    program = Path(__file__).with_name("log_points.py")
    command = [sys.executable, str(program), str(tmp_path / "store")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        line = ""
        for line in writer.stdout:
            if line.startswith("flushed"):
                break
        time.sleep(0.05 + 0.07 * seed)
        os.kill(writer.pid, signal.SIGKILL)
        lines = [line, *writer.stdout.read().splitlines(keepends=True)]
    said = [each.split() for each in lines if each.endswith("\n")]
    given = max(int(count) for _, count in said)
    flushed = max(int(count) for word, count in said if word == "flushed")
    reader = StoreExperimentTracker(FileArtifactStore(tmp_path / "store"), backend="home")
    (record,) = reader.runs("e")
    found = list(reader.metric_history(record.id, "loss"))
    assert [each.step for each in found] == list(range(len(found)))
    assert len(found) >= max(flushed, given - 1_000)
    assert (record.status, record.params) == ("running", {"depth": "3"})
    assert record.metrics == {"loss": found[-1].value}
