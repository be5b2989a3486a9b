"""What a scoring report says: rows in, minus each reason, scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.json_values import as_integer, as_mapping, as_text
from mlops_core.reports.json_fields import (
    as_flag,
    as_moment,
    as_number,
    as_records,
    as_texts,
    optional,
    read_document,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mlops_core.json_values import JsonValue

SCORING_SCHEMA: Final = 1
"""Schema number that this library writes; it reads every older one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One reason of the chain for which rows are rejected.

    Attributes:
        handler: The handler that rejects, such as ``check`` or ``Predict``.
        reason: In words; for a check, what an accepted row has, such as ``has a tail number``.
        rejected: Rows rejected here, of those that the steps before accepted; 0 is worth showing.
        nulls: Of these, rows for which the check was null and not false.
        examples: Keys of a few of these rows.
    """

    handler: str
    reason: str
    rejected: int
    nulls: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBin:
    """Rows whose score is in [lower, upper); the last bin holds its upper edge too."""

    lower: float
    upper: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringDocument:
    """Everything that the page about a scoring run says.

    Attributes:
        reference: The model as it was asked for, such as ``late-flight@champion``.
        model: The model's name.
        version: The number that the reference meant.
        digest: The package's digest.
        input: What was scored: a path, or a description of a frame.
        rows: Rows in.
        steps: One per reason, in the order of the chain.
        scored: Rows that every step accepted; ``rows`` minus all that was rejected.
        passed: Whether the share of rejected rows was within ``max_reject_rate``; if not, no scores were written.
        started: When the run began.
        finished: When it ended.
        out: Where the scores are; ``None`` when they were kept in memory or not written.
        rejects: Where the rejected rows are.
        max_reject_rate: Largest accepted share of rejected rows, 0 to 1; ``None`` for any.
        key: The key's column; ``None`` for the row's number.
        noun: What a row is, in the plural, such as ``flights``.
        score: Name of the score's column, of which ``bins`` counts rows.
        bins: The scores' distribution, by rising score, without gaps.
        resumed_parts: Parts taken over from a run that was killed.

    Raises:
        ValueError: Scored and rejected rows are not all rows.
    """

    reference: str
    model: str
    version: int
    digest: str
    input: str
    rows: int
    steps: tuple[Step, ...]
    scored: int
    passed: bool
    started: datetime
    finished: datetime
    out: str | None = None
    rejects: str | None = None
    max_reject_rate: float | None = None
    key: str | None = None
    noun: str = "rows"
    score: str = "prediction"
    bins: tuple[ScoreBin, ...] = ()
    resumed_parts: int = 0

    def __post_init__(self) -> None:
        if self.scored + self.rejected != self.rows:
            raise ValueError(f"{self.scored} scored and {self.rejected} rejected are not {self.rows} rows")

    @property
    def rejected(self) -> int:
        """Rows rejected by any step."""
        return sum(step.rejected for step in self.steps)

    def to_json(self) -> Mapping[str, JsonValue]:
        """The form to store beside the page.

        Raises:
            ValueError: A moment has no time zone.
        """
        return {"kind": "scoring", "schema": SCORING_SCHEMA, **as_mapping(written(self))}

    @classmethod
    def from_json(cls, value: JsonValue) -> ScoringDocument:
        """Read what :meth:`to_json` wrote.

        Raises:
            IntegrityError: It is another kind of document, of a newer schema, or of another shape.
        """
        return read_document(value, _scoring, kind="scoring", schema=SCORING_SCHEMA)


def _scoring(value: Mapping[str, JsonValue]) -> ScoringDocument:
    return ScoringDocument(
        reference=as_text(value["reference"]),
        model=as_text(value["model"]),
        version=as_integer(value["version"]),
        digest=as_text(value["digest"]),
        input=as_text(value["input"]),
        rows=as_integer(value["rows"]),
        steps=as_records(value["steps"], _step),
        scored=as_integer(value["scored"]),
        passed=as_flag(value["passed"]),
        started=as_moment(value["started"]),
        finished=as_moment(value["finished"]),
        out=optional(value["out"], as_text),
        rejects=optional(value["rejects"], as_text),
        max_reject_rate=optional(value["max_reject_rate"], as_number),
        key=optional(value["key"], as_text),
        noun=as_text(value["noun"]),
        score=as_text(value["score"]),
        bins=as_records(value["bins"], _bin),
        resumed_parts=as_integer(value["resumed_parts"]),
    )


def _step(value: Mapping[str, JsonValue]) -> Step:
    return Step(
        handler=as_text(value["handler"]),
        reason=as_text(value["reason"]),
        rejected=as_integer(value["rejected"]),
        nulls=as_integer(value["nulls"]),
        examples=as_texts(value["examples"]),
    )


def _bin(value: Mapping[str, JsonValue]) -> ScoreBin:
    return ScoreBin(lower=as_number(value["lower"]), upper=as_number(value["upper"]), rows=as_integer(value["rows"]))
