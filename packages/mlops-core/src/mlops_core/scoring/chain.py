"""The chain: handlers in order, run over a table in batches, into scores and rejects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mlops_core.errors import ScoringError, TooManyRejectsError
from mlops_core.json_values import digest_of
from mlops_core.scoring.checks import UniqueKey
from mlops_core.scoring.handlers import ROW, Table
from mlops_core.scoring.judging import BoundHandler, judge
from mlops_core.scoring.ledger import balance
from mlops_core.scoring.model_handlers import Predict
from mlops_core.scoring.outputs import Outputs
from mlops_core.scoring.result import ScoringResult
from mlops_core.scoring.tables import open_table
from mlops_core.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlops_core.ports.model_registry import PinnedVersion
    from mlops_core.scoring.handlers import Handler
    from mlops_core.scoring.tables import InputTable, TableLike

BATCH_ROWS: Final = 1 << 17
"""Rows of a batch, and so of a part that a killed run need not compute again."""


def _now() -> datetime:
    return datetime.now(UTC)


class Chain:
    """Handlers in order; each sees what the ones before it accepted.

    A chain holds no state of a run: it can be run any number of times, and sent to another process if its handlers
    can.

    Args:
        handlers: Checks, :class:`Features`, :class:`Predict`, or handlers of your own. ``Predict`` comes last; a chain
            without it only sorts rows into accepted and rejected ones.

    Raises:
        ScoringError: There is no handler, ``Predict`` is not the last one, or two handlers name the same reason.
    """

    def __init__(self, *handlers: Handler) -> None:
        if not handlers:
            raise ScoringError("a chain needs a handler", hint="Chain(Features(model, at=...), Predict(model))")
        if any(isinstance(each, Predict) for each in handlers[:-1]):
            raise ScoringError(
                "Predict is not the last handler",
                why="what comes after it has no rows to check",
                hint="move it to the end",
            )
        _refuse_equal_reasons(handlers)
        self._handlers = handlers

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """The handlers, in order."""
        return self._handlers

    @property
    def model(self) -> PinnedVersion | None:
        """The version that predicts; ``None`` without :class:`Predict`."""
        last = self._handlers[-1]
        return last.model.version if isinstance(last, Predict) else None

    def __repr__(self) -> str:
        return f"Chain({', '.join(each.name for each in self._handlers)})"

    def run(
        self,
        source: TableLike,
        /,
        *,
        key: str | None = None,
        out: str | Path | None = None,
        rejects: str | Path | None = None,
        max_reject_rate: float = 1.0,
        progress: Callable[[int, int | None], None] | None = None,
        batch_rows: int = BATCH_ROWS,
        clock: Callable[[], datetime] = _now,
    ) -> ScoringResult:
        """Judge every row of a table.

        Every row of the input ends exactly once in the scores or in the rejects, in the input's order. With a key, rows
        without one (``no key``) and every row after the first of the same key (``duplicate key``) are rejected first.

        Files appear under their names when the whole run has succeeded. A run that was killed goes on from its last
        finished batch when it is called again with the same chain and input, and ends with the same bytes.

        Args:
            source: A Parquet or CSV file, a folder of Parquet files, or a Polars, pandas or Arrow table.
            key: The column that names a row; ``None`` for its number in the input, from 0.
            out: Parquet file for the scores, see :attr:`ScoringResult.scores`; ``None`` holds them in memory.
            rejects: Parquet file for the rejected rows, see :attr:`ScoringResult.rejects`; ``None`` holds them.
            max_reject_rate: Largest accepted share of rejected rows, 0 to 1.
            progress: Called with the rows done and the rows in all: after each batch, and first with those taken over
                from a killed run.
            batch_rows: Rows of a batch.
            clock: Gives aware UTC moments.

        Raises:
            ScoringError: An argument, the input or a check cannot work (before any row is read); another run writes
                the same output; or a value makes a check fail.
            SignatureMismatchError: The input is not what the model was trained with (before any row is read, and
                before the estimator is loaded).
            TooManyRejectsError: More than ``max_reject_rate`` of the rows were rejected. Rejects are written, scores
                are not; the error's ``result`` has the account.
        """
        started = clock()
        _check_numbers(max_reject_rate, batch_rows)
        table = open_table(source)
        outputs = Outputs.checked(out=out, rejects=rejects, key=key, source=table.path)
        bound = self._bind(table, key)
        with outputs.held():
            rows = table.count()
            identities = [table.identity(), *(each.link.start() for each in bound)]
            digest = _digest(identities, [each.handler for each in bound], key=key, batch_rows=batch_rows)
            parts = outputs.parts(digest, batch_rows=batch_rows, rows=rows)
            resumed_parts = parts.count
            if resumed_parts and progress is not None:
                progress(min(resumed_parts * batch_rows, rows), rows)
            if resumed_parts == 0 or resumed_parts * batch_rows < rows:
                for batch in table.batches(start=resumed_parts * batch_rows, size=batch_rows):
                    parts.add(judge(bound, batch, key=key))
                    if progress is not None:
                        progress(min(parts.count * batch_rows, rows), rows)
            table.refuse_if_changed()
            outcomes = parts.scan()
            ledger = balance(outcomes, [each.handler for each in bound])
            passed = rows == 0 or ledger.rejected / rows <= max_reject_rate
            held_rejects = outputs.write_rejects(outcomes)
            held_scores = outputs.write_scores(outcomes, model=self.model) if passed else None
            parts.remove()
        result = ScoringResult(
            ledger=ledger,
            model=self.model,
            input=table.name,
            key=key,
            out=outputs.out if passed else None,
            rejects_out=outputs.rejects,
            max_reject_rate=max_reject_rate,
            passed=passed,
            started=started,
            finished=clock(),
            resumed_parts=resumed_parts,
            held_scores=held_scores,
            held_rejects=held_rejects,
        )
        if not passed:
            raise _too_many_rejects(result, outputs.out)
        return result

    def _bind(self, table: InputTable, key: str | None) -> list[BoundHandler]:
        import polars as pl

        handlers = self._handlers if key is None else (UniqueKey(column=key), *self._handlers)
        _refuse_equal_reasons(handlers)
        schema = pl.Schema({ROW: pl.Int64(), **table.rows.collect_schema()})
        bound: list[BoundHandler] = []
        for handler in handlers:
            link = handler.bind(Table(schema=schema, rows=table.rows))
            bound.append(BoundHandler(handler=handler, link=link))
            schema = link.schema
        return bound


def _digest(
    identities: Sequence[str | None], handlers: Sequence[Handler], *, key: str | None, batch_rows: int
) -> str | None:
    """Names everything that the outcomes depend on; ``None`` where that is not known."""
    import polars as pl

    if None in identities:
        return None
    chain = [[each.name, *each.reasons] for each in handlers]
    return digest_of([__version__, pl.__version__, list(identities), chain, key, batch_rows])


def _too_many_rejects(result: ScoringResult, out: Path | None) -> TooManyRejectsError:
    costly = sorted((each for each in result.ledger.entries if each.rejected), key=lambda each: -each.rejected)
    why = "; ".join(f"{each.reason}: {each.rejected:,}" for each in costly)
    stale = f", and {out} still holds those of an earlier run" if out is not None and out.exists() else ""
    written = "in memory: error.result.rejects" if result.rejects_out is None else str(result.rejects_out)
    return TooManyRejectsError(
        f"{result.rejected:,} of {result.rows:,} rows were rejected, more than {result.max_reject_rate:.4g} of them",
        where=result.input,
        why=why,
        hint=f"look at the rejected rows ({written}); no scores were written{stale}",
        result=result,
    )


def _refuse_equal_reasons(handlers: Sequence[Handler]) -> None:
    reasons = [reason for each in handlers for reason in each.reasons]
    for reason in reasons:
        if reasons.count(reason) > 1:
            why = "rows are counted by reason, so each names one thing in one place"
            raise ScoringError(f"two handlers reject for {reason!r}", why=why, hint="give one of them another reason")


def _check_numbers(max_reject_rate: float, batch_rows: int) -> None:
    if isinstance(max_reject_rate, bool) or not 0 <= max_reject_rate <= 1:
        why = "it is the accepted share of rejected rows, from 0 to 1"
        raise ScoringError(f"max_reject_rate cannot be {max_reject_rate!r}", why=why, hint="for 5 % write 0.05")
    if batch_rows < 1:
        raise ScoringError(
            f"batch_rows cannot be {batch_rows!r}", why="a batch has at least one row", hint="leave it out"
        )
