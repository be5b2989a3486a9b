"""What stands in the way of reading a run stands in the way of nothing else, and names what to do."""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import IntegrityError, InvalidNameError
from mlops_core.stores.tracker import StoreExperimentTracker

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.ports.experiment_tracker import RunRecord
    from mlops_core.stores.files import FileArtifactStore


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses power, so nothing has to wait for the disk."""

    def no_sync(_: int) -> None:
        return

    monkeypatch.setattr(os, "fsync", no_sync)


@pytest.fixture
def tracker(store: FileArtifactStore) -> StoreExperimentTracker:
    return StoreExperimentTracker(store, backend="home")


def readable(tracker: StoreExperimentTracker) -> tuple[list[RunRecord], IntegrityError]:
    found: list[RunRecord] = []
    with pytest.raises(IntegrityError) as caught:
        found.extend(tracker.runs("e"))
    return found, caught.value


@pytest.mark.parametrize("damage", [b"", b"{", b'{"format_version":1}'])
def test_a_damaged_run_hides_itself_only_and_says_how_to_go_on(
    tracker: StoreExperimentTracker, store: FileArtifactStore, damage: bytes
) -> None:
    runs = [tracker.start_run("e") for _ in range(4)]
    for damaged in runs[1:3]:
        store.put(f"runs/{damaged.id}/run.json", damage)
    found: list[str] = []
    with pytest.raises(IntegrityError) as caught:
        found.extend(each.id for each in tracker.runs("e"))
    assert sorted(found) == sorted([runs[0].id, runs[3].id])
    error = caught.value
    assert error.what.startswith("2 of the runs cannot be read: ")
    assert all(run.id in error.what for run in runs[1:3])
    assert "the document of a run" in error.why
    assert "registry" not in str(error)
    assert "backend 'home', runs/" in error.where
    # What the hint says works.
    for entry in [each.key for each in store.find("experiments/e/")]:
        if any(run.id in entry for run in runs[1:3]):
            assert repr(entry) in error.hint
            store.delete(entry)
    assert sorted(each.id for each in tracker.runs("e")) == sorted(found)
    with pytest.raises(IntegrityError):
        tracker.get_run(runs[1].id)


def test_a_run_of_a_newer_format_hides_itself_only(tracker: StoreExperimentTracker, store: FileArtifactStore) -> None:
    newer, other = tracker.start_run("e"), tracker.start_run("e")
    key = f"runs/{newer.id}/run.json"
    store.put(key, store.get(key).data.replace(b'"format_version":1}', b'"format_version":2}'))
    found, error = readable(tracker)
    assert [each.id for each in found] == [other.id]
    assert error.hint == "pip install --upgrade mlops-core"
    assert "format 2, while this library reads up to 1" in error.why


def test_what_a_search_needs_is_found_before_the_error(
    tracker: StoreExperimentTracker, store: FileArtifactStore
) -> None:
    old = tracker.start_run("e", tags={"team": "ops"})
    newest = tracker.start_run("e")
    store.put(f"runs/{newest.id}/run.json", b"")
    assert next(tracker.runs("e", tags={"team": "ops"})).id == old.id


def test_an_experiment_may_be_a_member_of_an_enumeration(tracker: StoreExperimentTracker) -> None:
    class Experiments(str, enum.Enum):  # noqa: UP042 (unlike StrEnum it prints itself in other words)
        LATE = "late-flight"

    run = tracker.start_run(Experiments.LATE)
    assert [each.id for each in tracker.runs("late-flight")] == [run.id]
    assert [each.id for each in tracker.runs(Experiments.LATE)] == [run.id]


def test_a_path_that_the_store_cannot_hold_is_told_as_the_runs_path(
    tracker: StoreExperimentTracker, root: Path
) -> None:
    run = tracker.start_run("e")
    # Somebody else has put a file below it; the run knows nothing of that.
    (root / "runs" / run.id / "files" / "d").mkdir(parents=True)
    (root / "runs" / run.id / "files" / "d" / "e").touch()
    with pytest.raises(InvalidNameError) as caught:
        run.log_files({"d": b""})
    assert caught.value.what == "'d' cannot be a run's file in the backend 'home'"
    assert "runs/" not in caught.value.what + caught.value.why
