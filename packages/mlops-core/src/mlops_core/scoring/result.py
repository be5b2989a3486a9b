"""What a scoring run did: counts, reasons, and where its rows are."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlops_core.errors import ScoringError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    import polars as pl

    from mlops_core.ports.model_registry import PinnedVersion
    from mlops_core.reports.documents import ScoringDocument
    from mlops_core.scoring.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringResult:
    """A finished run. ``scored + rejected == rows``, always.

    Attributes:
        ledger: Each reason with its rows, in the order of the chain, and the scores' distribution.
        model: The version that predicted; ``None`` for a chain without :class:`Predict`.
        input: The input: a path, or what kind of table it was.
        key: The key's column; ``None`` for the row's number.
        out: The file of scores; ``None`` when they are held in memory, or were not written.
        rejects_out: The file of rejected rows; ``None`` when they are held in memory.
        max_reject_rate: Largest accepted share of rejected rows, 0 to 1.
        passed: Whether no more rows were rejected than may be; if not, there are no scores.
        started: When the run began, aware UTC.
        finished: When it ended, aware UTC.
        resumed_parts: Batches taken over from a run that was killed.
    """

    ledger: Ledger
    model: PinnedVersion | None
    input: str
    key: str | None
    out: Path | None
    rejects_out: Path | None
    max_reject_rate: float
    passed: bool
    started: datetime
    finished: datetime
    resumed_parts: int = 0
    held_scores: pl.DataFrame | None = field(default=None, repr=False, compare=False)
    held_rejects: pl.DataFrame | None = field(default=None, repr=False, compare=False)

    @property
    def rows(self) -> int:
        """Rows in."""
        return self.ledger.rows

    @property
    def scored(self) -> int:
        """Rows that every handler accepted."""
        return self.ledger.scored

    @property
    def rejected(self) -> int:
        """Rows that one handler rejected."""
        return self.ledger.rejected

    @property
    def reasons(self) -> Mapping[str, int]:
        """Rejected rows by reason, in the order of the chain; reasons without rows have 0."""
        return MappingProxyType({each.reason: each.rejected for each in self.ledger.entries})

    @property
    def nulls(self) -> Mapping[str, int]:
        """Of :attr:`reasons`, the rows that were rejected because a value was missing."""
        return MappingProxyType({each.reason: each.nulls for each in self.ledger.entries})

    @property
    def scores(self) -> pl.DataFrame:
        """The scored rows in the input's order: the key (or ``row``), the prediction columns, ``model``.

        Raises:
            ScoringError: Too many rows were rejected, so there are none; or the file is gone.
        """
        if not self.passed:
            raise ScoringError("there are no scores", where=self.input, why="too many rows were rejected")
        return _rows(self.held_scores, self.out)

    @property
    def rejects(self) -> pl.DataFrame:
        """The rejected rows in the input's order.

        Columns: the key, ``row`` (number in the input, from 0), ``handler``, ``reason``, and ``is_null`` (whether a
        value was missing, rather than wrong).

        Raises:
            ScoringError: The file is gone.
        """
        return _rows(self.held_rejects, self.rejects_out)

    def __str__(self) -> str:
        counted = ", ".join(f"{rows:,} {reason!r}" for reason, rows in self.reasons.items() if rows)
        return f"{self.rows:,} rows: {self.scored:,} scored, {self.rejected:,} rejected" + (
            f" ({counted})" if counted else ""
        )

    def document(self, *, reference: str | None = None, noun: str = "rows") -> ScoringDocument:
        """The run as a report document.

        Args:
            reference: The model as it was asked for, such as ``late-flight@champion``; ``None`` for name and version.
            noun: What a row is, in the plural, such as ``flights``.
        """
        from mlops_core.reports.documents import ScoreBin, ScoringDocument, Step

        model = self.model
        if reference is None:
            reference = "no model" if model is None else f"{model.model}:{model.version}"
        return ScoringDocument(
            reference=reference,
            model="" if model is None else model.model,
            version=0 if model is None else model.version,
            digest="" if model is None else model.digest,
            input=self.input,
            rows=self.rows,
            steps=tuple(
                Step(
                    handler=each.handler,
                    reason=each.reason,
                    rejected=each.rejected,
                    nulls=each.nulls,
                    examples=each.examples,
                )
                for each in self.ledger.entries
            ),
            scored=self.scored,
            passed=self.passed,
            started=self.started,
            finished=self.finished,
            out=None if self.out is None else str(self.out),
            rejects=None if self.rejects_out is None else str(self.rejects_out),
            max_reject_rate=self.max_reject_rate,
            key=self.key,
            noun=noun,
            score=self.ledger.score,
            bins=tuple(ScoreBin(lower=each.lower, upper=each.upper, rows=each.rows) for each in self.ledger.bins),
            resumed_parts=self.resumed_parts,
        )

    def to_html(self) -> str:
        """One self-contained page: rows in, minus each reason, scored."""
        from mlops_core.reports.scoring_page import render_scoring

        return render_scoring(self.document())

    def _repr_html_(self) -> str:
        page = escape(self.to_html())
        return (
            f'<iframe title="Scoring run" sandbox srcdoc="{page}" width="100%" height="700" frameborder="0"></iframe>'
        )


def _rows(held: pl.DataFrame | None, path: Path | None) -> pl.DataFrame:
    import polars as pl

    if held is not None:
        return held
    if path is None or not path.is_file():
        raise ScoringError("the rows are not there any more", where=str(path), hint="run the chain again")
    return pl.read_parquet(path, glob=False)
