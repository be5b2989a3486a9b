"""The point-in-time join: for each row of the spine, the source's row as it was at that row's moment.

For a spine row of entity e and moment T, among the source's rows of e with an event time t <= T (equal is visible)
and, with a max age, t >= T - max_age (boundary included): the largest t; on a tie the largest created time, where
unknown is smallest; on an exact tie the row that stands last in the source, or an error in strict mode. With
``known_at`` only rows that had been recorded by T count, so an older row is used where the newest was not yet known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_core.datasets._alignment import ALWAYS, Alignment, Question, align, microseconds
from mlops_core.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOfRule:
    """Which row of a source a spine row sees.

    Attributes:
        keys: Pairs of (source column, spine column) that must be equal; empty makes one group of all rows.
        event_time: When the source's rows happened; ``None`` for a static lookup, which is visible at any moment.
        created_time: When the source's rows were recorded; decides between rows of one event time.
        max_age: The oldest event that still counts, boundary included; zero means exactly the moment.
        known_at: Rows recorded after the moment, or at an unknown time, are not visible. Needs ``created_time``.
        strict: Raise where two rows tie in event time and created time and differ in the columns asked for.
    """

    keys: tuple[tuple[str, str], ...]
    event_time: str | None
    created_time: str | None = None
    max_age: timedelta | None = None
    known_at: bool = False
    strict: bool = False


def as_of(
    spine: pl.DataFrame,
    source: pl.LazyFrame,
    rule: AsOfRule,
    *,
    at: str | None,
    columns: Sequence[str],
    source_name: str,
) -> pl.DataFrame:
    """For each row of the spine, the one row of the source that it sees.

    Instants are compared as UTC microseconds, whatever their zones and units. A null key or a null moment matches
    nothing. Categorical keys are compared as text, integers of any width as numbers.

    Args:
        spine: One row per moment; only its keys and ``at`` are read.
        source: In any order. Only the needed columns and the rows that some moment can reach are collected.
        rule: Which row is seen.
        at: The spine's column of moments; not needed for a static lookup without ``known_at``.
        columns: The source's columns to return; its event and created times are allowed.
        source_name: Named in errors.

    Returns:
        As many rows as the spine, in its order, with exactly ``columns`` in the source's own dtypes: the values of
        the chosen row as they are, nulls included, and all null where no row is seen.

    Raises:
        DatasetError: The rule cannot work, a column is missing, keys or times cannot be compared, or, in strict mode,
            a tie cannot be decided.
    """
    import polars as pl

    _check(rule, at=at, source_name=source_name)
    question = Question(
        keys=rule.keys,
        event_time=rule.event_time,
        created_time=rule.created_time,
        known_at=rule.known_at,
        at=at if rule.event_time is not None or rule.known_at else None,
        source_name=source_name,
    )
    oldest = None if rule.max_age is None else microseconds(rule.max_age)
    sides = align(spine, source, question, columns=columns, oldest=oldest)
    # Whatever is visible, the row of the highest rank is the one to choose. Nulls sort first.
    ranked = sides.events.sort("time", "created", "row").with_row_index("rank")
    seen = _seen(sides.moments, ranked, known_at=rule.known_at)
    if oldest is not None:
        seen = seen.filter(pl.col("time") >= pl.col("moment") - oldest)
    if rule.strict:
        _refuse_ties(seen, ranked, sides, rule, columns=columns, source_name=source_name)
    rows = pl.select(spine_row=pl.int_range(spine.height)).join(seen, on="spine_row", how="left", maintain_order="left")
    return pl.DataFrame([sides.values.get_column(name).gather(rows.get_column("row")) for name in columns])


def _check(rule: AsOfRule, *, at: str | None, source_name: str) -> None:
    why, hint = "", ""
    if rule.known_at and rule.created_time is None:
        why = "known_at asks when each row was recorded, and the source has no created time"
        hint = "name the source's created time, or join this source without known_at"
    elif at is None and (rule.event_time is not None or rule.known_at):
        why, hint = "times are compared, and the spine's column of moments is not named", "name it with at=..."
    elif rule.max_age is not None and rule.event_time is None:
        why, hint = "a static lookup has no age", "name the source's event time, or leave out the max age"
    elif rule.max_age is not None and microseconds(rule.max_age) < 0:
        why, hint = f"the max age is negative: {rule.max_age}", "give a positive one; zero means exactly the moment"
    if why:
        raise DatasetError("the point-in-time join cannot work", where=f"source {source_name!r}", why=why, hint=hint)


def _seen(moments: pl.DataFrame, ranked: pl.DataFrame, *, known_at: bool) -> pl.DataFrame:
    """The chosen event of each moment that sees any: the columns of both sides."""
    import polars as pl

    timeline = ranked.select("group", "rank", visible="time")
    if known_at:
        # A row is visible from the later of its two times on; the best of all visible ones is then a running maximum.
        timeline = (
            ranked.select("group", "rank", visible=pl.max_horizontal("time", "created"))
            .sort("visible")
            .with_columns(pl.col("rank").cum_max().over("group"))
        )
    return (
        moments.join_asof(
            timeline, left_on="moment", right_on="visible", by="group", strategy="backward", check_sortedness=False
        )
        .drop_nulls("rank")
        .select("spine_row", "moment", "rank")
        .join(ranked, on="rank", how="inner")
    )


def _refuse_ties(
    seen: pl.DataFrame,
    ranked: pl.DataFrame,
    sides: Alignment,
    rule: AsOfRule,
    *,
    columns: Sequence[str],
    source_name: str,
) -> None:
    """Raise if a chosen row ties with another one that would have answered differently."""
    import polars as pl

    identity = ["group", "time", "created"]
    tied = ranked.filter(pl.struct(identity).is_duplicated())
    answers = pl.DataFrame([sides.values.get_column(name).gather(tied.get_column("row")) for name in columns])
    undecided = (
        tied.select(identity)
        .with_columns(answers.to_struct("answer"))
        .group_by(identity)
        .agg(pl.col("answer").n_unique())
        .filter(pl.col("answer") > 1)
    )
    hit = seen.join(undecided, on=identity, how="semi", nulls_equal=True)
    if hit.is_empty():
        return
    time = hit.get_column("time").min()
    instant = "" if time == ALWAYS else f", the first at {pl.Series([time]).cast(pl.Datetime('us'))[0]}"
    raise DatasetError(
        f"{hit.height} rows of the spine see rows of the source that tie and differ",
        where=f"source {source_name!r}, columns {', '.join(map(repr, columns))}",
        why=f"rows with equal {', '.join(map(repr, _identity(rule)))} have different values{instant}",
        hint="remove the duplicates, name a created time that tells them apart, or leave strict mode (last one wins)",
    )


def _identity(rule: AsOfRule) -> list[str]:
    columns = [*(key for key, _ in rule.keys), rule.event_time, rule.created_time]
    return [column for column in columns if column is not None]
