"""Programmes that use MLflow alone, each in a process of its own: what MLflow does to a process stays there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.mlflow_back_doors import Rest

_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_ENABLE_ASYNC_LOGGING": "false"}
_BEFORE = """
import json, os, pathlib, sys, warnings
warnings.simplefilter("ignore")
import mlflow, mlflow.pyfunc, mlflow.sklearn, pandas
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_workspace(sys.argv[2])
given = json.loads(sys.argv[3])
"""
_AFTER = """
assert not any(name.startswith(("mlops_core", "adapter_mlflow")) for name in sys.modules)
print("\\n" + json.dumps(answer))
"""


def run_with_mlflow(program: str, rest: Rest, folder: Path, **given: object) -> Any:
    """Run a programme that finds its arguments in ``given``; gives what it leaves in ``answer``."""
    arguments = [rest.server.url, rest.workspace, json.dumps(given)]
    done = subprocess.run(
        [sys.executable, "-I", "-c", _BEFORE + program + _AFTER, *arguments],
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", **_QUIET},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
