"""Collecting what killed ends of runs have left: at every request of an end, and never what counts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.tracker import StoreExperimentTracker

from .hooked_store import HookedStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.stores.tracker_run import StoreRun

STEPS: Final = [0, 1, 2]


class Killed(BaseException):
    """The process died here."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses power, so nothing has to wait for the disk."""

    def no_sync(_: int) -> None:
        return

    monkeypatch.setattr(os, "fsync", no_sync)


class Scene:
    """A run with three live segments whose requests are hooked, and a tracker that works undisturbed."""

    def __init__(self, root: Path) -> None:
        self.store = FileArtifactStore(root, backend="home")
        self.hooked = HookedStore(self.store)
        self.tracker = StoreExperimentTracker(self.store, backend="home")
        self.run: StoreRun = StoreExperimentTracker(self.hooked, backend="home").start_run("e")
        for step in STEPS:
            self.run.log_metrics({"loss": 0.5}, step=step)
            self.run.flush()
        self.hooked.requests.clear()

    def segments(self) -> set[str]:
        prefix = f"runs/{self.run.id}/metrics/"
        return {each.key.removeprefix(prefix) for each in self.store.find(prefix)}

    def steps(self) -> list[int]:
        return [each.step for each in self.tracker.metric_history(self.run.id, "loss")]


def die(at: int) -> Callable[[int], None]:
    def hook(number: int) -> None:
        if number == at:
            raise Killed

    return hook


def requests_of_the_end(root: Path) -> int:
    scene = Scene(root)
    scene.run.finish()
    return len(scene.hooked.requests)


@pytest.mark.parametrize("lands", [False, True])
def test_an_end_that_is_killed_at_any_request_leaves_nothing_once_the_run_has_ended(
    tmp_path: Path, *, lands: bool
) -> None:
    seen: set[str] = set()
    for number in range(requests_of_the_end(tmp_path / "undisturbed")):
        scene = Scene(tmp_path / str(number))
        if lands:
            scene.hooked.after = die(number)
        else:
            scene.hooked.before = die(number)
        with pytest.raises(Killed):
            scene.run.finish()
        before, status = scene.segments(), scene.tracker.get_run(scene.run.id).status
        would = scene.tracker.collect_garbage(dry_run=True)
        assert scene.segments() == before
        done = scene.tracker.collect_garbage()
        assert (done.leftovers, done.kept) == (would.leftovers, ())
        assert done.objects == len(before - scene.segments())
        if status == "running":
            assert scene.segments() == before  # the process may only be suspended
        else:
            assert scene.segments() == {"sorted-3/00000000.json", "sorted-3/index.json"}
        assert scene.steps() == STEPS
        seen.add(status)
    assert seen == {"running", "finished"}


def test_a_collection_at_any_request_of_an_end_disturbs_neither_it_nor_a_reader(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "store")

    def collect(_: int) -> None:
        scene.tracker.collect_garbage()
        assert scene.steps() == STEPS

    scene.hooked.before = scene.hooked.after = collect
    scene.run.finish()
    assert scene.segments() == {"sorted-3/00000000.json", "sorted-3/index.json"}


def test_segments_that_an_earlier_attempt_has_sorted_go_too(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "store")

    def fail(_: int) -> None:
        if scene.hooked.requests[-1].endswith("run.json"):
            raise Killed

    scene.hooked.before = fail
    with pytest.raises(Killed):
        scene.run.finish()
    scene.hooked.before = lambda _: None
    assert "sorted-3/index.json" in scene.segments()
    scene.run.log_metrics({"loss": 0.5}, step=3)
    scene.run.finish()
    assert scene.tracker.collect_garbage().objects > 0
    assert scene.segments() == {"sorted-4/00000000.json", "sorted-4/index.json"}
    assert scene.steps() == [*STEPS, 3]


def test_a_run_that_cannot_be_read_is_left_alone_and_told(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "store")
    data = scene.store.get(f"runs/{scene.run.id}/metrics/live/00000000.json").data
    scene.run.finish()
    scene.store.put(f"runs/{scene.run.id}/metrics/live/00000000.json", data)
    scene.store.put(f"runs/{scene.run.id}/run.json", b"{")
    before = scene.segments()
    done = scene.tracker.collect_garbage()
    assert (done.leftovers, [each.what for each in done.kept]) == ((), [f"runs/{scene.run.id}/metrics/"])
    assert scene.segments() == before


def test_runs_that_left_nothing_cost_one_listing(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "store")
    scene.run.finish()
    scene.tracker.start_run("e").log_files({"metrics/live/00000000.json": b"", "metrics/sorted-1/x": b""})
    hooked = HookedStore(scene.store)
    done = StoreExperimentTracker(hooked, backend="home").collect_garbage()
    assert (done.leftovers, done.kept, hooked.requests) == ((), (), ["find runs/"])
