"""The artifact store port over a folder of one host: keys are paths below it, verbatim.

* Nothing is written in place. Bytes go to a temporary file in ``tmp/``, are synced, and then get their name: by
  ``os.link`` when the key must be new (the link fails if it is not), else by ``os.replace``. So a reader, who takes no
  lock, sees a whole object or none. ``kill -9`` leaves at most a file in ``tmp/`` and empty folders: neither is listed
  or in the way of a key, and ``sweep`` removes both.
* Whatever replaces or deletes holds an operating-system lock, on one of 64 files in ``tmp/locks/`` that are never
  deleted; ``if_match`` reads the etag again while holding it. Deleting a lock file would split its waiters.
* An etag is the SHA-256 of the content up to 256 KiB: nobody rereads gigabytes for a ``stat``. A bigger object's is its
  size, inode and time, to which each write gives random nanoseconds: neither inodes nor kernels' clocks tell writes
  apart. So ``modified_at`` of a big object is right to the second.
* ``a`` and ``a/b`` cannot both be files: the second is refused with ``InvalidNameError``. ``tmp/...`` is ours. Where
  the file system folds names, a key that differs from another by case or normal form only is refused too, and each part
  of a key costs the reading of a folder.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat as modes
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.durable_files import sync_folder
from mlops_core.errors import ArtifactNotFoundError, InvalidNameError, translating_errors
from mlops_core.ports.artifact_store import Artifact, ArtifactInfo, ArtifactStoreCapability
from mlops_core.stores.file_locks import exclusive_lock
from mlops_core.stores.file_names import TEMPORARY, folded, names_are_folded, spelled_otherwise, why_no_file
from mlops_core.stores.file_objects import (
    Source,
    classify_os_error,
    folders_below,
    found_file,
    keys_below,
    make_folder,
    open_file,
    remove_empty,
    remove_empty_tree,
    temporary_file,
)
from mlops_core.stores.file_sweep import sweep_unfinished
from mlops_core.stores.file_systems import MOUNTINFO, refuse_unsuitable
from mlops_core.stores.keys import check_folder_prefix, check_key, is_key
from mlops_core.stores.store_arguments import check_put, check_range
from mlops_core.stores.store_refusals import exists_already, no_object, not_what_was_read

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from datetime import timedelta
    from pathlib import Path

_LOCKS: Final = 64


class FileArtifactStore:
    """Objects as files below one folder of one host, with conditional writes.

    It may be used from several threads and processes, and after a fork. The folder is made at the first write, which
    also refuses network file systems and those without hard links.

    Args:
        root: The folder.
        backend: The configured name, for messages.
        lock_timeout: Seconds to wait for another writer before ``BackendUnavailableError``.
        mountinfo: The system's list of mounts.
    """

    def __init__(
        self, root: Path, *, backend: str = "local", lock_timeout: float = 30.0, mountinfo: Path = MOUNTINFO
    ) -> None:
        self._root = root.absolute()
        self._temporary = self._root / TEMPORARY
        self._backend = backend
        self._lock_timeout = lock_timeout
        self._mountinfo = mountinfo
        self._prepared = False

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    @property
    def capabilities(self) -> ArtifactStoreCapability:
        """See :attr:`ArtifactStore.capabilities`."""
        return ArtifactStoreCapability.CONDITIONAL_PUT

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        """See :meth:`ArtifactStore.put`.

        Raises:
            InvalidNameError: The key breaks the grammar, begins with ``tmp/``, or another key is a folder of it.
            AlreadyExistsError: ``if_absent``, and the key exists.
            ConflictError: ``if_match``, and the stored object has another etag or is gone.
            UnsupportedOperationError: A stream, or more than 5 GiB, with a condition.
            ConfigurationError: The file system is not one that can hold a store.
        """
        check_put(self, key, data, if_absent=if_absent, if_match=if_match, backend=self._backend)
        path = self._path(key)
        why = why_no_file(key)
        if why:
            raise self._no_key(key, why)
        source = Source(data)
        with self._translating("put", key, f"cannot store {key!r} in {self._root}", source):
            self._prepare()
            with temporary_file(self._temporary, source) as (temporary, found):
                if if_match is not None:
                    self._replace(key, temporary, path, if_match)
                elif if_absent:
                    self._place(key, path, lambda: self._create(key, temporary, path))
                else:
                    self._place(key, path, lambda: self._replace(key, temporary, path, None))
        return found.info(key)

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        """See :meth:`ArtifactStore.get`."""
        check_range(start, stop)
        with self._reading("get", key) as stream:
            found = found_file(stream)
            stream.seek(start)
            # Not asked for more than there is: a file object makes room for all that it is asked for.
            end = found.size if stop is None else min(stop, found.size)
            data = stream.read(max(0, end - start))
        return Artifact(info=found.info(key), data=data)

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        """See :meth:`ArtifactStore.open`."""
        check_range(start)
        with self._translating("open", key, f"cannot read {key!r} in {self._root}"):
            stream = self._open(key, "open")
            stream.seek(start)
            return stream

    def stat(self, key: str, /) -> ArtifactInfo:
        """See :meth:`ArtifactStore.stat`."""
        with self._reading("stat", key) as stream:
            return found_file(stream).info(key)

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        """See :meth:`ArtifactStore.find`; one folder at a time is read, when it is reached."""
        folder, slash, _ = prefix.rpartition("/")
        if slash and (not is_key(folder) or self._is_spelled_otherwise(folder)):
            return
        start = self._root / folder
        with self._translating("find", prefix, f"cannot list {start}"):
            for key in keys_below(start, folder + slash, prefix):
                # What no key can name is unfinished, or was put there by somebody else.
                stream = open_file(self._root / key) if is_key(key) and not why_no_file(key) else None
                if stream is not None:  # else it was deleted since
                    with stream:
                        found = found_file(stream)
                    yield found.info(key)

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        """See :meth:`ArtifactStore.folders`; one folder is read, and of each folder in it as much as shows a key."""
        check_folder_prefix(prefix)
        if prefix and self._is_spelled_otherwise(prefix[:-1]):
            return
        folder = self._root / prefix
        with self._translating("folders", prefix, f"cannot list {folder}"):
            for name in folders_below(folder, prefix):
                if not why_no_file(prefix + name):
                    yield name

    def delete(self, key: str, /) -> None:
        """See :meth:`ArtifactStore.delete`; folders that become empty go with the object."""
        path = self._path(key)
        if why_no_file(key) or self._is_spelled_otherwise(key):
            return
        with self._translating("delete", key, f"cannot delete {key!r} in {self._root}"):
            try:
                if not modes.S_ISREG(path.lstat().st_mode):
                    return
                self._prepare()
                with self._lock(key):
                    path.unlink(missing_ok=True)
                    sync_folder(path.parent)
            except (FileNotFoundError, NotADirectoryError):
                return
            remove_empty(path.parent, below=self._root)

    def sweep(self, *, older_than: timedelta, dry_run: bool = False) -> tuple[int, int]:
        """Remove what killed writes have left: files in ``tmp/``, and folders that hold no file.

        Args:
            older_than: How long ago it was changed last, at least, by the file system's clock.
            dry_run: Remove nothing.

        Returns:
            How many files and folders, and the files' bytes.
        """
        with self._translating("sweep", "", f"cannot remove unfinished files of {self._root}"):
            return sweep_unfinished(self._root, older_than=older_than, dry_run=dry_run)

    def _path(self, key: str) -> Path:
        check_key(key)
        return self._root.joinpath(*key.split("/"))

    def _no_key(self, key: str, why: str) -> InvalidNameError:
        what = f"{key[:80]!r} cannot be a key of this store"
        return InvalidNameError(what, where=str(self._root), why=why, hint="choose another key")

    def _is_spelled_otherwise(self, key: str) -> bool:
        return names_are_folded(self._root) and spelled_otherwise(self._root, key)

    def _refuse_twin(self, key: str) -> None:
        if self._is_spelled_otherwise(key):
            raise self._no_key(key, "to this file system it is the same as another key, spelled otherwise")

    def _prepare(self) -> None:
        if not self._prepared:
            make_folder(self._temporary / "locks")
            refuse_unsuitable(self._temporary, mountinfo=self._mountinfo)
            self._prepared = True

    def _lock(self, key: str) -> AbstractContextManager[None]:
        number = hashlib.sha256(folded(key).encode()).digest()[0] % _LOCKS
        return exclusive_lock(self._temporary / "locks" / f"{number:02}.lock", timeout=self._lock_timeout)

    def _place(self, key: str, path: Path, move: Callable[[], None]) -> None:
        """Give a temporary file its name, in folders that are made if need be."""
        attempts = 100
        for attempt in range(attempts):
            try:
                make_folder(path.parent)
                move()
            except FileNotFoundError:
                # A concurrent delete swept the folder between our making and our using it.
                if attempt == attempts - 1:
                    raise
            except (IsADirectoryError, NotADirectoryError) as exc:
                is_last = attempt == attempts - 1
                if isinstance(exc, IsADirectoryError) and not is_last and remove_empty_tree(path):
                    continue
                why = "'a' and 'a/b' cannot both be files, and with another object's key that would be so"
                raise self._no_key(key, why) from exc
            else:
                return

    def _create(self, key: str, temporary: Path, path: Path) -> None:
        self._refuse_twin(key)
        try:
            os.link(temporary, path)
        except OSError as exc:
            linked = 2
            made = temporary.stat().st_nlink == linked  # and only the answer was lost
            if not made and path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from exc
            if not made and isinstance(exc, FileExistsError):
                raise exists_already(key, backend=self._backend) from exc
            if not made:
                raise
        # If the folder is gone, the new object was deleted already: nothing is left to be made durable.
        with suppress(FileNotFoundError):
            sync_folder(path.parent)

    def _replace(self, key: str, temporary: Path, path: Path, if_match: str | None) -> None:
        with self._lock(key):
            if if_match is not None:
                self._check_etag(key, if_match)
            self._refuse_twin(key)
            temporary.replace(path)
            sync_folder(path.parent)

    def _check_etag(self, key: str, expected: str) -> None:
        try:
            with self._open(key, "put") as stream:
                if found_file(stream).etag == expected:
                    return
        except ArtifactNotFoundError:
            raise not_what_was_read(key, backend=self._backend, gone=True) from None
        raise not_what_was_read(key, backend=self._backend, gone=False)

    @contextmanager
    def _reading(self, operation: str, key: str) -> Generator[BinaryIO]:
        with (
            self._translating(operation, key, f"cannot read {key!r} in {self._root}"),
            self._open(key, operation) as stream,
        ):
            yield stream

    def _open(self, key: str, operation: str) -> BinaryIO:
        path = self._path(key)
        if not why_no_file(key) and not self._is_spelled_otherwise(key):
            stream = open_file(path)
            if stream is not None:
                return stream
        why = f"{self._root} has no such file"
        raise no_object(key, operation=operation, backend=self._backend, why=why)

    def _translating(
        self, operation: str, key: str, what: str, source: Source | None = None
    ) -> AbstractContextManager[None]:
        return translating_errors(
            classify_os_error if source is None else source.classify,
            what=what,
            operation=operation,
            subject=key,
            backend=self._backend,
            hint=f"check the disk that holds {self._root}: its space, its rights, its health",
        )
