"""The adapter ``local`` as a subject of the tracker's contract, and a back door that knows only its files on disk.

The back door shares no code with the tracker: it reads the layout that :mod:`mlops_core.stores.tracker_layout` draws,
as somebody with an editor would.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.local import LocalBackend
from mlops_core.stores.tracker import StoreExperimentTracker
from mlops_core.testing import BreakableStore, TrackerUnderTest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_core.ports.experiment_tracker import ExperimentTracker


def local_tracker(root: Path) -> TrackerUnderTest:
    """An empty tracker in a folder that does not exist yet; others open it as a user does, by the adapter."""
    connection = BreakableStore(FileArtifactStore(root, backend="home"))

    def another() -> ExperimentTracker:
        return LocalBackend("home", {"path": str(root)}, base=root.parent).experiment_tracker()

    return TrackerUnderTest(
        tracker=StoreExperimentTracker(connection, backend="home", retries=Retries(sleep=lambda _: None)),
        another=another,
        back_door=FolderBackDoor(root),
        connection=connection,
    )


class FolderBackDoor:
    """Reads a tracker's files past the adapter; see ``ExperimentTrackerBackDoor``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def params(self, run_id: str, /) -> Mapping[str, str]:
        return self._document(run_id)["params"]

    def points(self, run_id: str, key: str, /) -> Sequence[MetricPoint]:
        run = self._document(run_id)
        metrics = self._root / "runs" / run_id / "metrics"
        count = run["segments"]
        if run["compacted"]:
            paths = [path for path in metrics.glob(f"sorted-{count}/*.json") if path.name != "index.json"]
        else:
            paths = [metrics / "live" / f"{number:08}.json" for number in range(count)]
        found: list[MetricPoint] = []
        for path in paths:
            for step, time, value in zip(*_opened(path)["points"].get(key, ([], [], [])), strict=True):
                at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time)
                found.append(MetricPoint(key=key, step=step, time=at, value=float(value)))
        return found

    def tags(self, run_id: str, /) -> Mapping[str, str]:
        return self._document(run_id)["tags"]

    def file(self, run_id: str, path: str, /) -> bytes:
        return (self._root / "runs" / run_id / "files" / path).read_bytes()

    def _document(self, run_id: str) -> dict[str, Any]:
        return _opened(self._root / "runs" / run_id / "run.json")


def _opened(path: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(path.read_bytes())["content"])
