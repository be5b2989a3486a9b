"""Aggregates of many ranges of one column, each computed from its own range alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

PAIRS_AT_ONCE: Final = 2_000_000
"""Positions that :meth:`Segments.exploded` spells out at a time: about 100 MB at the peak."""


@dataclass(frozen=True, slots=True)
class Segments:
    """Non-empty ranges ``first:end`` of positions, sorted by ``first``; they may overlap."""

    first: NDArray[np.int64]
    end: NDArray[np.int64]

    def exploded(self) -> Iterator[tuple[slice, NDArray[np.int64]]]:
        """Every position of every range, in chunks of whole ranges; one longer than a chunk is a chunk of its own.

        Yields:
            The ranges of the chunk, and their positions one after the other.
        """
        import numpy as np

        sizes = self.end - self.first
        totals = np.cumsum(sizes)
        start = 0
        while start < len(sizes):
            before = totals[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(totals, before + PAIRS_AT_ONCE, side="right")))
            chunk = slice(start, stop)
            offsets = totals[chunk] - sizes[chunk] - before
            yield chunk, np.arange(totals[stop - 1] - before) + np.repeat(self.first[chunk] - offsets, sizes[chunk])
            start = stop


def count(column: pl.Series, segments: Segments) -> pl.Series:
    """Values that are not null, ``Int64``."""
    import polars as pl

    return _difference(column.is_not_null().cast(pl.Int64), segments)


def exact_sum(column: pl.Series, segments: Segments) -> pl.Series:
    """Sum of integers or booleans, ``Int128``: wide enough that differences of running sums are exact."""
    import polars as pl

    return _difference(column.cast(pl.Int128).fill_null(0), segments)


def float_sum(column: pl.Series, segments: Segments) -> pl.Series:
    """Sum of floats, ``Float64``: of each range's own values, pairwise; a running sum would leak one into another."""
    import numpy as np
    import polars as pl

    with np.errstate(invalid="ignore", over="ignore"):
        values = column.cast(pl.Float64).fill_null(0.0).to_numpy()
        return pl.Series(_reduce(np.add.reduceat, values, segments), dtype=pl.Float64)


def smallest(column: pl.Series, segments: Segments) -> pl.Series:
    """The smallest value, in the column's dtype; null without any. NaN counts only where there is nothing else."""
    import numpy as np

    return _extreme(column, segments, np.fmin.reduceat, lambda dtype: np.iinfo(dtype).max)


def largest(column: pl.Series, segments: Segments) -> pl.Series:
    """The largest value, in the column's dtype; null without any. NaN counts only where there is nothing else."""
    import numpy as np

    return _extreme(column, segments, np.fmax.reduceat, lambda dtype: np.iinfo(dtype).min)


def last(column: pl.Series, segments: Segments) -> pl.Series:
    """The value at the last position, null or not."""
    return column.gather(segments.end - 1)


def n_unique(column: pl.Series, segments: Segments) -> pl.Series:
    """Different values that are not null, ``Int64``. Every NaN is the same value."""
    import numpy as np
    import polars as pl

    # A value is new in a range if it stood last before the range's first position.
    places = pl.DataFrame({"value": column, "place": pl.int_range(len(column), eager=True)})
    before = pl.col("place").shift(1, fill_value=-1).over("value")
    never = np.iinfo(np.int64).max
    previous = (
        places.select(pl.when(pl.col("value").is_not_null()).then(before).otherwise(never)).to_series().to_numpy()
    )
    found = np.zeros(len(segments.first), dtype=np.int64)
    sizes = segments.end - segments.first
    for chunk, positions in segments.exploded():
        new = previous[positions] < np.repeat(segments.first[chunk], sizes[chunk])
        found[chunk] = np.add.reduceat(new, np.cumsum(sizes[chunk]) - sizes[chunk], dtype=np.int64)
    return pl.Series(found, dtype=pl.Int64)


def _difference(values: pl.Series, segments: Segments) -> pl.Series:
    """Sums of integers as differences of running sums."""
    import polars as pl

    running = pl.concat([values.clear(1).fill_null(0), values.cum_sum()])
    return running.gather(segments.end) - running.gather(segments.first)


def _reduce(reduceat: Callable[..., NDArray[Any]], values: NDArray[Any], segments: Segments) -> NDArray[Any]:
    """One result per range. ``reduceat`` also reduces the gaps between ranges, once each as these are sorted."""
    import numpy as np

    edges = np.column_stack((segments.first, segments.end)).ravel()
    padded = np.append(values, values[:1])  # the last range may end where the values do
    return reduceat(padded, edges)[::2]


def _extreme(
    column: pl.Series,
    segments: Segments,
    reduceat: Callable[..., NDArray[Any]],
    neutral: Callable[[np.dtype[Any]], int],
) -> pl.Series:
    import numpy as np
    import polars as pl

    dtype = column.dtype
    if dtype.is_float():
        values = column.fill_null(float("nan")).to_numpy()  # fmin and fmax pass over NaN
    else:
        physical = column.cast(pl.UInt8) if isinstance(dtype, pl.Boolean) else column.to_physical()
        values = physical.fill_null(0).to_numpy()
        values = np.where(column.is_null().to_numpy(), neutral(values.dtype), values).astype(values.dtype)
    found = pl.Series(_reduce(reduceat, values, segments)).cast(dtype)
    return pl.select(pl.when(count(column, segments) > 0).then(found)).to_series()
