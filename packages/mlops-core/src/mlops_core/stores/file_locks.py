"""A lock between processes of one host, released by the operating system when its holder dies.

Written over ``flock`` itself, not over ``filelock``: the protocol of :mod:`mlops_core.stores.files` needs a lock file
that is *never* deleted, a lock that is *never* replaced by a mere marker file, and a lock that a forked child does not
keep alive. Those are choices that a library makes anew with its versions; here they are forty lines.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_FIRST_PAUSE: Final = 0.0005
_LONGEST_PAUSE: Final = 0.01
_held: Final = set[int]()


@contextmanager
def exclusive_lock(path: Path, *, timeout: float) -> Generator[None]:
    """Hold the lock of a file, against other processes and other threads.

    Args:
        path: The lock file; made if it is not there, never deleted.
        timeout: Seconds to wait for another holder.

    Raises:
        TimeoutError: Somebody else held the lock all the time.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    _held.add(descriptor)
    try:
        _wait_for(descriptor, path, timeout)
        try:
            yield
        finally:
            _unlock(descriptor)
    finally:
        _held.discard(descriptor)
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while not _try_lock(descriptor):
        if time.monotonic() >= deadline:
            raise TimeoutError(errno.ETIMEDOUT, f"another process has held the lock for {timeout:g} s", str(path))
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _close_in_child() -> None:
        # A lock lives as long as any copy of its descriptor: a child would keep it after its parent was killed.
        while _held:
            os.close(_held.pop())

    os.register_at_fork(after_in_child=_close_in_child)
