"""Calls made at the same moment from several threads, for tests of races."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Answer = TypeVar("_Answer")
_PATIENCE: Final = 60.0
"""Seconds that the slowest thread may need to reach the start."""


def all_at_once(calls: Sequence[Callable[[], _Answer]]) -> list[_Answer | Exception]:
    """Make each call in a thread of its own, all released at one moment.

    Args:
        calls: What to call.

    Returns:
        What each call returned or raised, in the order of the calls.
    """
    start = threading.Barrier(len(calls), timeout=_PATIENCE)

    def run(call: Callable[[], _Answer]) -> _Answer | Exception:
        start.wait()
        try:
            return call()
        except Exception as exc:  # noqa: BLE001 (whatever it is, the test judges it)
            return exc

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def errors_of(outcomes: Sequence[object]) -> list[Exception]:
    """What was raised, of the outcomes of :func:`all_at_once`."""
    return [each for each in outcomes if isinstance(each, Exception)]
