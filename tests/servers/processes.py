"""Servers that tests start: on a free port of this host, ready when they answer, ended by the process that began them."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
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
    command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """A process for the time of a ``with``; what it prints goes into a file."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env)
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def wait_for_port(port: int, process: subprocess.Popen[bytes], *, log: Path, seconds: float = 30.0) -> None:
    """Wait until somebody listens on a port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} did not listen on port {port}:\n{log.read_text(errors='replace')[-2000:]}")
