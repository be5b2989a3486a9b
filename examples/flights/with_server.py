"""What with_s3.py and with_mlflow.py share: a server for the time of a command, and the command itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

_ENDING = 5.0


def free_port() -> int:
    """A port of this host on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast("int", probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody does by now."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    command: Sequence[str | Path], *, log: Path, ready: Callable[[], bool], patience: float, **variables: str
) -> Generator[None]:
    """A server for the time of a ``with``.

    Args:
        command: What starts it.
        log: Where its output goes.
        ready: Whether it answers.
        patience: Seconds until it must.
        variables: What its environment has beside this process's own.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (a fixed command)
            command,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the command; the server is ended below
        )
    try:
        deadline = time.monotonic() + patience
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with its workers
            process.wait()


def run_with(
    environment: Callable[[], AbstractContextManager[Mapping[str, str]]],
    *,
    afterwards: Callable[[Mapping[str, str]], None] = lambda _: None,
) -> int:
    """Run the command that this program was given.

    Args:
        environment: Gives the variables that the command needs, as long as it runs.
        afterwards: Is called with them once the command has succeeded.

    Returns:
        What the command returned.
    """
    signal.signal(signal.SIGTERM, _stop)
    with environment() as more:
        code = _run({**os.environ, **more})
        if code == 0:
            afterwards(more)
        return code


def _run(environment: Mapping[str, str]) -> int:
    with subprocess.Popen(sys.argv[1:], env=environment) as command:  # noqa: S603 (the user's own words)
        try:
            return command.wait()
        except KeyboardInterrupt:
            return command.wait()  # Ctrl-C has reached the command too, which says what became of it
        except BaseException:
            command.terminate()
            raise


def _stop(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)  # through every `finally`
