"""A progress bar on stderr where a terminal is there, a line now and then where not."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mlops_core.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Tell = Callable[[str, int, int | None], None]

_SECONDS_BETWEEN_LINES: Final = 10.0


@contextmanager
def progress() -> Generator[Tell]:
    """Show progress while the block runs.

    Yields:
        To be called with the stage in words, the units done, and the units in all where known.
    """
    if not sys.stderr.isatty():
        yield _Lines().tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def tell(stage: str, done: int, total: int | None) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        yield tell


@dataclass(slots=True)
class _Lines:
    """Says where things stand at most every ten seconds, and nothing about what is quicker."""

    clock: Callable[[], float] = time.monotonic
    last: float = field(init=False)

    def __post_init__(self) -> None:
        self.last = self.clock()

    def tell(self, stage: str, done: int, total: int | None) -> None:
        now = self.clock()
        if now - self.last >= _SECONDS_BETWEEN_LINES:
            self.last = now
            say(f"{stage}: {done:,}" + ("" if total is None else f" of {total:,}"))
