"""Servers of tests end with the run of the tests, whatever becomes of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from .processes import running

ROOT = Path(__file__).parents[2]

SERVER_WITH_A_WORKER = """
import subprocess
print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
"""
RUN_WITH_A_SERVER = """
import sys, time
from pathlib import Path
from tests.servers.processes import running
with running(["sleep", "60"], log=Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    time.sleep(60)
"""


def is_there(number: int) -> bool:
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True, check=False).stdout
    return bool(shown.strip()) and not shown.startswith("Z")


def ends(number: int) -> bool:
    deadline = time.monotonic() + 10
    while is_there(number) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_there(number)


def test_a_worker_that_its_server_has_left_behind_ends(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running([sys.executable, "-c", SERVER_WITH_A_WORKER], log=log) as server:
        assert server.wait() == 0
        worker = int(log.read_text())
        assert is_there(worker)
    assert ends(worker)


if shutil.which("setpriv"):

    def test_a_server_ends_with_a_run_that_is_killed(tmp_path: Path) -> None:
        command = [sys.executable, "-c", RUN_WITH_A_SERVER, str(tmp_path / "log")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            server = int(run.stdout.readline())
            assert is_there(server)
            run.kill()
        assert ends(server)
