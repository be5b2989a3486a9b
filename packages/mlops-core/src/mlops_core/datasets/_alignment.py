"""Brings a spine and a source onto common ground: one integer per entity, one integer per instant.

What is compared lives in small private frames of its own, apart from the columns of the spine and of the source. So no
name of theirs can collide with a name of ours, and every dtype that can be a key or a time is decided here, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mlops_core.errors import DatasetError, near_matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

ALWAYS: Final = -(2**62)
"""The instant of what has no event time: a static lookup has been true for ever."""
_FARTHEST: Final = 2**61
# Instants and spans are clipped here (73,000 years): "never" is often written as the largest number of milliseconds,
# which must stay the latest instant when it becomes microseconds, and no difference below may overflow.


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a join compares.

    Attributes:
        keys: Pairs of (source column, spine column); empty puts every row into one group.
        event_time: The source's column of event times; ``None`` for a static lookup.
        created_time: The source's column of times at which its rows were recorded.
        known_at: Rows recorded after the moment are not visible.
        at: The spine's column of moments; ``None`` where no time is compared.
        source_name: Named in errors.
    """

    keys: tuple[tuple[str, str], ...]
    event_time: str | None
    created_time: str | None
    known_at: bool
    at: str | None
    source_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Both sides, comparable.

    Attributes:
        moments: The spine's rows that can match anything, sorted by moment: ``spine_row``, ``group``, ``moment``.
        events: The source's rows that can be matched, in the source's order: ``row`` (a row of ``values``), ``group``,
            ``time``, ``created`` (null where unknown; ``known_at`` leaves these rows out). Instants are ``Int64`` UTC
            microseconds.
        values: The source's columns as they are.
    """

    moments: pl.DataFrame
    events: pl.DataFrame
    values: pl.DataFrame


def align(
    spine: pl.DataFrame, source: pl.LazyFrame, question: Question, *, columns: Iterable[str], oldest: int | None
) -> Alignment:
    """Read what is needed of the source, and make keys and times comparable.

    Args:
        spine: One row per moment.
        source: Read here, once: only the needed columns, and only the rows that some moment can reach.
        question: What to compare.
        columns: The source's columns to keep in ``values``.
        oldest: How far before a moment an event can matter, in microseconds; ``None`` for any distance.

    Raises:
        DatasetError: A column is missing, or its type cannot be compared with its counterpart.
    """
    import polars as pl

    schema, spine_schema = source.collect_schema(), spine.schema
    compared = [name for name, _ in question.keys] + _given(question.event_time, question.created_time)
    needed = list(dict.fromkeys([*compared, *columns]))
    where = f"source {question.source_name!r}"
    _require(needed, schema, holder=where, where=where)
    _require([name for _, name in question.keys] + _given(question.at), spine_schema, holder="the spine", where=where)
    _check_clocks(question, schema, spine_schema)

    forms = [_common_form(question, pair, schema, spine_schema) for pair in question.keys]
    names = [f"key_{number}" for number in range(len(forms))]
    moments = spine.select(
        pl.int_range(pl.len()).alias("spine_row"),
        (_instant(question.at, spine_schema) if question.at else pl.lit(ALWAYS)).alias("moment"),
        *(
            _comparable(key, spine_schema, form).alias(n)
            for (_, key), form, n in zip(question.keys, forms, names, strict=True)
        ),
    ).drop_nulls()

    values = source.filter(_reachable(question, schema, moments, oldest)).select(needed).collect()
    events = values.select(
        pl.int_range(pl.len()).alias("row"),
        (_instant(question.event_time, schema) if question.event_time else pl.lit(ALWAYS)).alias("time"),
        *(
            _comparable(key, schema, form).alias(n)
            for (key, _), form, n in zip(question.keys, forms, names, strict=True)
        ),
        created=_instant(question.created_time, schema) if question.created_time else pl.lit(None, dtype=pl.Int64),
    ).drop_nulls(["time", *names, *(["created"] if question.known_at else [])])

    moments, events = _with_groups(moments, events, names)
    return Alignment(moments=moments.sort("moment"), events=events, values=values)


def microseconds(span: timedelta) -> int:
    """A span in whole microseconds, at most 73,000 years."""
    return min(span // timedelta(microseconds=1), _FARTHEST)


def _given(*names: str | None) -> list[str]:
    return [name for name in names if name is not None]


def _require(names: Sequence[str], schema: pl.Schema, *, holder: str, where: str) -> None:
    for name in names:
        if name not in schema:
            raise DatasetError(
                f"{holder} has no column {name!r}",
                where=where,
                why="the join needs it",
                hint=near_matches(name, schema),
            )


def _reachable(question: Question, schema: pl.Schema, moments: pl.DataFrame, oldest: int | None) -> pl.Expr:
    """Which rows of the source any moment can see: pushed into the scan, so that the rest is never read."""
    import polars as pl

    latest = moments.select(pl.col("moment").max()).item()
    if latest is None:
        return pl.lit(False)
    earliest = moments.select(pl.col("moment").min()).item()
    reachable = pl.lit(True)
    if question.event_time is not None:
        time = _instant(question.event_time, schema)
        reachable &= time <= latest
        if oldest is not None:
            reachable &= time >= earliest - oldest
    return reachable


def _with_groups(moments: pl.DataFrame, events: pl.DataFrame, names: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Replace the keys by one integer: sorting and joining by it is several times faster than by text."""
    import polars as pl

    if not names:
        group = pl.lit(0, dtype=pl.UInt32).alias("group")
        return moments.with_columns(group), events.with_columns(group)
    groups = moments.select(names).unique().with_row_index("group")
    return (
        moments.join(groups, on=names, how="inner").drop(names),
        events.join(groups, on=names, how="inner", maintain_order="left").drop(names),
    )


