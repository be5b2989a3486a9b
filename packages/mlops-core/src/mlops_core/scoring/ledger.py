"""The account of a run: for each reason the rows that it cost, and how the scores are spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.scoring.handlers import ROW
from mlops_core.scoring.judging import HANDLER, IS_NULL, KEY, REASON

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from mlops_core.scoring.handlers import Handler

_EXAMPLES: Final = 10
_BINS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One reason of the chain.

    Attributes:
        handler: Name of the handler that rejects for it.
        reason: In words.
        rejected: Rows rejected for it; 0 where no row was.
        nulls: Of these, rows for which a value was missing.
        examples: Keys of the first of these rows, as text.
    """

    handler: str
    reason: str
    rejected: int
    nulls: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Scored rows whose score is in [lower, upper); the last bin holds its upper edge too."""

    lower: float
    upper: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The account of a run. Every row is in ``scored`` or in exactly one entry.

    Attributes:
        rows: Rows in.
        scored: Rows that every handler accepted.
        entries: One for each reason, in the order of the chain.
        score: The column that ``bins`` counts: ``probability`` where there is one, else a numeric ``prediction``.
        bins: The finite scores' distribution, without gaps; empty without a score.
    """

    rows: int
    scored: int
    entries: tuple[Entry, ...]
    score: str
    bins: tuple[Bin, ...]

    @property
    def rejected(self) -> int:
        """Rows that one handler rejected."""
        return sum(each.rejected for each in self.entries)


def balance(outcomes: pl.LazyFrame, handlers: Sequence[Handler]) -> Ledger:
    """Count the outcomes of a run.

    Args:
        outcomes: What :func:`mlops_core.scoring.judging.judge` made of its batches.
        handlers: The chain, in order.
    """
    import polars as pl

    rejected = outcomes.filter(pl.col(REASON).is_not_null())
    of_reason = rejected.group_by(HANDLER, REASON).agg(
        pl.len().alias("rows"), pl.col(IS_NULL).sum().alias("nulls"), pl.col(KEY).sort_by(ROW).head(_EXAMPLES)
    )
    found = {
        (str(handler), str(reason)): (int(rows), int(nulls), tuple(map(str, keys)))
        for handler, reason, rows, nulls, keys in of_reason.collect(engine="streaming").iter_rows()
    }
    entries: list[Entry] = []
    for handler in handlers:
        for reason in handler.reasons:
            count, nulls, examples = found.get((handler.name, reason), (0, 0, ()))
            entries.append(Entry(handler=handler.name, reason=reason, rejected=count, nulls=nulls, examples=examples))
    rows, scored = outcomes.select(pl.len(), pl.col(REASON).is_null().sum().alias("scored")).collect().row(0)
    score, bins = _distribution(outcomes.filter(pl.col(REASON).is_null()))
    return Ledger(rows=int(rows), scored=int(scored), entries=tuple(entries), score=score, bins=bins)


def _distribution(scored: pl.LazyFrame) -> tuple[str, tuple[Bin, ...]]:
    import polars as pl

    schema = scored.collect_schema()
    score = "probability" if "probability" in schema else "prediction"
    if score not in schema or not schema[score].is_numeric():
        return score, ()
    value = pl.col(score).cast(pl.Float64)
    finite = scored.select(value).filter(value.is_finite())
    least, most = (0.0, 1.0)
    if score == "prediction":
        least, most = finite.select(value.min().alias("least"), value.max().alias("most")).collect().row(0)
        if least is None:
            return score, ()
    bins = _BINS if most - least > 0 and math.isfinite(most - least) else 1
    number = pl.lit(0) if bins == 1 else ((value - least) / (most - least) * bins).floor().clip(0, bins - 1)
    counts = finite.group_by(number.cast(pl.Int64).alias("bin")).agg(pl.len().alias("rows")).collect()
    rows_of = {int(each): int(rows) for each, rows in counts.iter_rows()}
    edges = [least + (most - least) * each / bins for each in range(bins)] + [most]
    return score, tuple(
        Bin(lower=edges[each], upper=edges[each + 1], rows=rows_of.get(each, 0)) for each in range(bins)
    )
