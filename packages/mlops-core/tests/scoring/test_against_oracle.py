"""Random chains over random tables, against a plain loop over the rows."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from mlops_core.scoring import Chain, Check, Predict, check

from .standins import Doubles, table

Row = tuple[int | None, float | None]


@dataclass(frozen=True)
class Limit:
    """``x < limit``, as an expression, as SQL, and in plain Python."""

    limit: int
    as_sql: bool

    def handler(self, number: int) -> Check:
        return check(f"limit {number}", f"x < {self.limit}" if self.as_sql else pl.col("x") < self.limit)

    def holds(self, x: float | None) -> bool | None:
        # Polars orders NaN above every number.
        return None if x is None else not math.isnan(x) and x < self.limit


@dataclass
class Expected:
    """What a run should give."""

    scores: list[tuple[int | None, float]]
    rejects: list[tuple[int | None, int, str, bool]]


def oracle(rows: list[Row], limits: list[Limit], *, keyed: bool) -> Expected:
    """Judge row by row, in the order of the handlers."""
    expected = Expected([], [])
    seen: set[int] = set()
    for number, (key, x) in enumerate(rows):
        name = key if keyed else number
        verdict: tuple[str, bool] | None = None
        if keyed and key is None:
            verdict = ("no key", False)
        elif keyed and key in seen:
            verdict = ("duplicate key", False)
        else:
            for position, limit in enumerate(limits):
                holds = limit.holds(x)
                if not holds:
                    verdict = (f"limit {position}", holds is None)
                    break
            else:
                if x is None or math.isnan(x):
                    verdict = ("prediction is not a number", x is None)
        if keyed and key is not None:
            seen.add(key)
        if verdict is None:
            assert x is not None
            expected.scores.append((name, x * 2))
        else:
            reason, is_null = verdict
            expected.rejects.append((name, number, reason, is_null))
    return expected


values = st.one_of(st.none(), st.just(math.nan), st.integers(-3, 3).map(float))
keys = st.one_of(st.none(), st.integers(0, 8))


@settings(deadline=None, max_examples=100)
@given(
    rows=st.lists(st.tuples(keys, values), max_size=25),
    limits=st.lists(st.builds(Limit, st.integers(-2, 4), st.booleans()), max_size=4),
    keyed=st.booleans(),
    batch_rows=st.integers(1, 30),
    to_files=st.booleans(),
)
def test_every_row_ends_where_a_plain_loop_puts_it(
    rows: list[Row], limits: list[Limit], keyed: bool, batch_rows: int, to_files: bool
) -> None:
    chain = Chain(*(each.handler(number) for number, each in enumerate(limits)), Predict(Doubles()))
    frame = table([x for _, x in rows], ids=[key for key, _ in rows])
    key = "id" if keyed else None

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "scores.parquet" if to_files else None
        rejects = Path(folder) / "rejects.parquet" if to_files else None
        result = chain.run(frame, key=key, out=out, rejects=rejects, batch_rows=batch_rows)
        scores, rejected = result.scores, result.rejects

    expected = oracle(rows, limits, keyed=keyed)
    name = key or "row"
    assert scores.select(name, "prediction").rows() == expected.scores
    columns = [pl.col(name).alias("key"), pl.col("row"), pl.col("reason"), pl.col("is_null")]
    assert rejected.select(columns).rows() == expected.rejects
    assert result.scored == len(expected.scores)
    assert result.scored + result.rejected == len(rows)
    reasons = [reason for *_, reason, _ in expected.rejects]
    nulls = [reason for *_, reason, null in expected.rejects if null]
    assert result.reasons == {reason: reasons.count(reason) for reason in result.reasons}
    assert result.nulls == {reason: nulls.count(reason) for reason in result.nulls}
    assert set(reasons) <= set(result.reasons)