# --- instants ---


def _instant(column: str, schema: pl.Schema) -> pl.Expr:
    """The column in UTC microseconds (of a naive column: of its own clock). Nanoseconds are floored, so order holds."""
    import polars as pl

    dtype = schema[column]
    ticks = pl.col(column).to_physical().cast(pl.Int64)
    if isinstance(dtype, pl.Date):
        return ticks * (86_400 * 1_000_000)
    unit = dtype.time_unit if isinstance(dtype, pl.Datetime) else "us"
    if unit == "ns":
        return ticks // 1_000
    if unit == "ms":
        return ticks.clip(-_FARTHEST // 1_000, _FARTHEST // 1_000) * 1_000
    return ticks.clip(-_FARTHEST, _FARTHEST)


def _clock(dtype: pl.DataType) -> str | None:
    """How a column tells time; ``None`` if it does not. A column without any value (``Null``) fits every clock."""
    import polars as pl

    if isinstance(dtype, pl.Datetime):
        return "datetime without a time zone" if dtype.time_zone is None else "datetime with a time zone"
    if isinstance(dtype, pl.Date):
        return "date"
    return "" if isinstance(dtype, pl.Null) else None


def _check_clocks(question: Question, schema: pl.Schema, spine_schema: pl.Schema) -> None:
    where = f"source {question.source_name!r}"
    clocks: dict[str, str] = {}
    for label, column, holder in (
        ("the spine's moment", question.at, spine_schema),
        ("the source's event time", question.event_time, schema),
        ("the source's created time", question.created_time, schema),
    ):
        if column is None:
            continue
        clock = _clock(holder[column])
        if clock is None:
            raise DatasetError(
                f"{label} {column!r} does not hold times",
                where=where,
                why=f"its type is {holder[column]}",
                hint=f"parse it first, such as pl.col({column!r}).str.to_datetime(time_zone='UTC')",
            )
        if clock and (label != "the source's created time" or question.known_at):
            clocks[f"{label} {column!r}"] = clock
    (moment, mine), *others = clocks.items() or [("", "")]
    for other, theirs in others:
        if theirs != mine:
            raise DatasetError(
                f"{moment} and {other} cannot be compared",
                where=where,
                why=f"one is a {mine}, the other a {theirs}",
                hint=_how_to_agree(mine, theirs),
            )


def _how_to_agree(one: str, other: str) -> str:
    if "date" in (one, other):
        return (
            "say from which time of the day a date counts, such as "
            "pl.col(...).cast(pl.Datetime('us')).dt.offset_by('1d').dt.replace_time_zone('UTC')"
        )
    return "say which zone the naive one means, such as pl.col(...).dt.replace_time_zone('UTC')"


# --- keys ---


def _comparable(column: str, schema: pl.Schema, form: pl.DataType) -> pl.Expr:
    import polars as pl

    if isinstance(schema[column], pl.Datetime):
        return _instant(column, schema)
    # Not strict: an integer that the common type cannot hold equals nothing on the other side, so null is right.
    return pl.col(column).cast(form, strict=False)


def _kind(dtype: pl.DataType) -> str | None:
    """What a key is, in words that an error can use; ``None`` for what can be no key, ``""`` without any value."""
    import polars as pl

    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "text"
    if dtype.is_integer():
        return "integer"
    for kind, classes in (("boolean", pl.Boolean), ("binary", pl.Binary)):
        if isinstance(dtype, classes):
            return kind
    return _clock(dtype)


def _common_form(question: Question, pair: tuple[str, str], schema: pl.Schema, spine_schema: pl.Schema) -> pl.DataType:
    """The type in which a source key and a spine key are compared."""
    import polars as pl

    theirs, mine = schema[pair[0]], spine_schema[pair[1]]
    kinds = _kind(theirs), _kind(mine)
    problem = ""
    if None in kinds:
        problem = "only text, integers, booleans, dates, datetimes and binary can be keys"
    elif all(kinds) and kinds[0] != kinds[1]:
        problem = f"{kinds[0]} never equals {kinds[1]}"
    if problem:
        floating = theirs.is_float() or mine.is_float()
        raise DatasetError(
            f"the source's key {pair[0]!r} and the spine's key {pair[1]!r} cannot be compared",
            where=f"source {question.source_name!r}",
            why=f"{problem}; the source has {theirs}, the spine {mine}",
            hint=f"cast one of them, such as pl.col({pair[0]!r}).cast(pl.{'Int64' if floating else 'String'})",
        )
    kind = kinds[0] or kinds[1]
    if kind == "integer":
        return _common_integer({each for each in (theirs, mine) if each.is_integer()})
    if kind in ("boolean", "binary", "date"):
        return {"boolean": pl.Boolean(), "binary": pl.Binary(), "date": pl.Date()}[kind]
    return pl.String() if kind in ("text", "") else pl.Int64()


def _common_integer(dtypes: set[pl.DataType]) -> pl.DataType:
    import polars as pl

    wide = any(each in (pl.Int128(), pl.UInt128()) for each in dtypes)
    if all(each.is_unsigned_integer() for each in dtypes):
        return pl.UInt128() if wide else pl.UInt64()
    return pl.Int128() if wide else pl.Int64()
