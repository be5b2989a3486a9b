"""The tracker on a store, beyond its contract: when points are written, what that costs, and whose a run is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import (
    AlreadyExistsError,
    BackendUnavailableError,
    ConfigurationError,
    ConflictError,
    IntegrityError,
)
from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.tracker import StoreExperimentTracker
from mlops_core.stores.tracker_documents import RunDocument
from mlops_core.testing import BreakableStore

from .hooked_store import HookedStore

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 2, tzinfo=UTC)


def _no_sync(_: int) -> None:
    return


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses power, so nothing has to wait for the disk."""
    monkeypatch.setattr(os, "fsync", _no_sync)


@pytest.fixture
def hooked(tmp_path: Path) -> HookedStore:
    return HookedStore(FileArtifactStore(tmp_path / "store", backend="home"))


@pytest.fixture
def tracker(hooked: HookedStore) -> StoreExperimentTracker:
    return StoreExperimentTracker(hooked, backend="home")


def points(count: int, *, keys: int = 10, first: int = 0) -> list[MetricPoint]:
    return [
        MetricPoint(key=f"k{n % keys}", value=n / 7, step=n // keys, time=START + timedelta(milliseconds=n))
        for n in range(first, first + count)
    ]


def test_points_are_kept_back_up_to_a_thousand(hooked: HookedStore, tracker: StoreExperimentTracker) -> None:
    run = tracker.start_run("e")
    before = len(hooked.requests)
    run.log_metrics(points(999))
    assert len(hooked.requests) == before
    assert list(tracker.metric_history(run.id, "k0")) == []
    run.log_metrics(points(1, first=999))
    assert len(list(tracker.metric_history(run.id, "k0"))) == 100


def test_points_are_kept_back_up_to_five_seconds_by_the_next_call(hooked: HookedStore) -> None:
    now = [100.0]
    tracker = StoreExperimentTracker(hooked, backend="home", monotonic=lambda: now[0])
    calls: list[Callable[[], object]] = [
        lambda: run.log_metrics({"k1": 1.0}),
        lambda: run.log_params({"a": 1}),
        lambda: run.set_tags({"a": "1"}),
        lambda: run.log_files({"a": b""}),
    ]
    run = tracker.start_run("e")
    for number, call in enumerate(calls, start=1):
        run.log_metrics({"k0": float(number)}, step=number)
        now[0] += 4.9
        run.log_metrics({"k0": -float(number)}, step=number)
        assert len(list(tracker.metric_history(run.id, "k0"))) == 2 * number - 2
        now[0] += 0.2
        call()
        assert len(list(tracker.metric_history(run.id, "k0"))) == 2 * number
        run.flush()


def test_a_call_that_returned_has_taken_its_points_and_one_that_raised_has_taken_none(tmp_path: Path) -> None:
    store = BreakableStore(FileArtifactStore(tmp_path / "store", backend="home"))
    tracker = StoreExperimentTracker(store, backend="home", retries=Retries(sleep=lambda _: None))
    run = tracker.start_run("e")
    many = {f"k{number}": 1.0 for number in range(1_000)}
    with store.cut():
        run.log_metrics(many, step=0)  # these could not be written, and stay with the run
        with pytest.raises(BackendUnavailableError):
            run.log_metrics(many, step=1)
    run.log_metrics(many, step=1)
    run.finish()
    assert [each.step for each in tracker.metric_history(run.id, "k7")] == [0, 1]


def test_negative_zero_keeps_its_sign(tracker: StoreExperimentTracker) -> None:
    with tracker.start_run("e") as run:
        run.log_metrics({"loss": -0.0})
    assert [repr(each.value) for each in tracker.metric_history(run.id, "loss")] == ["-0.0"]
    assert repr(tracker.get_run(run.id).metrics["loss"]) == "-0.0"


def test_a_hundred_thousand_points_cost_what_they_are(tmp_path: Path) -> None:
    cost: list[tuple[int, int, int]] = []
    for count in (50_000, 100_000):
        hooked = HookedStore(FileArtifactStore(tmp_path / str(count), backend="home"))
        tracker = StoreExperimentTracker(hooked, backend="home")
        logged = points(count)
        with tracker.start_run("e") as run:
            for start in range(0, count, 100):
                run.log_metrics(logged[start : start + 100])
        document = hooked.inner.stat(f"runs/{run.id}/run.json").size
        cost.append((sum(hooked.written), max(hooked.written), document))
        assert list(tracker.metric_history(run.id, "k3")) == [each for each in logged if each.key == "k3"]
        assert tracker.get_run(run.id).metrics == {each.key: each.value for each in logged[-10:]}
    (half, largest_of_half, document_of_half), (whole, largest, document) = cost
    assert whole < 2.1 * half
    assert largest < 1.05 * largest_of_half < 2_000_000
    assert document < 1.05 * document_of_half < 2_000


def test_an_ended_run_is_compact_and_one_metric_is_read_alone(
    hooked: HookedStore, tracker: StoreExperimentTracker
) -> None:
    with tracker.start_run("e") as run:
        for first in range(0, 50_000, 1_000):
            run.log_metrics(points(1_000, first=first))
        assert len(list(hooked.inner.find(f"runs/{run.id}/metrics/"))) == 50
    kept = [each.key.rpartition("metrics/")[2] for each in hooked.inner.find(f"runs/{run.id}/metrics/")]
    assert kept == [*(f"sorted-50/{number:08}.json" for number in range(3)), "sorted-50/index.json"]
    before = len(hooked.requests)
    assert len(list(tracker.metric_history(run.id, "k0"))) == 5_000
    assert len(hooked.requests) - before == 3  # the run, the index, one segment
    before = len(hooked.requests)
    assert list(tracker.metric_history(run.id, "k00")) == []
    assert len(hooked.requests) - before == 1


def test_a_short_run_costs_few_requests(hooked: HookedStore, tracker: StoreExperimentTracker) -> None:
    with tracker.start_run("e") as run:
        started = len(hooked.requests)
        run.log_params({f"p{number}": number for number in range(100)})
        for step in range(100):
            run.log_metrics({"loss": 1.0}, step=step)
    assert (started, len(hooked.requests)) == (2, 6)
    before = len(hooked.requests)
    assert [each.id for each in tracker.runs("e", params={"p7": 7})] == [run.id]
    assert len(hooked.requests) - before == 2  # the listing, the run


def test_a_run_belongs_to_the_process_that_started_it(tmp_path: Path) -> None:
    program = Path(__file__).with_name("fork_with_a_run.py")
    command = [sys.executable, "-W", "error", str(program), str(tmp_path / "store")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("4 running [1.0, 3.0]\n", "")


@pytest.mark.parametrize("ended", [False, True])
def test_a_damaged_or_lost_segment_is_an_error(
    hooked: HookedStore, tracker: StoreExperimentTracker, *, ended: bool
) -> None:
    run = tracker.start_run("e")
    for first in range(0, 3_000, 1_000):
        run.log_metrics(points(1_000, first=first))
    if ended:
        run.finish()
    (key, *_) = [each.key for each in hooked.inner.find(f"runs/{run.id}/metrics/")]
    whole = hooked.inner.get(key).data
    for damage in (whole.replace(b"0.1428", b"0.1429", 1), whole.replace(run.id.encode(), b"0" * 32, 1), b"{}", b""):
        assert damage != whole
        hooked.inner.put(key, damage)
        with pytest.raises(IntegrityError) as caught:
            list(tracker.metric_history(run.id, "k0"))
        assert key in caught.value.where
    hooked.inner.delete(key)
    with pytest.raises(IntegrityError, match="vanished"):
        list(tracker.metric_history(run.id, "k0"))


def test_two_writers_of_one_run_are_noticed(hooked: HookedStore, tracker: StoreExperimentTracker) -> None:
    run = tracker.start_run("e")
    hooked.inner.put(f"runs/{run.id}/metrics/live/00000000.json", b"somebody else's")
    run.log_metrics({"loss": 1.0})
    with pytest.raises(ConflictError, match="the points were not stored"):
        run.flush()


def test_what_somebody_else_has_written_into_the_run_meanwhile_is_kept(
    hooked: HookedStore, tracker: StoreExperimentTracker
) -> None:
    with tracker.start_run("e") as run:
        key = f"runs/{run.id}/run.json"
        found = RunDocument.from_bytes(hooked.inner.get(key).data, where=key, run_id=run.id)
        hooked.inner.put(key, replace(found, nonce="other", tags={"by": "hand"}).to_bytes())
        run.log_params({"depth": 3})
    record = tracker.get_run(run.id)
    assert (record.tags, record.params, record.status) == ({"by": "hand"}, {"depth": "3"}, "finished")


def test_ids_that_repeat_are_noticed(hooked: HookedStore) -> None:
    tracker = StoreExperimentTracker(hooked, backend="home", new_id=lambda: "same", clock=lambda: START)
    tracker.start_run("e", name="first")
    with pytest.raises(AlreadyExistsError, match="not started"):
        tracker.start_run("e", name="second")
    assert [each.name for each in tracker.runs()] == ["first"]


def test_a_clock_that_is_set_back_ends_no_run_before_its_start(hooked: HookedStore) -> None:
    moments = iter([START, START - timedelta(days=1), START - timedelta(days=1)])
    tracker = StoreExperimentTracker(hooked, backend="home", clock=lambda: next(moments))
    with tracker.start_run("e") as run:
        run.log_metrics({"loss": 1.0})
    record = tracker.get_run(run.id)
    assert (record.started_at, record.ended_at) == (START, START)


def test_what_others_put_beside_the_runs_is_no_run(hooked: HookedStore, tracker: StoreExperimentTracker) -> None:
    run = tracker.start_run("e")
    for stray in ("experiments/e/readme", "experiments/e/0-", "experiments/e/000-nope", "experiments/.DS_Store"):
        hooked.inner.put(stray, b"")
    assert [each.id for each in tracker.runs("e")] == [run.id]
    assert [each.id for each in tracker.runs()] == [run.id]


def test_a_store_without_conditional_writes_is_refused(tmp_path: Path) -> None:
    class Plain(FileArtifactStore):
        @property
        def capabilities(self) -> ArtifactStoreCapability:
            return ArtifactStoreCapability.NONE

    with pytest.raises(ConfigurationError, match="cannot hold a tracker"):
        StoreExperimentTracker(Plain(tmp_path), backend="home")
