"""Servers that tests start: on a free port of this host, ready when they answer, ended by the process that began them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path


def free_port() -> int:
    """A port of this host on which nobody listens; drawn at random, so that two who ask at once get two."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)  # below what the system itself hands out
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    folder: Path | None = None,
) -> Generator[subprocess.Popen[bytes]]:
    """A process for the time of a ``with``; what it prints goes into a file. What it has begun itself ends with it.

    Args:
        command: What to run.
        log: The file.
        env: The environment, instead of this process's.
        user: Who runs it, instead of this process's user; only root may choose. The group stays.
        folder: Where it runs, instead of this process's folder.
    """
    # Where Linux can: it ends with this process even if that is killed, and has no time to end anything.
    following = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*following, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=folder,
            start_new_session=True,
            user=user,
            extra_groups=None if user is None else [],
        )
    try:
        yield process
    finally:
        # Its number is also that of its group: a server's workers do not outlive a server that has been killed.
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def wait_for_port(port: int, process: subprocess.Popen[bytes], *, log: Path, seconds: float = 30.0) -> None:
    """Wait until somebody listens on a port."""

    def listens() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    wait_until(listens, process, log=log, seconds=seconds)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], *, log: Path, seconds: float) -> None:
    """Wait until a server is ready, and say what it has printed if it ends before, or if it takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} was not ready:\n{log.read_text(errors='replace')[-2000:]}")
