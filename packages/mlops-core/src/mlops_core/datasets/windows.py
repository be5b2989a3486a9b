"""Window aggregates: for each row of the spine, a summary of the source's events before that row's own moment.

The window is ``(T - over, T]``, or ``[T - over, T)`` with ``closed="left"``: relative to the moment T, not to the last
event. The events are put in order of entity and time, so that each window is one range of positions, found by two
as-of joins. Each aggregate is then computed from its ranges: float sums from the window's own values, never as
differences of running sums, which carry the rounding of everything before the window into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from mlops_core.datasets import _segments
from mlops_core.datasets._alignment import Alignment, Question, align, microseconds
from mlops_core.datasets._segments import Segments
from mlops_core.errors import DatasetError, near_matches
from mlops_core.features.window import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from mlops_core.features.window import AggregateKind

_ZERO_WHEN_EMPTY: Final = frozenset({"count", "sum", "n_unique"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """Which events of a source a spine row sees.

    Attributes:
        keys: Pairs of (source column, spine column) that must be equal; empty makes one group of all rows.
        event_time: When the source's events happened.
        over: Length of the window, positive.
        closed: ``"right"`` for (T - over, T], ``"left"`` for [T - over, T).
        created_time: When the source's events were recorded; orders events of one event time for ``last``.
        known_at: Events recorded after the moment, or at an unknown time, are not visible. Needs ``created_time``.
            Costs time in proportion to all events inside all windows.
    """

    keys: tuple[tuple[str, str], ...]
    event_time: str
    over: timedelta
    closed: Literal["right", "left"] = "right"
    created_time: str | None = None
    known_at: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One summary of the events in a window.

    Nulls are ignored, but by ``last`` and by ``count`` of rows. An empty window, and one that holds only nulls, has
    count, sum and n_unique 0 and everything else null.

    ======== ================================================================= ============================
    kind     meaning                                                           dtype
    ======== ================================================================= ============================
    count    events, or the values of a column                                 Int64
    sum      of numbers; booleans are 0 and 1                                  Int64, for floats Float64
    mean     the same, over the number of values; of integers from exact sums  Float64
    min, max of numbers, booleans, dates and times; NaN only if all are NaN    the column's
    last     the value of the latest event: by event time, then created time,  the column's
             then position in the source; a null stays null
    n_unique different values; every NaN is the same value                     Int64
    ======== ================================================================= ============================

    NaN makes a sum and a mean NaN, as in Polars.

    Attributes:
        kind: Which summary.
        column: The source's column; ``None`` only for ``count``, which then counts events.
        name: The column of the result.
    """

    kind: AggregateKind
    column: str | None
    name: str


def aggregate_windows(
    spine: pl.DataFrame,
    source: pl.LazyFrame,
    rule: WindowRule,
    *,
    at: str,
    aggregates: Sequence[Aggregate],
    source_name: str,
) -> pl.DataFrame:
    """For each row of the spine, the aggregates of the events in its window, all computed in one pass.

    Keys and instants are compared as in :func:`mlops_core.datasets.point_in_time.as_of`; a null key or a null moment
    has an empty window.

    Args:
        spine: One row per moment; only its keys and ``at`` are read.
        source: In any order. Only the needed columns and the rows that some window can reach are collected.
        rule: The window.
        at: The spine's column of moments.
        aggregates: What to compute, with different names.
        source_name: Named in errors.

    Returns:
        As many rows as the spine, in its order, with one column per aggregate. Its dtypes depend on the source's
        schema alone.

    Raises:
        DatasetError: The rule cannot work, a column is missing or cannot be aggregated so, keys or times cannot be
            compared, or a sum of integers does not fit into 64 bits.
    """
    import polars as pl

    _check(rule, aggregates, source.collect_schema(), source_name=source_name)
    question = Question(
        keys=rule.keys,
        event_time=rule.event_time,
        created_time=rule.created_time,
        known_at=rule.known_at,
        at=at,
        source_name=source_name,
    )
    columns = [each.column for each in aggregates if each.column is not None]
    sides = align(spine, source, question, columns=columns, oldest=microseconds(rule.over))
    # Nulls sort first, so an unknown created time loses its tie.
    ordered = sides.events.sort("group", "time", "created", "row")
    windows = _windows(sides.moments, ordered, rule)
    spine_rows: list[pl.Series] = []
    found: dict[str, list[pl.Series]] = {each.name: [] for each in aggregates}
    for part in _visible_parts(windows, ordered, known_at=rule.known_at):
        spine_rows.append(part.spine_row)
        for each in aggregates:
            found[each.name].append(_compute(each, sides, part, source_name=source_name))

    slots = pl.concat(spine_rows).to_frame("spine_row").with_row_index("slot")
    every_row = pl.select(spine_row=pl.int_range(spine.height))
    slot = every_row.join(slots, on="spine_row", how="left", maintain_order="left").get_column("slot")
    results: list[pl.Series] = []
    for each in aggregates:
        result = pl.concat(found[each.name]).gather(slot).alias(each.name)
        results.append(result.fill_null(0) if each.kind in _ZERO_WHEN_EMPTY else result)
    return pl.DataFrame(results)


