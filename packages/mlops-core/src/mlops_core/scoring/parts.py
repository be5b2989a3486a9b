"""Judged batches, kept until the run is complete: on disk where a killed run can go on from them, else in memory."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlops_core.durable_files import sync_file, sync_folder
from mlops_core.errors import ScoringError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import polars as pl


class Parts(Protocol):
    """The outcomes of a run's batches, in order."""

    @property
    def count(self) -> int:
        """How many are there; those of a killed run included."""
        ...

    def add(self, outcomes: pl.DataFrame, /) -> None:
        """Keep the next batch's outcomes."""
        ...

    def scan(self) -> pl.LazyFrame:
        """The outcomes of all batches."""
        ...

    def remove(self) -> None:
        """Forget them."""
        ...


class MemoryParts:
    """Parts of a run that writes no file."""

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []

    @property
    def count(self) -> int:
        """See :attr:`Parts.count`."""
        return len(self._frames)

    def add(self, outcomes: pl.DataFrame, /) -> None:
        """See :meth:`Parts.add`."""
        self._frames.append(outcomes)

    def scan(self) -> pl.LazyFrame:
        """See :meth:`Parts.scan`."""
        import polars as pl

        return pl.concat(self._frames, how="vertical_relaxed").lazy()

    def remove(self) -> None:
        """See :meth:`Parts.remove`."""
        self._frames.clear()


class FolderParts:
    """Parts in a folder beside the output, one Parquet file a batch.

    A part is committed by one rename, so it is there whole or not at all. The folder is named after everything that
    the outcomes depend on: what another run left behind is never taken up, and is removed.

    Args:
        folder: ``.<output's name>.parts`` beside the output. Only one run at a time may use it: see :func:`held`.
        digest: Of everything that the outcomes depend on; ``None`` where that is not known.
        batch_rows: Rows of every part but the last.
        rows: Rows of the input.
    """

    def __init__(self, folder: Path, *, digest: str | None, batch_rows: int, rows: int) -> None:
        self._root = folder
        self._folder = folder / (digest or "not-resumable")
        if folder.is_symlink():
            why = "it is a link, and the parts of another run are removed from it"
            raise ScoringError("parts cannot be kept there", where=str(folder), why=why, hint=f"remove {folder.name}")
        for other in folder.iterdir() if folder.is_dir() else ():
            if other.is_dir() and not other.is_symlink() and (digest is None or other != self._folder):
                shutil.rmtree(other)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._count = 0
        while self._is_whole(min(batch_rows, rows - self._count * batch_rows)):
            self._count += 1

    @property
    def count(self) -> int:
        """See :attr:`Parts.count`."""
        return self._count

    def add(self, outcomes: pl.DataFrame, /) -> None:
        """See :meth:`Parts.add`.

        Raises:
            ScoringError: The part could not be written.
        """
        write_whole(outcomes.lazy(), self._path(self._count))
        self._count += 1

    def scan(self) -> pl.LazyFrame:
        """See :meth:`Parts.scan`."""
        import polars as pl

        scans = [pl.scan_parquet(self._path(number), glob=False) for number in range(self._count)]
        return pl.concat(scans, how="vertical_relaxed")

    def remove(self) -> None:
        """See :meth:`Parts.remove`."""
        shutil.rmtree(self._root)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06}.parquet"

    def _is_whole(self, height: int) -> bool:
        import polars as pl

        # An unreadable part (a disk's fault: the rename came after the sync) is judged again, and replaced.
        with suppress(OSError, pl.exceptions.PolarsError):
            return pl.read_parquet(self._path(self._count), glob=False).height == height
        return False


def write_whole(rows: pl.LazyFrame, path: Path, *, metadata: Mapping[str, str] | None = None) -> None:
    """Write a Parquet file that appears under its name only when it is complete and on the disk.

    The same rows make the same bytes.

    Args:
        rows: What to write, in order.
        path: The file; one that is there is replaced.
        metadata: Key and value pairs for the file's footer.

    Raises:
        ScoringError: It could not be written.
    """
    import polars as pl

    row_group = 1 << 17
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        rows.sink_parquet(temporary, row_group_size=row_group, maintain_order=True, metadata=dict(metadata or {}))
        with temporary.open("rb+") as stream:
            sync_file(stream.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except (OSError, pl.exceptions.PolarsError) as exc:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        hint = "make room or choose another folder; the same call then goes on where it stopped"
        raise ScoringError("cannot write", where=str(path), why=str(exc), hint=hint) from exc


@contextmanager
def held(path: Path) -> Generator[None]:
    """Keep every other run away from an output.

    Args:
        path: The output.

    Raises:
        ScoringError: Another run holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as exc:
        hint = "wait until it has ended, or choose another output"
        raise ScoringError("another run is writing this output", where=str(path), hint=hint) from exc
    try:
        yield
    finally:
        # While it is held: a run that has opened the file in the meantime finds that it has no name any more.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()
