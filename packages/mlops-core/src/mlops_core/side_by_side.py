"""The same step for many small files: several at a time where each of them mostly waits for somebody else."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlops_core.manifest import PackageFile

THREADS: Final = 8
"""Files at a time."""
MANY: Final = 16
"""Of fewer files one is begun after the other: threads would gain nothing that anybody could notice."""
SMALL: Final = 1 << 20
"""Bytes. Larger files come one after the other: a store may hold parts of each in memory, and send those at once."""


def for_each_file(files: Iterable[PackageFile], step: Callable[[PackageFile], None]) -> None:
    """Take a step for each file, in their order; of many small ones :data:`THREADS` at a time, before the large ones.

    After a step has failed no other is begun, those that were begun are waited for, and the error of the first in order
    is raised.

    Args:
        files: The files.
        step: Called once with each, from several threads if there are many small ones.
    """
    files = list(files)
    small = [each for each in files if each.size <= SMALL]
    if len(small) >= MANY:
        files = [each for each in files if each.size > SMALL]
        _several_at_a_time(small, step)
    for each in files:
        step(each)


def _several_at_a_time(files: Iterable[PackageFile], step: Callable[[PackageFile], None]) -> None:
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="package-files")
    try:
        steps = [pool.submit(step, each) for each in files]
        wait(steps, return_when=FIRST_EXCEPTION)
    finally:
        pool.shutdown(cancel_futures=True)
    for each in steps:
        each.result()  # those that were left out come after one that failed
