"""Logs points one by one until it is killed, flushing now and then; prints how many were given and how many flushed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.tracker import StoreExperimentTracker

START = datetime(2026, 1, 2, tzinfo=UTC)

tracker = StoreExperimentTracker(FileArtifactStore(Path(sys.argv[1])), backend="home")
with tracker.start_run("e") as run:
    run.log_params({"depth": 3})
    for number in range(10_000_000):
        time = START + timedelta(milliseconds=number)
        run.log_metrics([MetricPoint(key="loss", value=float(number), step=number, time=time)])
        if number % 5_000 == 4_500:
            run.flush()
            sys.stdout.write(f"flushed {number + 1}\n")
        elif number % 50 == 0:
            sys.stdout.write(f"given {number + 1}\n")
        sys.stdout.flush()
