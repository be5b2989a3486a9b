"""Run in a process of its own: fetches a package from a folder into a cache, under a limit or until it is killed."""

from __future__ import annotations

import io
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from mlops_core.errors import MlopsError
from mlops_core.manifest import FolderPackage
from mlops_core.models import PackageCache
from mlops_core.ports.model_registry import PinnedVersion

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry


class Folder:
    """A registry of one package; asked to, it never gives the last byte of the model file."""

    def __init__(self, package: FolderPackage, *, hang: bool) -> None:
        self.package = package
        self.hang = hang

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        if self.hang and path == "model.skops":
            return cast("BinaryIO", Endless())
        return self.package.open(path)


class Endless(io.RawIOBase):
    """A stream that stops giving bytes after the first ones."""

    reads = 0

    def read(self, size: int = -1, /) -> bytes:
        self.reads += 1
        if self.reads > 1:
            sys.stdout.write("hanging\n")
            sys.stdout.flush()
            time.sleep(600)
        return b"0"


def main(original: Path, folder: Path, options: list[str]) -> None:
    package = FolderPackage.read(original)
    if "--file-size-limit" in options:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit = int(options[-1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    registry = cast("ModelRegistry", Folder(package, hang="--hang" in options))
    version = PinnedVersion(model="churn", version=1, digest=package.manifest.digest)
    try:
        PackageCache(folder, 1 << 40).fetch(registry, version)
    except MlopsError as exc:
        sys.stdout.write(json.dumps({"type": type(exc).__name__, "where": exc.where, "hint": exc.hint}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
