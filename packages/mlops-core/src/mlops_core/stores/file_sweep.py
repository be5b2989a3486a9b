"""Removing what killed writes have left in a file store: unfinished files, and folders for files that never came."""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING, Final

from mlops_core.stores.file_names import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import Path

_UNFINISHED: Final = (".part", ".link")


def sweep_unfinished(root: Path, *, older_than: timedelta, dry_run: bool) -> tuple[int, int]:
    """Remove unfinished files and empty folders, never locks.

    A writer whose file is swept, because it was suspended for longer, fails when it goes on; nothing half is stored. A
    writer whose folder is swept makes it again.

    Args:
        root: The folder of the store.
        older_than: The time since the last change from which something is taken for abandoned, by the clock of the file
            system. What is from the future is older than that: the clock was set back.
        dry_run: Remove nothing.

    Returns:
        How many files and folders, and the files' bytes.
    """
    temporary = root / TEMPORARY
    try:
        now = _now(temporary)
    except FileNotFoundError:
        return 0, 0  # nothing was ever written

    def is_old(modified: float) -> bool:
        return abs(now - modified) > older_than.total_seconds()

    files, size = _sweep_files(temporary, is_old, dry_run=dry_run)
    folders = sum(_sweep_folders(each, is_old, dry_run=dry_run)[0] for each in _folders(root) if each != temporary)
    return files + folders, size


def _sweep_files(folder: Path, is_old: Callable[[float], bool], *, dry_run: bool) -> tuple[int, int]:
    with os.scandir(folder) as entries:
        paths = [folder / each.name for each in entries if each.name.endswith(_UNFINISHED)]
    files = size = 0
    for path in paths:
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode) or not is_old(found.st_mtime):
                continue
            if not dry_run:
                path.unlink()
        except FileNotFoundError:
            continue  # its writer has finished
        files += 1
        size += found.st_size
    return files, size


def _sweep_folders(folder: Path, is_old: Callable[[float], bool], *, dry_run: bool) -> tuple[int, bool]:
    """Remove the old empty ones of a folder and of those in it.

    Returns:
        How many, and whether the folder itself is among them.
    """
    try:
        abandoned = is_old(folder.lstat().st_mtime)  # told before a folder in it is removed, which changes it
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError:
        return 0, False  # somebody else has removed it, or keeps it to himself
    count = 0
    for each in found:
        below, gone = 0, False
        if each.is_dir(follow_symlinks=False):
            below, gone = _sweep_folders(folder / each.name, is_old, dry_run=dry_run)
        count += below
        abandoned = abandoned and gone
    if abandoned and not dry_run:
        try:
            folder.rmdir()
        except OSError:
            abandoned = False  # a write has just put something into it
    return count + abandoned, abandoned


def _folders(root: Path) -> list[Path]:
    with os.scandir(root) as entries:
        return [root / each.name for each in entries if each.is_dir(follow_symlinks=False)]


def _now(folder: Path) -> float:
    probe = folder / f"{secrets.token_hex(16)}.part"
    try:
        probe.touch(exist_ok=False)
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
