"""Packages in memory, for tests that need something to register."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from mlops_core.errors import ArtifactNotFoundError
from mlops_core.manifest import MANIFEST_FILE, Manifest, PackageFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Printer(Protocol):
    """What prints the arguments of a state machine's calls, each by how it was drawn unless it says otherwise."""

    def text(self, text: str, /) -> None:
        """Print a text as it is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MemoryPackage:
    """A package whose files are bytes in memory.

    Attributes:
        manifest: What it holds.
        files: The bytes of each file, by path.
    """

    manifest: Manifest
    files: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"package_of({dict(self.files)!r})"

    def _repr_pretty_(self, printer: Printer, cycle: bool, /) -> None:  # noqa: FBT001 (hypothesis calls it)
        del cycle
        printer.text(repr(self))

    def open(self, path: str, /) -> BinaryIO:
        """See :meth:`Package.open`."""
        if path == MANIFEST_FILE:
            return io.BytesIO(self.manifest.to_bytes())
        if path not in self.files:
            raise ArtifactNotFoundError(f"the package holds no {path!r}", subject=path)
        return io.BytesIO(self.files[path])

    def local_path(self, path: str, /) -> Path | None:
        """See :meth:`Package.local_path`: nothing of it lies on a disk."""
        del path


def make_package(content: bytes | str = b"a model", /, **more: bytes) -> MemoryPackage:
    """A package of a model file with the given content, and of more files.

    Equal arguments make equal packages, with equal digests.

    Args:
        content: What the model file holds; text is encoded.
        more: More files of the package, by name; ``__`` in a name stands for a dot, so ``notes__md`` is ``notes.md``.
    """
    data = content.encode() if isinstance(content, str) else content
    files = {"model.bin": data, "data/notes, übrig.txt": b"kept as it is\r\n"}
    files |= {name.replace("__", "."): each for name, each in more.items()}
    return package_of(files)


def package_of(files: Mapping[str, bytes], /) -> MemoryPackage:
    """A package of the given files by path; one of them is ``model.bin``."""
    entries = tuple(
        PackageFile(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for path, data in sorted(files.items())
    )
    manifest = Manifest(framework="test", model_file="model.bin", serializer="bytes", files=entries)
    return MemoryPackage(manifest=manifest, files=dict(files))
