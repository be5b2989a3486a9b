"""One batch through the chain: each row ends in exactly one place, as a score or as a rejection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.errors import ScoringError
from mlops_core.scoring.handlers import ROW

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from mlops_core.scoring.handlers import Handler, Link, Verdict

KEY: Final = "__key__"
HANDLER: Final = "__handler__"
REASON: Final = "__reason__"
IS_NULL: Final = "__is_null__"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundHandler:
    """A handler with its link to the table of this run."""

    handler: Handler
    link: Link


def judge(chain: Sequence[BoundHandler], batch: pl.DataFrame, *, key: str | None) -> pl.DataFrame:
    """Pass one batch along the chain.

    Args:
        chain: The handlers, in order.
        batch: Rows of the input with their number in ``ROW``.
        key: The key's column; ``None`` for the row's number.

    Returns:
        One row for each row of the batch, in its order: ``ROW``, ``KEY``, the columns that handlers put out, and
        ``HANDLER``, ``REASON`` and ``IS_NULL``, which are null where the row was accepted by all.

    Raises:
        ScoringError: A handler gave other rows back than it was given, or a reason that it had not announced.
    """
    import polars as pl

    outputs: list[str] = []
    nothing = {ROW: pl.Int64(), REASON: pl.String(), IS_NULL: pl.Boolean(), HANDLER: pl.String()}
    rejected = [pl.DataFrame(schema=nothing)]
    rows = batch
    for each in chain:
        verdict = each.link.handle(rows)
        _refuse_broken_promises(each.handler, verdict, rows)
        outputs += verdict.outputs
        rows = verdict.batch
        if verdict.reason is None:
            continue
        reason = verdict.reason.alias(REASON)
        nulls = pl.repeat(False, rows.height, eager=True) if verdict.nulls is None else verdict.nulls
        out = reason.is_not_null()
        rejected.append(
            pl.DataFrame([rows[ROW], reason.cast(pl.String), nulls.alias(IS_NULL)])
            .filter(out)
            .with_columns(pl.lit(each.handler.name).alias(HANDLER))
        )
        rows = rows.filter(~out)
    outcomes = pl.concat([rows.select(ROW, *outputs), *rejected], how="diagonal").sort(ROW)
    keys = batch[ROW if key is None else key].alias(KEY)
    return outcomes.select(ROW, keys, *outputs, HANDLER, REASON, IS_NULL)


def _refuse_broken_promises(handler: Handler, verdict: Verdict, given: pl.DataFrame) -> None:
    what = f"the handler {handler.name!r} broke its promise"
    if ROW not in verdict.batch.columns or not verdict.batch[ROW].equals(given[ROW]):
        raise ScoringError(
            what, why="it gave other rows back than it was given", hint="reject rows by reason, in order"
        )
    for series, name in ((verdict.reason, "reason"), (verdict.nulls, "nulls")):
        if series is not None and len(series) != given.height:
            raise ScoringError(
                what, why=f"{name!r} has {len(series)} values for {given.height} rows", hint="give one a row"
            )
    if verdict.reason is not None:
        unknown = set(verdict.reason.drop_nulls().unique()) - set(handler.reasons)
        if unknown:
            why = f"it rejects for {sorted(unknown)}, which its 'reasons' do not name"
            raise ScoringError(what, why=why, hint="name every reason")
    missing = set(verdict.outputs) - set(verdict.batch.columns)
    if missing:
        raise ScoringError(what, why=f"it puts out {sorted(missing)}, which its batch does not have", hint="add them")
