"""DatasetBuilder against the same columns written by hand in Polars, at the flights example's sizes; answers equal."""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from mlops_core import DatasetBuilder, FeatureFactory, Source, feature, window
from polars.testing import assert_frame_equal

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.features import Window

ROWS, EVENTS, ROUNDS = 336_776, 327_346, 5
YEAR = 365 * 24 * 3600 * 1_000_000
START = datetime(2013, 1, 1, tzinfo=UTC)


def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    chance = np.random.default_rng(0)

    def table(rows: int) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "at": pl.Series(np.sort(chance.integers(0, YEAR, rows))).cast(pl.Duration("us")) + START,
                "carrier": chance.integers(0, 16, rows),
                "minutes": chance.integers(-60, 600, rows),
            }
        )

    return table(ROWS).drop("minutes"), table(EVENTS).unique(["at", "carrier"]).sort("at")


def ours(spine: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    factory = FeatureFactory()
    last = Source("last", events, entity="carrier", event_time="at", max_age="6h")
    landed = Source("landed", events, event_time="at")

    @feature(source=last, factory=factory)
    def last_minutes() -> pl.Expr:
        return pl.col("minutes")

    @feature(source=landed, factory=factory)
    def total(over: str = "1d") -> Window:
        return window("sum", "minutes", by=("carrier",), over=over)

    builder = DatasetBuilder(spine, at="at", factory=factory).with_features(last_minutes, total, total(over="7d"))
    made: pl.DataFrame = builder.build().frame
    return made.select("last_minutes", "total", "total__over_7d")


def by_hand(spine: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """What a careful user writes: an as-of join, and one rolling pass per window with the rows injected."""
    rows = spine.with_row_index("row")
    last = rows.join_asof(events, on="at", by="carrier", tolerance=timedelta(hours=6), check_sortedness=False)
    answer = [last.get_column("minutes").alias("last_minutes")]
    both = pl.concat(
        [events.with_columns(row=pl.lit(None, pl.UInt32)), rows.with_columns(minutes=pl.lit(None, pl.Int64))],
        how="diagonal",
    ).sort("at", maintain_order=True)
    for period, name in (("1d", "total"), ("7d", "total__over_7d")):
        rolled = both.rolling("at", period=period, group_by="carrier").agg(
            pl.col("minutes").sum(), pl.col("row").last()
        )
        found = rolled.drop_nulls("row").sort("row").get_column("minutes")
        answer.append(found.alias(name))
    return pl.DataFrame(answer)


def median_seconds(run: Callable[[], object]) -> float:
    taken: list[float] = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> int:
    spine, events = tables()
    assert_frame_equal(ours(spine, events), by_hand(spine, events), check_exact=True)
    mine, hand = median_seconds(lambda: ours(spine, events)), median_seconds(lambda: by_hand(spine, events))
    sizes = f"{ROWS:,} rows x {events.height:,} events"
    print(f"one as-of join and two window sums, {sizes}, polars {pl.__version__}, median of {ROUNDS}")
    print(f"  by hand        {hand:6.2f} s   1.00 x")
    print(f"  DatasetBuilder {mine:6.2f} s  {mine / hand:5.2f} x by hand; the same answer, cell by cell")
    return 0


if __name__ == "__main__":
    sys.exit(main())
