"""Packages kept on this machine by digest: verified on every use, shared between processes, bounded."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.durable_files import sync_folder, write_durably
from mlops_core.errors import BackendUnavailableError, ConfigurationError, IntegrityError, MlopsError
from mlops_core.manifest import MANIFEST_FILE, FolderPackage, Manifest, verified_chunks
from mlops_core.side_by_side import for_each_file

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from mlops_core.manifest import PackageFile
    from mlops_core.ports.model_registry import ModelRegistry, PinnedVersion

_log = logging.getLogger(__name__)

_MAX_MANIFEST: Final = 64 << 20
_DIGEST_LENGTH: Final = 64


class PackageCache:
    """A folder of packages.

    ::

        <digest>/            a whole, verified package; appears by one rename
        tmp/<digest>/        being fetched, by whoever holds the lock of the digest
        tmp/<digest>.old/    being removed, likewise
        locks/<digest>.lock  released by the operating system when its holder dies; never deleted

    Readers take no lock: a package that is evicted under them is fetched again by whoever loads it. The least recently
    used packages leave when the folder outgrows ``max_bytes``; the one just asked for stays, however large it is.

    Args:
        folder: Where to keep packages; created on first use. It must not be a symbolic link itself.
        max_bytes: How many bytes to keep.
        lock_timeout: Seconds to wait for another process that fetches the same package.
    """

    def __init__(self, folder: Path, max_bytes: int, *, lock_timeout: float = 3600) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock_timeout = lock_timeout

    def fetch(self, registry: ModelRegistry, version: PinnedVersion, /) -> FolderPackage:
        """The package of a version, every file of it verified; the registry is asked only if it is not there yet.

        A package that is there but damaged is fetched again.

        Args:
            registry: Where the version comes from.
            version: What to fetch; its digest is the key.

        Raises:
            IntegrityError: The registry's bytes are not those that the digest names.
            ConfigurationError: The folder cannot be used.
            MlopsError: The disk is full.
            BackendUnavailableError: Another process has been fetching the same package for too long.
            BackendError: The registry cannot give the files.
        """
        _check_digest(version)
        entry = self._folder / version.digest
        package = _verified(entry, version.digest)
        if package is None:
            with self._usable_folder(version), self._lock(version):
                package = _verified(entry, version.digest)  # perhaps fetched while we waited
                if package is None:
                    package = self._download(registry, version)
                    self._shrink(keep=version.digest)
        _touch(entry)
        return package

    def _download(self, registry: ModelRegistry, version: PinnedVersion) -> FolderPackage:
        entry = self._folder / version.digest
        partial = self._folder / "tmp" / version.digest
        shutil.rmtree(partial, ignore_errors=True)  # left by a process that died: the lock is ours now
        partial.mkdir()
        try:
            manifest = _fetch_manifest(registry, version, partial)
            for_each_file(manifest.files, lambda file: _fetch_file(registry, version, file, partial))
            sync_folder(partial)
            self._discard(entry)
            partial.rename(entry)
            sync_folder(self._folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return FolderPackage(entry, manifest)

    def _shrink(self, *, keep: str) -> None:
        entries = [each for each in self._folder.iterdir() if len(each.name) == _DIGEST_LENGTH and each.name != keep]
        sizes = {each: _size(each) for each in entries}
        used = sum(sizes.values()) + _size(self._folder / keep)
        for entry in sorted(entries, key=_last_used):
            if used <= self._max_bytes:
                break
            self._remove_unless_fetched(entry)
            used -= sizes[entry]
        for partial in (self._folder / "tmp").iterdir():  # of processes that died: nobody holds the lock
            self._remove_unless_fetched(partial)

    def _remove_unless_fetched(self, folder: Path) -> None:
        import filelock

        digest = folder.name.partition(".")[0]
        # a lock that is held is an OSError too; what cannot be removed now is removed by a later fetch
        with suppress(OSError), filelock.FileLock(self._lock_file(digest), timeout=0):
            self._discard(folder)

    def _discard(self, folder: Path) -> None:
        """Remove an entry in one step, whoever reads or writes in it meanwhile; then its files."""
        if folder.is_symlink() or folder.is_file():
            folder.unlink(missing_ok=True)
            return
        doomed = self._folder / "tmp" / f"{folder.name.partition('.')[0]}.old"
        if folder != doomed:
            shutil.rmtree(doomed, ignore_errors=True)
            with suppress(FileNotFoundError):
                folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)  # what stays is swept by a later fetch

    @contextmanager
    def _lock(self, version: PinnedVersion) -> Generator[None]:
        import filelock

        try:
            with filelock.FileLock(self._lock_file(version.digest), timeout=self._lock_timeout):
                yield
        except filelock.Timeout as exc:
            raise BackendUnavailableError(
                "another process is still fetching the same package",
                operation="fetch",
                subject=f"{version.model}:{version.version}",
                why=f"its lock was not free within {self._lock_timeout:g} seconds",
                hint=f"look at who holds {exc.lock_file}",
            ) from exc

    def _lock_file(self, digest: str) -> Path:
        return self._folder / "locks" / f"{digest}.lock"

    @contextmanager
    def _usable_folder(self, version: PinnedVersion) -> Generator[None]:
        """Create the folder and turn what the disk says into an error that names it."""
        subject = f"cannot keep {version.model}:{version.version} in the cache"
        try:
            for folder in (self._folder, self._folder / "tmp", self._folder / "locks"):
                if folder.is_symlink():
                    raise ConfigurationError(
                        subject,
                        where=str(folder),
                        why="it is a symbolic link, which could lead anywhere",
                        hint="name the folder that it leads to: [cache] path in mlops.toml, or MLOPS_CACHE__PATH",
                    )
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            hint = "name a folder that can be written: [cache] path in mlops.toml, or MLOPS_CACHE__PATH"
            raise ConfigurationError(subject, where=str(self._folder), why=str(exc), hint=hint) from exc
        try:
            yield
        except OSError as exc:
            hint = "free some space, or name another folder: [cache] path in mlops.toml, or MLOPS_CACHE__PATH"
            raise MlopsError(subject, where=str(exc.filename or self._folder), why=str(exc), hint=hint) from exc


def _fetch_manifest(registry: ModelRegistry, version: PinnedVersion, folder: Path) -> Manifest:
    subject = f"{version.model}:{version.version}"
    with registry.open(version, MANIFEST_FILE) as stream:
        data = _read_up_to(_MAX_MANIFEST, stream)
    actual = hashlib.sha256(data).hexdigest()
    if actual != version.digest:
        raise IntegrityError(
            f"{MANIFEST_FILE!r} is not the file that was registered",
            where=subject,
            why=f"SHA-256 is {actual}, the version's record says {version.digest}",
            hint="restore the file, or register the model again with if_exists='new'; nothing was loaded",
        )
    write_durably(folder / MANIFEST_FILE, [data])
    return Manifest.from_bytes(data, where=subject)


def _fetch_file(registry: ModelRegistry, version: PinnedVersion, file: PackageFile, folder: Path) -> None:
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with registry.open(version, file.path) as stream:
        write_durably(path, verified_chunks(stream, file, where=f"{version.model}:{version.version}"))


def _read_up_to(limit: int, stream: BinaryIO) -> bytes:
    read = bytearray()
    while len(read) < limit and (chunk := stream.read(limit - len(read))):  # a read may give less than was asked for
        read += chunk
    return bytes(read)


def _verified(entry: Path, digest: str) -> FolderPackage | None:
    """The package, if it is there and whole."""
    if entry.is_symlink() or not entry.is_dir():
        return None
    try:
        package = read_verified(entry, digest)
    except (IntegrityError, OSError) as exc:
        _log.warning("a package in the cache is damaged and will be fetched again: %s", exc)
        return None
    return package


def read_verified(folder: Path, digest: str) -> FolderPackage:
    """The package in a folder, after every file of it, ``package.json`` included, has been verified.

    Raises:
        IntegrityError: A file is missing or differs from what the digest names.
        OSError: A file cannot be read.
    """
    path = folder / MANIFEST_FILE
    package = FolderPackage.read(folder)
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    if actual != digest:
        why = f"SHA-256 is {actual}, expected {digest}"
        raise IntegrityError(f"{MANIFEST_FILE!r} is not the file that was registered", where=str(path), why=why)
    package.verify()
    return package


def _check_digest(version: PinnedVersion) -> None:
    # it becomes the name of a folder, and comes from a server
    if len(version.digest) != _DIGEST_LENGTH or not set(version.digest) <= set("0123456789abcdef"):
        raise IntegrityError(
            "the version has no valid digest",
            where=f"{version.model}:{version.version}",
            why=f"{version.digest[:80]!r} is not a SHA-256",
        )


def _touch(entry: Path) -> None:
    with suppress(OSError):  # a cache that can only be read is never shrunk either
        os.utime(entry)


def _last_used(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(entry: Path) -> int:
    with suppress(FileNotFoundError):
        return sum(each.stat().st_size for each in entry.rglob("*") if each.is_file())
    return 0
