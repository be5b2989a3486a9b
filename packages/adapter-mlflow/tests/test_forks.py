"""A process that forks while its threads use the adapter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket

if hasattr(os, "fork"):

    def test_a_forked_child_waits_for_no_thread_of_its_parent(mlflow_on_sqlite: MlflowServer) -> None:
        script = Path(__file__).with_name("fork_while_locked.py")
        where = [mlflow_on_sqlite.url, mlflow_on_sqlite.new_workspace()]
        command = [sys.executable, "-W", "ignore::DeprecationWarning", str(script), *where]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        lines = ["before 1 before 1", "child 2 child 2", "parent 3 parent 3", "True 0"]
        assert done.stdout.splitlines() == lines, done.stderr
