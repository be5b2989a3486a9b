"""A run that is being written when its process forks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket

PROGRAM = """
import json, os, signal, sys
from adapter_mlflow import MlflowPorts, MlflowSettings
from mlops_core.errors import ConflictError

url, workspace = sys.argv[1:]
tracker = MlflowPorts(MlflowSettings(tracking_uri=url, workspace=workspace), backend="team").tracker
CALLS = {
    "log_params": lambda run: run.log_params({"depth": 3}),
    "log_metrics": lambda run: run.log_metrics({"auc": 1.0}),
    "set_tags": lambda run: run.set_tags({"team": "ops"}),
    "log_files": lambda run: run.log_files({"a.txt": b"a"}),
    "flush": lambda run: run.flush(),
    "finish": lambda run: run.finish(),
}
with tracker.start_run("churn", name="parent") as run:
    run.log_metrics({"auc": 0.5}, step=1)
    run._lock.acquire()  # as another thread of the parent would hold it
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # ends a child that waits for ever
        refused = []
        with run:
            for name, call in CALLS.items():
                try:
                    call(run)
                except ConflictError as exc:
                    refused.append(exc.operation)
        with tracker.start_run("churn", name="child") as own:
            own.log_metrics({"auc": 0.25})
        print(json.dumps(refused), flush=True)
        os._exit(0)
    run._lock.release()
    _, status = os.waitpid(child, 0)
    still = tracker.get_run(run.id).status
found = {each.name: [each.status, dict(each.params), dict(each.metrics)] for each in tracker.runs("churn")}
points = [[each.value, each.step] for each in tracker.metric_history(run.id, "auc")]
print(json.dumps([status, still, points, found]), flush=True)
"""

if hasattr(os, "fork"):

    def test_it_stays_its_parents_and_the_child_may_start_its_own(mlflow_on_sqlite: MlflowServer) -> None:
        where = [mlflow_on_sqlite.url, mlflow_on_sqlite.new_workspace()]
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM, *where]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        of_child, of_parent = map(json.loads, done.stdout.splitlines())
        assert of_child == ["log_params", "log_metrics", "set_tags", "log_files", "flush", "finish"]
        status, still, points, found = of_parent
        assert (status, still, points) == (0, "running", [[0.5, 1]])
        assert found == {"parent": ["finished", {}, {"auc": 0.5}], "child": ["finished", {}, {"auc": 0.25}]}
