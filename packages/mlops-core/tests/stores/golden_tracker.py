"""Runs with a document of every kind, made by today's writer with fixed ids and times.

``python golden_tracker.py FOLDER`` writes them. ``golden/tracker-format-1`` holds what the first writer made of it, for
ever: a change that makes other bytes of the same input is a new format, with a folder of its own beside it.
"""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.tracker import StoreExperimentTracker

STARTED: Final = datetime(2026, 11, 23, 12, 30, 15, 250_000, tzinfo=UTC)
PARAMS: Final = {"depth": 3, "rate": 0.1, "early_stopping": True, "note": "größer als 0\n"}
LOSS: Final = tuple(
    MetricPoint(key="loss/train", value=value, step=step, time=STARTED + timedelta(milliseconds=step))
    for step, value in enumerate([0.1, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1e300, 2.0**53, 3.0])
)
AUC: Final = MetricPoint(key="auc", value=0.8125, step=2**53 - 1, time=STARTED)


def write_runs(root: Path) -> None:
    """Make the runs in a folder that does not exist yet: one sorted at its end, one of one segment, one going on."""
    ids, seconds = count(1), count()
    tracker = StoreExperimentTracker(
        FileArtifactStore(root),
        backend="home",
        clock=lambda: STARTED + timedelta(seconds=next(seconds)),
        new_id=lambda: f"{next(ids):032x}",
        monotonic=lambda: 0.0,
    )
    with tracker.start_run("late-flight", name="deeper trees, größer", tags={"team": "x", "note": "0\n"}) as run:
        run.log_params(PARAMS)
        run.log_metrics(reversed(LOSS[5:]))
        run.flush()
        run.log_metrics([*LOSS[:5], AUC])
        run.log_files({"notes/wörter.txt": b"kept\n", "empty": b""})
        run.set_tags({"team": None, "verdict": "keep"})
    short = tracker.start_run("late-flight")
    short.log_metrics({"auc": 0.5}, step=1)
    short.finish("failed")
    going_on = tracker.start_run("other")
    for step in range(3):
        going_on.log_metrics({"auc": step / 4, "loss/train": 1.0}, step=step)
        going_on.flush()


def files(root: Path) -> dict[str, bytes]:
    """What a store holds, by key."""
    return {info.key: (root / info.key).read_bytes() for info in FileArtifactStore(root).find()}


if __name__ == "__main__":
    write_runs(Path(sys.argv[1]))
