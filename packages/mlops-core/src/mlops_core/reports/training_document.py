"""What a training report says: how a version was made, how good it is, and what its features could see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mlops_core.json_values import as_integer, as_mapping, as_text
from mlops_core.reports.json_fields import (
    as_flag,
    as_moment,
    as_number,
    as_numbers_by_name,
    as_records,
    as_texts,
    optional,
    read_document,
    written,
)
from mlops_core.reports.timeline_document import Timeline, read_timeline
from mlops_core.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mlops_core.json_values import JsonValue

TRAINING_SCHEMA: Final = 1
"""Schema number that this library writes; it reads every older one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the dataset.

    Attributes:
        name: Such as ``train``, ``valid``, ``test``.
        rows: Rows with a label.
        since: The moment of its first row, or where the split put its start (included); ``None`` if rows have no time.
        until: Where the split put its end (excluded), or the moment of its last row.
        positive_rate: Share of rows whose label is true, 0 to 1; ``None`` for a label that is no yes or no.
    """

    name: str
    rows: int
    since: datetime | None = None
    until: datetime | None = None
    positive_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedRows:
    """Rows of the table that are in no part, and why, such as ``the label is null``."""

    reason: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that was tried.

    Attributes:
        name: The estimator's name in the factory.
        score: The choosing metric on the part that chooses.
        chosen: Whether it became the version; true for exactly one candidate.
        parameters: The parameters that were given.
        seconds: How long the fit took.
    """

    name: str
    score: float
    chosen: bool = False
    parameters: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A simple rule that the model has to beat.

    Attributes:
        name: Such as ``base rate`` or ``carrier``.
        metrics: By part, then by metric's name.
        meaning: In words, what it predicts.
    """

    name: str
    metrics: Mapping[str, Mapping[str, float]]
    meaning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Rows of one range of predicted probability.

    Attributes:
        predicted: Their mean predicted probability.
        observed: Share of them whose label is true.
        rows: How many they are.
    """

    predicted: float
    observed: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TopShare:
    """The rows with the highest predicted probability.

    Attributes:
        share: Which share of all rows, such as 0.05 for the top 5 %.
        rows: How many rows that is.
        precision: Share of them whose label is true.
        recall: Share of all rows with a true label that is among them.
    """

    share: float
    rows: int
    precision: float
    recall: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """How much a feature column matters, by the measure that the document names."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingDocument:
    """Everything that the page about a trained version says.

    Attributes:
        model: The model's name.
        version: Its number.
        digest: The package's digest.
        backend: Name of the backend that holds it.
        created_at: When it was registered.
        label: The column that is predicted.
        parts: In order of time; the last one is the one that the page reports.
        metric: The metric that chose among the candidates.
        metrics: By part, then by metric's name.
        signature: Inputs, features and label.
        aliases: That point at the version.
        label_meaning: In words, such as ``the flight arrives more than 15 minutes late``.
        noun: What a row is, in the plural, such as ``flights``.
        dropped: Rows in no part.
        losses: Names of the metrics of which less is better.
        candidates: In the order in which they were tried.
        baselines: In the order in which they are shown.
        calibration: Bins of the last part, by rising prediction.
        top: Rows of the last part by falling prediction; rising shares.
        importance_of: In words, how importance was measured; ``""`` when it was not.
        importances: In any order.
        timelines: A few example rows.
        tags: Of the version.
        dataset_digest: Digest of the training dataset.
        run: Id of the tracker's run.
        commit: Commit of the code.
    """

    model: str
    version: int
    digest: str
    backend: str
    created_at: datetime
    label: str
    parts: tuple[Part, ...]
    metric: str
    metrics: Mapping[str, Mapping[str, float]]
    signature: Signature
    aliases: tuple[str, ...] = ()
    label_meaning: str = ""
    noun: str = "rows"
    dropped: tuple[DroppedRows, ...] = ()
    losses: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    top: tuple[TopShare, ...] = ()
    importance_of: str = ""
    importances: tuple[Importance, ...] = ()
    timelines: tuple[Timeline, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    dataset_digest: str | None = None
    run: str | None = None
    commit: str | None = None

    @property
    def reported(self) -> Part | None:
        """The part that the page reports: the last one; ``None`` without parts."""
        return self.parts[-1] if self.parts else None

    def to_json(self) -> Mapping[str, JsonValue]:
        """The form to store beside the page.

        Raises:
            ValueError: A moment has no time zone.
        """
        return {"kind": "training", "schema": TRAINING_SCHEMA, **as_mapping(written(self))}

    @classmethod
    def from_json(cls, value: JsonValue) -> TrainingDocument:
        """Read what :meth:`to_json` wrote.

        Raises:
            IntegrityError: It is another kind of document, of a newer schema, or of another shape.
        """
        return read_document(value, _training, kind="training", schema=TRAINING_SCHEMA)


def _training(value: Mapping[str, JsonValue]) -> TrainingDocument:
    return TrainingDocument(
        model=as_text(value["model"]),
        version=as_integer(value["version"]),
        digest=as_text(value["digest"]),
        backend=as_text(value["backend"]),
        created_at=as_moment(value["created_at"]),
        label=as_text(value["label"]),
        parts=as_records(value["parts"], _part),
        metric=as_text(value["metric"]),
        metrics=_metrics_by_part(value["metrics"]),
        signature=Signature.from_json(value["signature"]),
        aliases=as_texts(value["aliases"]),
        label_meaning=as_text(value["label_meaning"]),
        noun=as_text(value["noun"]),
        dropped=as_records(
            value["dropped"], lambda each: DroppedRows(reason=as_text(each["reason"]), rows=as_integer(each["rows"]))
        ),
        losses=as_texts(value["losses"]),
        candidates=as_records(value["candidates"], _candidate),
        baselines=as_records(value["baselines"], _baseline),
        calibration=as_records(value["calibration"], _bin),
        top=as_records(value["top"], _top),
        importance_of=as_text(value["importance_of"]),
        importances=as_records(
            value["importances"], lambda each: Importance(name=as_text(each["name"]), value=as_number(each["value"]))
        ),
        timelines=as_records(value["timelines"], read_timeline),
        tags={key: as_text(each) for key, each in as_mapping(value["tags"]).items()},
        dataset_digest=optional(value["dataset_digest"], as_text),
        run=optional(value["run"], as_text),
        commit=optional(value["commit"], as_text),
    )


def _metrics_by_part(value: JsonValue) -> dict[str, dict[str, float]]:
    return {part: as_numbers_by_name(each) for part, each in as_mapping(value).items()}


def _part(value: Mapping[str, JsonValue]) -> Part:
    return Part(
        name=as_text(value["name"]),
        rows=as_integer(value["rows"]),
        since=optional(value["since"], as_moment),
        until=optional(value["until"], as_moment),
        positive_rate=optional(value["positive_rate"], as_number),
    )


def _candidate(value: Mapping[str, JsonValue]) -> Candidate:
    return Candidate(
        name=as_text(value["name"]),
        score=as_number(value["score"]),
        chosen=as_flag(value["chosen"]),
        parameters=as_mapping(value["parameters"]),
        seconds=optional(value["seconds"], as_number),
    )


def _baseline(value: Mapping[str, JsonValue]) -> Baseline:
    return Baseline(
        name=as_text(value["name"]),
        metrics=_metrics_by_part(value["metrics"]),
        meaning=as_text(value["meaning"]),
    )


def _bin(value: Mapping[str, JsonValue]) -> CalibrationBin:
    return CalibrationBin(
        predicted=as_number(value["predicted"]), observed=as_number(value["observed"]), rows=as_integer(value["rows"])
    )


def _top(value: Mapping[str, JsonValue]) -> TopShare:
    return TopShare(
        share=as_number(value["share"]),
        rows=as_integer(value["rows"]),
        precision=as_number(value["precision"]),
        recall=as_number(value["recall"]),
    )
