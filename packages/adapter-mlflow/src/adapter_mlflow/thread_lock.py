"""A lock between the threads of a process, which a forked child does not inherit."""

from __future__ import annotations

import os
import threading
from typing import Final
from weakref import WeakSet


class ThreadLock:
    """A lock for a ``with``. A forked child gets it open: a thread that held it in the parent does not exist there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _all.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Open it, whoever holds it."""
        self._lock = threading.Lock()


_all: Final = WeakSet[ThreadLock]()


def _renew_all() -> None:
    for each in list(_all):
        each.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
