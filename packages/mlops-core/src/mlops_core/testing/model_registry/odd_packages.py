"""Packages that look around, fail, or are not what their manifest says."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from mlops_core.manifest import MANIFEST_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from _typeshed import WriteableBuffer

    from mlops_core.manifest import Manifest
    from mlops_core.testing.packages import MemoryPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedPackage:
    """A package that calls somebody whenever one of its files is opened, and gives the stream that he returns.

    Attributes:
        package: Where the files are.
        on_open: Called with the path and the stream.
    """

    package: MemoryPackage
    on_open: Callable[[str, BinaryIO], BinaryIO]

    @property
    def manifest(self) -> Manifest:
        """See :attr:`Package.manifest`."""
        return self.package.manifest

    def open(self, path: str, /) -> BinaryIO:
        """See :meth:`Package.open`."""
        return self.on_open(path, self.package.open(path))

    def local_path(self, path: str, /) -> Path | None:
        """See :meth:`Package.local_path`: nothing of it lies on a disk."""
        del path


class BrokenStream(io.RawIOBase):
    """A stream that raises in the middle.

    Args:
        before: The bytes that come first.
        error: What is raised after them.
    """

    def __init__(self, before: bytes, error: Exception) -> None:
        super().__init__()
        self._before = io.BytesIO(before)
        self._error = error

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Give what is left of the bytes, then raise."""
        count = self._before.readinto(buffer)
        if not count:
            raise self._error
        return count


def write_folder(package: MemoryPackage, folder: Path, /) -> None:
    """Write a package to an empty folder of this machine."""
    contents: Mapping[str, bytes] = {**package.files, MANIFEST_FILE: package.manifest.to_bytes()}
    for path, data in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
