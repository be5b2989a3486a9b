"""What earlier writers have written of runs is read, today's writer writes the same, what comes after it is refused."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from mlops_core.errors import IntegrityError
from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.tracker import StoreExperimentTracker

from .golden_tracker import AUC, LOSS, STARTED, files, write_runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.experiment_tracker import RunRecord

FORMAT_1: Final = Path(__file__).parent / "golden" / "tracker-format-1"
KINDS: Final = ("experiments/", "run.json", "metrics/live/", "metrics/sorted-2/0", "index.json", "files/")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses power, so nothing has to wait for the disk."""

    def no_sync(_: int) -> None:
        return

    monkeypatch.setattr(os, "fsync", no_sync)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the committed runs, which may be changed."""
    return Path(shutil.copytree(FORMAT_1, tmp_path / "copy"))


def tracker_of(root: Path) -> StoreExperimentTracker:
    return StoreExperimentTracker(FileArtifactStore(root), backend="home")


def runs_of(tracker: StoreExperimentTracker) -> tuple[RunRecord, RunRecord, RunRecord]:
    """The run that was sorted, the short one, the one that goes on."""
    going_on, short, sorted_run = tracker.runs()
    return sorted_run, short, going_on


def test_todays_writer_writes_what_the_first_one_wrote(tmp_path: Path) -> None:
    write_runs(tmp_path / "new")
    assert files(tmp_path / "new") == files(FORMAT_1)


def test_every_kind_of_document_is_there() -> None:
    assert all(any(kind in key for key in files(FORMAT_1)) for kind in KINDS)


def test_runs_of_format_1_are_read() -> None:
    tracker = tracker_of(FORMAT_1)
    run, short, going_on = runs_of(tracker)
    assert (run.experiment, run.name, run.status) == ("late-flight", "deeper trees, größer", "finished")
    assert run.started_at == STARTED
    assert run.ended_at is not None
    assert timedelta() < run.ended_at - run.started_at < timedelta(minutes=1)
    assert run.params == {"depth": "3", "rate": "0.1", "early_stopping": "true", "note": "größer als 0\n"}
    assert run.tags == {"note": "0\n", "verdict": "keep"}
    assert run.metrics == {"loss/train": 3.0, "auc": 0.8125}
    history = list(tracker.metric_history(run.id, "loss/train"))
    assert list(map(repr, history)) == list(map(repr, LOSS))  # NaN is not equal to itself
    assert list(tracker.metric_history(run.id, "auc")) == [AUC]
    assert [(each.path, each.size) for each in tracker.files(run.id)] == [("empty", 0), ("notes/wörter.txt", 5)]
    with tracker.open_file(run.id, "notes/wörter.txt") as stream:
        assert stream.read() == b"kept\n"
    assert (short.status, short.metrics, short.name) == ("failed", {"auc": 0.5}, "")
    assert [each.value for each in tracker.metric_history(short.id, "auc")] == [0.5]
    assert (going_on.status, going_on.ended_at, going_on.experiment) == ("running", None, "other")
    assert [(each.step, each.value) for each in tracker.metric_history(going_on.id, "auc")] == [
        (0, 0.0),
        (1, 0.25),
        (2, 0.5),
    ]
    assert [each.id for each in tracker.runs("late-flight", params={"depth": 3})] == [run.id]


def test_beside_runs_of_format_1_others_are_written(copy: Path) -> None:
    tracker = tracker_of(copy)
    before = runs_of(tracker)
    with tracker.start_run("late-flight") as run:
        run.log_metrics([MetricPoint(key="auc", value=1.0, step=0, time=STARTED)])
    assert tracker.collect_garbage().leftovers == ()
    assert {each.id for each in tracker.runs()} == {run.id, *(each.id for each in before)}
    assert [tracker.get_run(each.id) for each in before] == list(before)


@pytest.mark.parametrize("kind", ["run.json", "metrics/live/", "metrics/sorted-2/0", "index.json"])
def test_a_document_of_format_2_is_refused_with_a_sentence_and_left_alone(copy: Path, kind: str) -> None:
    tracker = tracker_of(copy)
    run, short, going_on = runs_of(tracker)
    changed: dict[Path, bytes] = {}
    for path in copy.glob("runs/**/*.json"):
        if kind in path.as_posix():
            changed[path] = path.read_bytes().replace(b'"format_version":1}', b'"format_version":2}')
            path.write_bytes(changed[path])
    calls: list[Callable[[], object]] = [lambda: list(tracker.metric_history(run.id, "auc"))]
    if kind == "run.json":
        calls = [lambda each=each: tracker.get_run(each.id) for each in (run, short, going_on)]
        calls += [lambda: list(tracker.runs())]
    elif kind == "metrics/live/":
        calls = [lambda each=each: list(tracker.metric_history(each.id, "auc")) for each in (short, going_on)]
    assert changed
    for call in calls:
        with pytest.raises(IntegrityError) as caught:
            call()
        assert "of a newer format than this library reads" in str(caught.value)
        assert "format 2, while this library reads up to 1" in caught.value.why
        assert caught.value.hint == "pip install --upgrade mlops-core"
    tracker.collect_garbage()
    assert {path: path.read_bytes() for path in changed} == changed
