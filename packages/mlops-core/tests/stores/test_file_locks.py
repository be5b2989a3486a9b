"""Locks between processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from mlops_core.stores.file_locks import exclusive_lock

if TYPE_CHECKING:
    from pathlib import Path

_HOLD = """
import sys, time
from pathlib import Path
from mlops_core.stores.file_locks import exclusive_lock
with exclusive_lock(Path(sys.argv[1]), timeout=5):
    {inside}
    print("held", flush=True)
    time.sleep(60)
"""


def _holder(path: Path, inside: str = "pass") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD.format(inside=inside), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def _close(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_another_process_waits_no_longer_than_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = _holder(path)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="held the lock"), exclusive_lock(path, timeout=0.2):
        pass
    assert 0.2 <= time.monotonic() - began < 5
    _close(process)


def test_the_death_of_its_holder_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = _holder(path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with exclusive_lock(path, timeout=5):
        pass
    _close(process)
    assert path.exists()


def test_a_forked_child_does_not_keep_it_when_its_parent_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    # The child outlives its parent by a while, and says who it is through a file.
    inside = "import os; child = os.fork(); child or (Path(sys.argv[1] + '.pid').write_text(str(os.getpid())), time.sleep(60), os._exit(0))"
    process = _holder(path, inside)
    pid = tmp_path / "lock.pid"
    deadline = time.monotonic() + 10
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    child = int(pid.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    try:
        os.kill(child, 0)  # it lives
        with exclusive_lock(path, timeout=5):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        _close(process)


def test_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    inside = 0
    most = 0

    def enter() -> None:
        nonlocal inside, most
        for _ in range(20):
            with exclusive_lock(tmp_path / "lock", timeout=30):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