def _check(rule: WindowRule, aggregates: Sequence[Aggregate], schema: pl.Schema, *, source_name: str) -> None:
    where = f"source {source_name!r}"
    why, hint = "", ""
    if microseconds(rule.over) <= 0:
        why, hint = f"its length is {rule.over}", "give a length of at least one microsecond"
    elif rule.closed not in ("right", "left"):
        why, hint = f"closed={rule.closed!r} is no side", 'closed="right" includes the moment, closed="left" does not'
    elif rule.known_at and rule.created_time is None:
        why = "known_at asks when each event was recorded, and the source has no created time"
        hint = "name the source's created time, or aggregate this source without known_at"
    if why:
        raise DatasetError("the window cannot work", where=where, why=why, hint=hint)
    names = [each.name for each in aggregates]
    for each in aggregates:
        problem = _problem(each, schema)
        if names.count(each.name) > 1:
            problem = "another aggregate has the same name", "give each aggregate a name of its own"
        if problem:
            what = f"the aggregate {each.name!r} cannot be computed"
            raise DatasetError(what, where=where, why=problem[0], hint=problem[1])


def _problem(aggregate: Aggregate, schema: pl.Schema) -> tuple[str, str] | None:
    """Why an aggregate cannot be computed, and what to do about it."""
    import polars as pl

    kind, column = aggregate.kind, aggregate.column
    if kind not in KINDS:
        return f"there is no kind {kind!r}", near_matches(kind, KINDS)
    if column is None:
        return None if kind == "count" else (f"{kind} needs a column", "only a count of events needs none")
    if column not in schema:
        return f"the source has no column {column!r}", near_matches(column, schema)
    dtype = schema[column]
    number = dtype.is_numeric() and not dtype.is_decimal() and dtype not in (pl.Int128(), pl.UInt128())
    allowed = number or isinstance(dtype, pl.Boolean) or (kind in ("min", "max") and dtype.is_temporal())
    undefined = f"{kind} of the column {column!r} is not defined for {dtype}"
    if kind in ("sum", "mean", "min", "max") and not allowed:
        return undefined, f"cast it first, such as pl.col({column!r}).cast(pl.Float64)"
    if kind == "n_unique" and dtype.is_nested():
        return undefined, "count a column of plain values"
    return None


