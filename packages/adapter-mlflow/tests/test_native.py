"""MLflow's own client of a backend: the same server, and credentials that are the caller's business."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.servers.mlflow_servers import ADMIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket

# A process of its own: MLflow is imported there, and its environment variables are set.
PROGRAM = """
import json, os, pathlib, sys
from adapter_mlflow import MlflowBackend
from mlops_core.secret import Secret
from mlops_core.testing import make_package

url, user, password = sys.argv[1:]
folder = pathlib.Path.cwd()
(folder / "user").write_text(user)
(folder / "password").write_text(password)
secrets = {"username": Secret(file=folder / "user"), "password": Secret(file=folder / "password")}
settings_of_mlflow = lambda: {name: value for name, value in os.environ.items() if "MLFLOW" in name}
before = settings_of_mlflow()
backend = MlflowBackend("team", {"tracking_uri": url, **secrets}, base=folder)
assert not any(each.split(".")[0] == "mlflow" for each in sys.modules), "the SDK was loaded for nothing"
backend.model_registry().register("native", make_package("a model"), operation_id="op")
native = backend.native
try:
    native.get_model_version("native", "1")
    refused = ""
except Exception as exc:
    refused = str(exc)
untouched = settings_of_mlflow() == before
os.environ.update(MLFLOW_TRACKING_USERNAME=user, MLFLOW_TRACKING_PASSWORD=password)
seen = native.get_model_version("native", "1")
run = native.get_run(seen.run_id)
import mlflow
operation, same_run = seen.tags["mlops.operation_id"], run.info.run_id == seen.run_id
print(json.dumps([type(native).__name__, refused, operation, same_run, untouched, mlflow.get_tracking_uri() != url]))
"""


def test_it_is_mlflows_own_and_takes_its_credentials_from_the_environment(
    mlflow_for_users: MlflowServer, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, mlflow_for_users.url, *ADMIN],
        cwd=tmp_path,
        env={
            "HOME": str(tmp_path),
            "PATH": "/usr/bin:/bin",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    kind, refused, operation, same_run, untouched, not_global = json.loads(done.stdout.splitlines()[-1])
    assert kind == "MlflowClient"
    assert "not authenticated" in refused
    assert (operation, same_run) == ("op", True)
    assert untouched
    assert not_global
