"""Random tables that are full of ties, nulls and odd types, as plain rows for the oracle and as frames for the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .oracle import Row, Value

NAMES = ("x", "y", "")
NAME_TYPES: tuple[pl.DataType, ...] = (pl.String(), pl.Categorical(), pl.Enum(NAMES))
NUMBER_TYPES: tuple[pl.DataType, ...] = (pl.Int8(), pl.UInt8(), pl.Int32(), pl.Int64(), pl.UInt64(), pl.Int128())
ZONES = ("UTC", "America/New_York", "Asia/Kathmandu")
FLOATS = (0.0, -0.0, 1.0, 0.1, -2.5, 1e16, 3e-9, float("nan"))
EVERY_KEY = (("name", "who"), ("number", "which"))


@dataclass(frozen=True, kw_only=True)
class Clock:
    """How a column writes its times: the unit, the zone, and what nanoseconds add below the microsecond."""

    unit: str
    zone: str | None
    noise: int = 0

    def column(self, values: Sequence[Value]) -> pl.Expr:
        ticks = pl.Series(values, dtype=pl.Int64)
        if self.unit == "ns":
            ticks = ticks * 1_000 + self.noise
        if self.unit == "ms":
            ticks = ticks // 1_000
        unit = pl.Datetime("ns" if self.unit == "ns" else "ms" if self.unit == "ms" else "us")
        moments = pl.lit(ticks.cast(unit))
        return moments if self.zone is None else moments.dt.replace_time_zone("UTC").dt.convert_time_zone(self.zone)


@dataclass(frozen=True, kw_only=True)
class Tables:
    """One spine and one source, twice: as rows with times in microseconds, and as frames."""

    spine_rows: Sequence[Row]
    source_rows: Sequence[Row]
    spine: pl.DataFrame
    source: pl.LazyFrame
    step: int

    def split(self, cut: int, *, clock: str) -> tuple[Tables, Tables]:
        """The spine's moments up to a cut: over the source's past alone, and over its past and what came later."""
        past = [row for row in self.source_rows if is_up_to(row[clock], cut * self.step)]
        ids = [row["id"] for row in past]
        moments = [is_up_to(row["at"], cut * self.step) for row in self.spine_rows]
        whole = replace(
            self,
            spine_rows=[row for row, kept in zip(self.spine_rows, moments, strict=True) if kept],
            spine=self.spine.filter(pl.Series(moments, dtype=pl.Boolean)),
        )
        return replace(whole, source_rows=past, source=self.source.filter(pl.col("id").is_in(ids))), whole


def is_up_to(value: Value, cut: int) -> bool:
    return isinstance(value, int) and value <= cut


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    """A spine (who, which, at) and a source (name, number, event, created, whole, real, flag, id)."""
    zoned = draw(st.booleans())
    clocks = [
        Clock(
            unit=draw(st.sampled_from(("ms", "us", "ns"))),
            zone=draw(st.sampled_from(ZONES)) if zoned else None,
            noise=draw(st.sampled_from((0, 1, 999))),
        )
        for _ in range(3)
    ]
    # Where one column counts in milliseconds, every time must be a whole one; else single microseconds are told apart.
    step = 1_000 if any(clock.unit == "ms" for clock in clocks) else 1
    times = st.sampled_from((None, *range(-6, 7))).map(lambda tick: None if tick is None else tick * step)
    names, numbers = st.sampled_from(("x", "x", "y", "", None)), st.sampled_from((0, 0, 0, 1, None))
    moments = st.fixed_dictionaries({"who": names, "which": numbers, "at": times})
    # A list of a drawn length: lists of a drawn end are short, and short tables rarely tie.
    spine_size, source_size = draw(st.integers(0, 8)), draw(st.integers(0, 20))
    spine_rows = draw(st.lists(moments, min_size=spine_size, max_size=spine_size))
    events = st.fixed_dictionaries(
        {
            "name": names,
            "number": numbers,
            "event": times,
            "created": times,
            "whole": st.none() | st.integers(-3, 3) | st.sampled_from((2**62, -(2**62))),
            "real": st.none() | st.sampled_from(FLOATS),
            "flag": st.none() | st.booleans(),
        }
    )
    source_rows = draw(st.lists(events, min_size=source_size, max_size=source_size))
    source_rows = [{**row, "id": position} for position, row in enumerate(source_rows)]
    name_types, number_types = st.sampled_from(NAME_TYPES), st.sampled_from(NUMBER_TYPES)
    spine = pl.DataFrame(
        [
            text("who", spine_rows, draw(name_types)),
            integer("which", spine_rows, draw(number_types)),
        ]
    ).with_columns(clocks[0].column(column("at", spine_rows)).alias("at"))
    source = pl.DataFrame(
        [
            text("name", source_rows, draw(name_types)),
            integer("number", source_rows, draw(number_types)),
            integer("whole", source_rows, pl.Int64()),
            pl.Series("real", column("real", source_rows), dtype=pl.Float64),
            pl.Series("flag", column("flag", source_rows), dtype=pl.Boolean),
            integer("id", source_rows, pl.Int64()),
        ]
    ).with_columns(
        clocks[1].column(column("event", source_rows)).alias("event"),
        clocks[2].column(column("created", source_rows)).alias("created"),
    )
    return Tables(spine_rows=spine_rows, source_rows=source_rows, spine=spine, source=source.lazy(), step=step)


def column(name: str, rows: Sequence[Row]) -> list[Value]:
    return [row[name] for row in rows]


def text(name: str, rows: Sequence[Row], dtype: pl.DataType) -> pl.Series:
    return pl.Series(name, column(name, rows), dtype=pl.String).cast(dtype)


def integer(name: str, rows: Sequence[Row], dtype: pl.DataType) -> pl.Series:
    return pl.Series(name, column(name, rows), dtype=pl.Int64).cast(dtype)
