"""What a row of a table sees of each source: the events before its moment, and those that are excluded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mlops_core.datasets._alignment import Question, align
from mlops_core.datasets.point_in_time import as_of
from mlops_core.datasets.steps import AsOfStep, ExpressionStep, Step, WindowStep

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    import polars as pl

    from mlops_core.datasets.windows import WindowRule

_LAST_DAY: Final = 253_402_214_400_000_000
"""9999-12-31 in microseconds: every event that Python can name is before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one row sees of one source by one rule. Times are of the kind of the moment: aware where it is aware.

    Attributes:
        row: The row's number in the table that was looked at, from 0.
        source: The name of the source.
        columns: The features that see this.
        rule: Which rows are visible, in words.
        moment: The row's moment; ``None`` if it has none, and then sees nothing.
        earliest: The oldest event time that could be visible; ``None`` for any age.
        visible: Event times of the newest visible events, newest first; of a look-up the one that is used.
        visible_count: How many are visible; of a look-up 0 or 1.
        excluded: Event times of the nearest events of the same entity that are excluded because they are later than the
            moment (or, with ``known_at``, recorded later), nearest first.
        excluded_count: How many are excluded.
    """

    row: int
    source: str
    columns: tuple[str, ...]
    rule: str
    moment: datetime | date | None
    earliest: datetime | date | None
    visible: tuple[datetime | date, ...]
    visible_count: int
    excluded: tuple[datetime | date, ...]
    excluded_count: int


def look(steps: Iterable[Step], rows: pl.DataFrame, *, limit: int) -> list[Sight]:
    """For each row, what it sees of each source that has an event time.

    Args:
        steps: A plan's steps.
        rows: A few rows of the table's own columns.
        limit: How many event times to name on each side.
    """
    timed = [step for step in steps if not isinstance(step, ExpressionStep) and step.source.event_time is not None]
    return [_sight(step, rows.slice(number, 1), number, limit=limit) for number in range(rows.height) for step in timed]


def _sight(step: AsOfStep | WindowStep, row: pl.DataFrame, number: int, *, limit: int) -> Sight:
    import polars as pl

    at = step.at or ""
    moment: datetime | date | None = row.get_column(at).item()
    reach = step.rule.max_age if isinstance(step, AsOfStep) else step.rule.over
    visible = excluded = pl.Series(dtype=pl.Int64)
    if moment is not None:
        instant = _instants(row.get_column(at)).item()
        events = _events_of_entity(step, row)
        late = _is_late(step, instant)
        excluded = events.filter(late).sort((pl.col("time") - instant).abs()).get_column("time")
        visible = (
            _used(step, row) if isinstance(step, AsOfStep) else _in_window(step.rule, events.filter(~late), instant)
        )
    clock = row.schema[at]
    return Sight(
        row=number,
        source=step.source.name,
        columns=step.columns,
        rule=step.words,
        moment=moment,
        earliest=None if moment is None or reach is None else moment - reach,
        visible=tuple(_times(visible.head(limit), clock)),
        visible_count=visible.len(),
        excluded=tuple(_times(excluded.head(limit), clock)),
        excluded_count=excluded.len(),
    )


def _events_of_entity(step: AsOfStep | WindowStep, row: pl.DataFrame) -> pl.DataFrame:
    """All events with the row's keys, of any time: ``time`` and ``created`` in UTC microseconds."""
    import polars as pl

    at = step.at or ""
    question = Question(
        keys=step.rule.keys,
        event_time=step.rule.event_time,
        created_time=step.rule.created_time,
        known_at=False,
        at=at,
        source_name=step.source.name,
    )
    at_the_end_of_time = row.with_columns(_times(pl.Series(at, [_LAST_DAY]), row.schema[at]))
    return align(at_the_end_of_time, step.source.scan(), question, columns=[], oldest=None).events


def _is_late(step: AsOfStep | WindowStep, instant: int) -> pl.Expr:
    import polars as pl

    moment_excluded = isinstance(step, WindowStep) and step.rule.closed == "left"
    late = pl.col("time") >= instant if moment_excluded else pl.col("time") > instant
    return late | (pl.col("created") > instant).fill_null(True) if step.rule.known_at else late


def _used(step: AsOfStep, row: pl.DataFrame) -> pl.Series:
    """The event time of the row that the join uses: the join itself is asked."""
    event_time = step.rule.event_time or ""
    used = as_of(row, step.source.scan(), step.rule, at=step.at, columns=[event_time], source_name=step.source.name)
    return _instants(used.get_column(event_time)).drop_nulls()


def _in_window(rule: WindowRule, events: pl.DataFrame, instant: int) -> pl.Series:
    import polars as pl

    start = instant - rule.over // timedelta(microseconds=1)
    inside = pl.col("time") >= start if rule.closed == "left" else pl.col("time") > start
    return events.filter(inside).get_column("time").sort(descending=True)


def _instants(times: pl.Series) -> pl.Series:
    """UTC microseconds, or microseconds of its own clock for naive times and dates."""
    return times.dt.epoch("us")


def _times(instants: pl.Series, clock: pl.DataType) -> pl.Series:
    """The inverse of :func:`_instants`, in the kind and zone of the moment."""
    import polars as pl

    if isinstance(clock, pl.Datetime):
        return instants.cast(pl.Datetime("us", clock.time_zone))
    return instants.cast(pl.Datetime("us")).cast(pl.Date)
