"""Files and folders that are on the disk when the call returns."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def write_durably(path: Path, chunks: Iterable[bytes]) -> None:
    """Create a file from chunks and wait until the disk has it.

    Raises:
        FileExistsError: The file is there already.
        OSError: The disk is full, or the folder cannot be written.
    """
    with path.open("xb") as stream:
        stream.writelines(chunks)
        stream.flush()
        sync_file(stream.fileno())


def sync_file(descriptor: int) -> None:
    """Have a file's bytes on the disk, not only in its cache."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk; Windows cannot be asked for it, and writes names through."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