def _windows(moments: pl.DataFrame, ordered: pl.DataFrame, rule: WindowRule) -> pl.DataFrame:
    """The windows that hold events, as positions in ``ordered``: spine_row, moment, first, end; sorted by first."""
    import polars as pl

    timeline = (
        ordered.select("group", "time", position=pl.int_range(pl.len()))
        .with_columns(start=pl.col("position").min().over("group"))
        .sort("time", "position")
    )

    def up_to(moments: pl.DataFrame, offset: int) -> pl.DataFrame:
        """The last event at or before the moment plus ``offset``."""
        return moments.with_columns(bound=pl.col("moment") + offset).join_asof(
            timeline, left_on="bound", right_on="time", by="group", strategy="backward", check_sortedness=False
        )

    # Instants are whole microseconds, so "before T" is "at T - 1 or before".
    shift = -1 if rule.closed == "left" else 0
    ends = up_to(moments, shift).drop_nulls("position")
    ends = ends.select("spine_row", "group", "moment", "start", end=pl.col("position") + 1)
    first = up_to(ends.drop("start"), shift - microseconds(rule.over)).get_column("position") + 1
    return (
        ends.with_columns(first.alias("first").fill_null(ends.get_column("start")))
        .filter(pl.col("first") < pl.col("end"))
        .select("spine_row", "moment", "first", "end")
        .sort("first")
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Windows over the rows ``source_row`` of the source's values, one of them per ``spine_row``."""

    spine_row: pl.Series
    source_row: pl.Series
    segments: Segments


def _visible_parts(windows: pl.DataFrame, ordered: pl.DataFrame, *, known_at: bool) -> Iterator[_Part]:
    """The windows, without what was not known yet. One part, or with ``known_at`` one per chunk of bounded size."""
    import numpy as np
    import polars as pl

    rows, source_row = windows.get_column("spine_row"), ordered.get_column("row")
    segments = Segments(_integers(windows, "first"), _integers(windows, "end"))
    if not known_at or windows.is_empty():
        yield _Part(rows, source_row, segments)
        return
    created, moments = _integers(ordered, "created"), _integers(windows, "moment")
    for chunk, positions in segments.exploded():
        sizes = segments.end[chunk] - segments.first[chunk]
        known = created[positions] <= np.repeat(moments[chunk], sizes)
        counts = np.add.reduceat(known, np.cumsum(sizes) - sizes, dtype=np.int64)
        ends = np.cumsum(counts)
        some = counts > 0
        yield _Part(
            rows[chunk].filter(pl.Series(some)),
            source_row.gather(positions[known]),
            Segments((ends - counts)[some], ends[some]),
        )


def _integers(frame: pl.DataFrame, column: str) -> NDArray[np.int64]:
    import numpy as np

    return frame.get_column(column).to_numpy().astype(np.int64, copy=False)


def _compute(aggregate: Aggregate, sides: Alignment, part: _Part, *, source_name: str) -> pl.Series:
    """One aggregate of the windows of a part."""
    import polars as pl

    segments = part.segments
    if aggregate.column is None:
        return pl.Series(segments.end - segments.first, dtype=pl.Int64)
    column = sides.values.get_column(aggregate.column).gather(part.source_row)
    match aggregate.kind:
        case "count":
            return _segments.count(column, segments)
        case "sum" | "mean":
            total = (_segments.float_sum if column.dtype.is_float() else _segments.exact_sum)(column, segments)
            if aggregate.kind == "sum":
                return total if column.dtype.is_float() else _fitting(total, aggregate, source_name=source_name)
            values = _segments.count(column, segments)
            return pl.select(pl.when(values > 0).then(total.cast(pl.Float64) / values)).to_series()
        case "min":
            return _segments.smallest(column, segments)
        case "max":
            return _segments.largest(column, segments)
        case "last":
            return _segments.last(column, segments)
        case "n_unique":
            return _segments.n_unique(column, segments)


def _fitting(total: pl.Series, aggregate: Aggregate, *, source_name: str) -> pl.Series:
    import polars as pl

    narrow = total.cast(pl.Int64, strict=False)
    overflown = narrow.null_count()
    if overflown:
        raise DatasetError(
            f"the sum {aggregate.name!r} overflows",
            where=f"source {source_name!r}, column {aggregate.column!r}",
            why=f"{overflown} windows sum to more than 64 bits hold",
            hint=f"sum pl.col({aggregate.column!r}).cast(pl.Float64) instead, which rounds",
        )
    return narrow
