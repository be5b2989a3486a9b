"""Forks while another thread is opening a backend of a session; the child and then the parent print what they see."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_core.sessions import Session
from mlops_core.settings import BackendSettings, Settings
from mlops_core.stores.local import LocalBackend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.ports.backend import OptionValue

opening = threading.Event()
forked = threading.Event()
closed_by: list[int] = []


class SlowBackend(LocalBackend):
    """The local backend, which may take its time to open and remembers who closed it."""

    def __init__(self, name: str, options: Mapping[str, OptionValue], /, *, base: Path) -> None:
        super().__init__(name, options, base=base)
        if name == "slow":
            opening.set()
            forked.wait(30)

    def close(self) -> None:
        closed_by.append(os.getpid())


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


options = {"path": sys.argv[1]}
backends = {name: BackendSettings(adapter="local", options=options) for name in ("fast", "slow")}
session = Session(Settings(use="fast", backends=backends, base=Path.cwd()), adapters={"local": SlowBackend})
before = session.backend("fast")
thread = threading.Thread(target=session.backend, args=("slow",))
thread.start()
opening.wait(30)
child = os.fork()
if child == 0:
    signal.alarm(20)  # ends a child that waits for a lock whose holder does not exist here
    own = session.backend("fast")
    session.close()
    say("child:", own is not before, len(closed_by), session.closed)
    os._exit(0)
_, status = os.waitpid(child, 0)
forked.set()
thread.join()
say("parent:", status, session.backend("fast") is before, closed_by, session.closed)
session.close()
say("closed:", len(closed_by))
