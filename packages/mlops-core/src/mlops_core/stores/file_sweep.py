"""Removing the unfinished files that killed writes have left in a file store's temporary folder."""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

_UNFINISHED: Final = (".part", ".link")


def sweep_unfinished(folder: Path, *, older_than: timedelta, dry_run: bool) -> tuple[int, int]:
    """Remove unfinished files, never locks.

    A writer whose file is swept, because it was suspended for longer, fails when it goes on; nothing half is stored.

    Args:
        folder: The temporary folder.
        older_than: The time since the last write from which a file is taken for abandoned, by the clock of the file
            system. A file from the future is older than that: the clock was set back.
        dry_run: Remove nothing.

    Returns:
        How many files, and their bytes.
    """
    try:
        with os.scandir(folder) as entries:
            paths = [folder / each.name for each in entries if each.name.endswith(_UNFINISHED)]
    except FileNotFoundError:
        return 0, 0
    if not paths:
        return 0, 0
    now = _now(folder)
    files = size = 0
    for path in paths:
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode) or abs(now - found.st_mtime) <= older_than.total_seconds():
                continue
            if not dry_run:
                path.unlink()
        except FileNotFoundError:
            continue  # its writer has finished
        files += 1
        size += found.st_size
    return files, size


def _now(folder: Path) -> float:
    probe = folder / f"{secrets.token_hex(16)}.part"
    try:
        probe.touch(exist_ok=False)
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
