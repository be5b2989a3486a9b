"""Files as objects: what a stat says of them, how they are written and listed, what the disk's errors mean."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.durable_files import sync_file, sync_folder
from mlops_core.errors import AccessDeniedError, BackendError, BackendUnavailableError
from mlops_core.ports.artifact_store import ArtifactInfo
from mlops_core.stores.keys import is_key

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

_HASHED_UP_TO: Final = 256 << 10
_CHUNK: Final = 1 << 20
_SECOND: Final = 1_000_000_000
"""In nanoseconds."""
# O_NONBLOCK: whoever opens a named pipe would wait for its writer; files do not care.
_FILES_ONLY: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """What is known of a file; see :class:`~mlops_core.ports.artifact_store.ArtifactInfo`."""

    size: int
    etag: str
    modified_at: datetime

    def info(self, key: str) -> ArtifactInfo:
        """The same of an object."""
        return ArtifactInfo(key=key, size=self.size, etag=self.etag, modified_at=self.modified_at)


def found_file(stream: BinaryIO) -> FoundFile:
    """What is known of an open file, which may be read to its end for it.

    The etag is the SHA-256 of the content up to 256 KiB. Above, it is size, time and inode: files are never written in
    place, and every write of a file of that size draws its time within the second; see :func:`temporary_file`.
    """
    status = os.fstat(stream.fileno())
    if status.st_size <= _HASHED_UP_TO:
        etag = hashlib.sha256(stream.read()).hexdigest()
    else:
        etag = f"{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ino:x}"
    return FoundFile(status.st_size, etag, _EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000))


class Source:
    """What a caller gives to be stored. What its stream raises is no error of the disk that it is written to.

    Args:
        data: The bytes, or a stream of them.
    """

    def __init__(self, data: bytes | BinaryIO) -> None:
        self._stream = io.BytesIO(data) if isinstance(data, bytes) else data
        self._error: Exception | None = None

    def read(self) -> bytes:
        """The next bytes; none at the end."""
        try:
            return self._stream.read(_CHUNK)
        except Exception as exc:
            self._error = exc
            raise

    def classify(self, error: Exception) -> type[BackendError] | None:
        """The class for an error of the disk; ``None`` for what is none, and for what the stream has raised."""
        return None if error is self._error else classify_os_error(error)


@contextmanager
def temporary_file(folder: Path, source: Source) -> Generator[tuple[Path, FoundFile]]:
    """The data in a new synced file, whose temporary name is gone afterwards.

    A file too big to be hashed gets a random time within its second. The kernel's own is not enough to tell two writes
    apart: its file clock may stand still for milliseconds, and a file system may give a freed inode away at once.
    """
    path = folder / f"{secrets.token_hex(16)}.part"
    try:
        with path.open("xb") as stream:
            while chunk := source.read():
                stream.write(chunk)
            stream.flush()
            if stream.tell() > _HASHED_UP_TO:
                now = path.stat().st_mtime_ns
                os.utime(path, ns=(now, now - now % _SECOND + secrets.randbelow(_SECOND)))
            sync_file(stream.fileno())
        with path.open("rb") as stream:
            found = found_file(stream)
        yield path, found
    finally:
        path.unlink(missing_ok=True)


def open_file(path: Path) -> BinaryIO | None:
    """A file's stream; ``None`` if there is none, or what is there is no file, such as a folder, a link or a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _FILES_ONLY)
    except OSError as exc:
        # ELOOP: a symbolic link, which no store makes and none follows. ENXIO: a socket.
        if exc.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO}:
            return None
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    return None


def make_folder(folder: Path) -> None:
    """Make a folder and its parents where they are missing, each durably.

    Raises:
        NotADirectoryError: One of them is a file.
        FileNotFoundError: Somebody removed one of them at the same time.
    """
    try:
        folder.mkdir()
    except FileExistsError:
        if not stat.S_ISDIR(folder.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
    except FileNotFoundError:
        make_folder(folder.parent)
        make_folder(folder)
    else:
        sync_folder(folder.parent)


def remove_empty(folder: Path, *, below: Path) -> None:
    """Remove a folder and its parents as long as they are empty, so that their names are free for other keys."""
    while folder != below:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def remove_empty_tree(folder: Path) -> bool:
    """Remove a folder that holds no file at any depth, as a killed write leaves it.

    Returns:
        Whether it is gone.
    """
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
        if not all(each.is_dir(follow_symlinks=False) and remove_empty_tree(folder / each.name) for each in found):
            return False
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # no folder; or a write has just put something into it
    return True


def keys_below(folder: Path, base: str, prefix: str) -> Iterator[str]:
    """Keys of the files below a folder that begin with a prefix, in order of their bytes.

    Args:
        folder: Where to look; one folder at a time is read, when it is reached.
        base: The folder's own key with a slash, or ``""``.
        prefix: What the keys begin with.
    """
    for name in _names_in_key_order(folder):
        key = base + name
        if name.endswith("/"):
            if key.startswith(prefix) or prefix.startswith(key):
                yield from keys_below(folder / name, key, prefix)
        elif key.startswith(prefix):
            yield key


def folders_below(folder: Path, base: str) -> Iterator[str]:
    """Names of the folders of a folder that hold a key at any depth, in the order in which their keys are found.

    Args:
        folder: Where to look.
        base: The folder's own key with a slash, or ``""``.
    """
    for name in _names_in_key_order(folder):
        if name.endswith("/") and _holds_key(folder / name, base + name):
            yield name[:-1]


def _names_in_key_order(folder: Path) -> list[str]:
    """What a folder holds; the names of folders end with a slash, since their keys go on with it."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                os.fsencode(each.name) + (b"/" if each.is_dir(follow_symlinks=False) else b"") for each in entries
            )
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [os.fsdecode(name) for name in names]


def _holds_key(folder: Path, base: str) -> bool:
    """Whether there is a key below a folder. Files are looked at before folders, and the first one is enough."""
    below: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for each in entries:
                if each.is_dir(follow_symlinks=False):
                    below.append(each.name)
                elif each.is_file(follow_symlinks=False) and is_key(base + each.name):
                    return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    return any(_holds_key(folder / name, f"{base}{name}/") for name in below)


def classify_os_error(error: Exception) -> type[BackendError] | None:
    """The class for an error of the disk; ``None`` for what is none."""
    if not isinstance(error, OSError):
        return None
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return AccessDeniedError
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return BackendError  # trying again at once would only fill the disk again
    return BackendUnavailableError
