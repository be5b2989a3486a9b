"""The page about MLflow runs as it is written, on a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from adapter_mlflow import MlflowSettings
from mlops_core.settings import load_settings

if TYPE_CHECKING:
    from ..servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket

PAGE = (Path(__file__).parents[2] / "docs/mlflow.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_its_code_runs_in_order(mlflow_on_sqlite: MlflowServer, tmp_path: Path) -> None:
    workspace = mlflow_on_sqlite.new_workspace()
    (settings,) = blocks("toml")
    address = 'tracking_uri = "http://127.0.0.1:5000"'
    assert address in settings
    mine = f'tracking_uri = "{mlflow_on_sqlite.url}"\nworkspace = "{workspace}"'
    (tmp_path / "mlops.toml").write_text(settings.replace(address, mine))
    assert load_settings(config=tmp_path / "mlops.toml").use == "team"
    (tmp_path / "reader.py").write_text("\n".join(blocks("python")))
    environment = {
        **os.environ,
        "MLOPS_CACHE__PATH": str(tmp_path / "cache"),
        # MLflow's own loaders know the server, and the workspace, by these alone.
        "MLFLOW_TRACKING_URI": mlflow_on_sqlite.url,
        "MLFLOW_WORKSPACE": workspace,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    command = [sys.executable, "reader.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_option_is_in_its_table() -> None:
    table = PAGE.partition("## Settings")[2].partition("##")[0]
    listed = {name for row in re.findall(r"^\| (.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert listed == set(MlflowSettings.__dataclass_fields__)
