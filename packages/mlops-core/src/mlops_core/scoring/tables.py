"""The input of a run: whatever the caller holds, as one lazy frame that can be read in batches of an exact size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mlops_core.errors import DatasetError, ScoringError
from mlops_core.scoring.handlers import ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import polars as pl
    import pyarrow as pa

TableLike: TypeAlias = "str | Path | pl.DataFrame | pl.LazyFrame | pd.DataFrame | pa.Table"
"""A Parquet or CSV file, a folder of Parquet files, or a frame. A path is streamed; a lazy frame is collected once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputTable:
    """An opened input.

    Attributes:
        rows: Its rows; reading them twice gives the same rows in the same order.
        name: What it is called in messages and reports.
        path: The file or folder, where it is one.
        stamp: Path, size and time of its files when it was opened.
    """

    rows: pl.LazyFrame
    name: str
    path: Path | None = None
    stamp: str = ""

    def count(self) -> int:
        """Number of rows."""
        import polars as pl

        return int(self.rows.select(pl.len()).collect(engine="streaming").item())

    def identity(self) -> str | None:
        """A text that differs when the rows differ; ``None`` where that cannot be told."""
        from mlops_core.datasets.content_digest import content_digest

        if self.stamp:
            return self.stamp
        try:
            return content_digest(self.rows.collect())
        except DatasetError:  # a column of Python objects
            return None

    def refuse_if_changed(self) -> None:
        """Compare the file with what it was when it was opened.

        Raises:
            ScoringError: It has been written since: some rows may be of the old file and some of the new one.
        """
        if self.path is not None and _stamp(self.path) != self.stamp:
            hint = "score a file that nobody writes any more"
            raise ScoringError("the input changed while it was scored", where=str(self.path), hint=hint)

    def batches(self, *, start: int, size: int) -> Iterator[pl.DataFrame]:
        """The rows from row ``start`` on, numbered, in frames of ``size`` rows; the last may be shorter.

        A table without rows gives one frame without rows, so that every run has a batch.
        """
        import polars as pl

        row = start
        read = False
        for batch in _of_exact_size(self.rows.slice(start).collect_batches(chunk_size=size, maintain_order=True), size):
            yield batch.insert_column(0, pl.int_range(row, row + batch.height, dtype=pl.Int64, eager=True).alias(ROW))
            row += batch.height
            read = True
        if not read and start == 0:
            schema = {ROW: pl.Int64(), **self.rows.collect_schema()}
            yield pl.DataFrame(schema=schema)


def _of_exact_size(frames: Iterator[pl.DataFrame], size: int) -> Iterator[pl.DataFrame]:
    # Readers cut where their row groups and buffers end; parts are resumed by number, so their rows must not move.
    import polars as pl

    waiting: list[pl.DataFrame] = []
    height = 0
    for frame in frames:
        waiting.append(frame)
        height += frame.height
        if height < size:
            continue
        whole = pl.concat(waiting)
        for offset in range(0, height - height % size, size):
            yield whole.slice(offset, size)
        waiting = [whole.slice(height - height % size)]
        height %= size
    if height:
        yield pl.concat(waiting)


def open_table(source: TableLike, /) -> InputTable:
    """Open an input; of a file no row is read.

    Raises:
        ScoringError: It is no table, is missing, or cannot be read.
        AdapterNotFoundError: Polars is not installed.
    """
    from mlops_core.features.tables import library_of, read_schema, scan_table

    rows = scan_table(source, what="the input", error=ScoringError)
    if isinstance(source, (str, Path)):
        path = Path(source)
        table = InputTable(rows=rows, name=str(path), path=path, stamp=_stamp(path))
    else:
        # Features and batches read the rows at different times: a query may answer in another order the second time.
        rows = rows.collect(engine="streaming").lazy()
        table = InputTable(rows=rows, name=f"a table of {library_of(source)}")
    if ROW in read_schema(rows, what="the input", error=ScoringError):
        why = "the chain calls the row's number so"
        raise ScoringError(f"the input has a column {ROW!r}", where=table.name, why=why, hint="rename it")
    return table


def _stamp(path: Path) -> str:
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    return "\n".join(_stamp_of_file(each) for each in files)


def _stamp_of_file(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return f"{path} is gone"
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns} {status.st_ino}"
