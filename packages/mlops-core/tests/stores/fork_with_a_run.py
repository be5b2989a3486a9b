"""Forks inside a run's ``with``: the child may not write the run, nor end it; prints what the parent then reads."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mlops_core.errors import ConflictError
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.tracker import StoreExperimentTracker


def refused_in_child() -> int:
    refused = 0
    with run:  # leaving it here ends nothing
        for call in (lambda: run.log_metrics({"loss": 2.0}), lambda: run.log_params({"a": 1}), run.flush, run.finish):
            try:
                call()
            except ConflictError:
                refused += 1
    return refused


tracker = StoreExperimentTracker(FileArtifactStore(Path(sys.argv[1])), backend="home")
with tracker.start_run("e") as run:
    run.log_metrics({"loss": 1.0})
    child = os.fork()
    if child == 0:
        os._exit(refused_in_child())
    refused = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = tracker.get_run(run.id).status
    run.log_metrics({"loss": 3.0}, step=1)
values = [each.value for each in tracker.metric_history(run.id, "loss")]
sys.stdout.write(f"{refused} {status} {values}\n")
