"""Files and folders that are on the disk when the call returns."""

from __future__ import annotations

import os
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
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    if os.name == "nt":  # Windows cannot open a folder, and writes names through
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
