"""What a training report says of the chosen candidate, computed once and written down as a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.json_values import to_json_value
from mlops_core.operations.evaluation import (
    GREATER_IS_BETTER,
    Judge,
    LabelKind,
    calibration_bins,
    group_mean_baseline,
    top_shares,
)
from mlops_core.operations.timelines import aware, timelines_of
from mlops_core.operations.training_parts import frame_of
from mlops_core.reports.documents import Baseline, Candidate, Importance, Part, TrainingDocument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_core.datasets import Dataset
    from mlops_core.operations.evaluation import Numbers
    from mlops_core.operations.training_parts import TrainingParts
    from mlops_core.ports.model_registry import ModelVersion
    from mlops_core.settings import TrainJob

_ROWS_FOR_IMPORTANCE: Final = 10_000
"""Rows of the choosing part on which columns are shuffled: enough for an order of columns, and quick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedCandidate:
    """A candidate after its fit.

    Attributes:
        name: The estimator's name in the factory.
        parameters: The parameters that the job gives.
        estimator: The fitted estimator.
        score: The choosing metric on the choosing part.
        seconds: How long the fit took.
    """

    name: str
    parameters: Mapping[str, object]
    estimator: object
    score: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How good the chosen candidate is.

    Attributes:
        truths: The label as numbers, by part.
        predictions: What the candidate predicts, by part.
        metrics: Metrics by part and name; those on the training rows show how much was learnt by heart.
    """

    truths: Mapping[str, Numbers]
    predictions: Mapping[str, Numbers]
    metrics: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, chosen: FittedCandidate, parts: TrainingParts, judge: Judge) -> Evaluation:
        """Predict every part, and judge."""
        judged = dict(parts)
        truths = {name: truth_of(judge, part) for name, part in judged.items()}
        predictions = {name: judge.predictions(chosen.estimator, part.xy()[0]) for name, part in judged.items()}
        metrics = {name: judge.metrics(truths[name], predictions[name]) for name in judged}
        return cls(truths=truths, predictions=predictions, metrics=metrics)

    @property
    def record_metrics(self) -> dict[str, float]:
        """The metrics for the version's record, such as ``test_roc_auc``: those on rows that it did not learn from."""
        held_out = {part: found for part, found in self.metrics.items() if part != "train"}
        return {f"{part}_{name}": value for part, found in held_out.items() for name, value in found.items()}


def truth_of(judge: Judge, part: Dataset) -> Numbers:
    """The label of a part as the numbers that metrics compare with."""
    return judge.truth(frame_of(part).get_column(part.signature.label or ""))


def document_training(
    version: ModelVersion,
    *,
    backend: str,
    job: TrainJob,
    parts: TrainingParts,
    judge: Judge,
    candidates: Sequence[FittedCandidate],
    chosen: FittedCandidate,
    evaluation: Evaluation,
) -> TrainingDocument:
    """Write down a training.

    Args:
        version: What was registered.
        backend: The configured name of the backend that holds it.
        job: What was asked for.
        parts: The split table.
        judge: Of the label.
        candidates: All that were tried, in order.
        chosen: The one that was registered.
        evaluation: How good it is.
    """
    binary = judge.kind is LabelKind.BINARY
    truth, predicted = evaluation.truths["test"], evaluation.predictions["test"]
    return TrainingDocument(
        model=version.model,
        version=version.version,
        digest=version.digest,
        backend=backend,
        created_at=version.created_at,
        label=job.label,
        label_meaning=job.label_meaning,
        noun=job.noun,
        parts=tuple(_part(name, part, judge) for name, part in parts),
        dropped=parts.dropped,
        metric=job.metric,
        metrics=evaluation.metrics,
        losses=tuple(name for name in judge.kind.metrics if name not in GREATER_IS_BETTER),
        candidates=tuple(
            Candidate(
                name=each.name,
                parameters={key: to_json_value(value) for key, value in each.parameters.items()},
                score=each.score,
                chosen=each is chosen,
                seconds=each.seconds,
            )
            for each in candidates
        ),
        baselines=tuple(_baseline(column, job, parts, judge) for column in (None, *job.baselines)),
        calibration=calibration_bins(truth, predicted) if binary else (),
        top=top_shares(truth, predicted) if binary else (),
        importance_of=f"how much worse {job.metric} gets when the column is shuffled, on the part that chooses",
        importances=_importances(chosen, job.metric, parts.valid, judge),
        timelines=timelines_of(parts, predicted, describe=job.describe) if binary else (),
        signature=parts.train.signature,
        aliases=version.aliases,
        tags=version.tags,
        dataset_digest=parts.train.digest,
        run=version.run,
        commit=version.commit,
    )


def _part(name: str, part: Dataset, judge: Judge) -> Part:
    since = until = None
    at = part.signature.at
    if at is not None:
        moments = frame_of(part).get_column(at)
        since, until = aware(moments.min()), aware(moments.max())
    rate = float(truth_of(judge, part).mean()) if judge.kind is LabelKind.BINARY else None
    return Part(name=name, rows=len(part), since=since, until=until, positive_rate=rate)


def _baseline(column: str | None, job: TrainJob, parts: TrainingParts, judge: Judge) -> Baseline:
    train = frame_of(parts.train)
    metrics: dict[str, Mapping[str, float]] = {}
    for name, part in (("valid", parts.valid), ("test", parts.test)):
        frame = frame_of(part)
        predicted = group_mean_baseline(
            judge,
            train.get_column(job.label),
            by=None if column is None else train.get_column(column),
            predict_for=frame.height if column is None else frame.get_column(column),
        )
        metrics[name] = judge.metrics(truth_of(judge, part), predicted)
    if column is None:
        return Baseline(name="base rate", meaning="the same for every row: the mean in training", metrics=metrics)
    return Baseline(name=f"{column}'s mean", meaning=f"the mean of its {column} in training", metrics=metrics)


def _importances(chosen: FittedCandidate, metric: str, part: Dataset, judge: Judge) -> tuple[Importance, ...]:
    import numpy as np

    frame = frame_of(part)
    sample = frame.sample(min(frame.height, _ROWS_FOR_IMPORTANCE), seed=0)
    truth = judge.truth(sample.get_column(part.signature.label or ""))
    rows = sample.select(part.signature.feature_names)
    whole = judge.metrics(truth, judge.predictions(chosen.estimator, rows))[metric]
    order = np.random.default_rng(0).permutation(rows.height)
    found: list[Importance] = []
    for name in rows.columns:
        shuffled = rows.with_columns(rows.get_column(name).gather(order))
        score = judge.metrics(truth, judge.predictions(chosen.estimator, shuffled))[metric]
        worse = whole - score if metric in GREATER_IS_BETTER else score - whole
        found.append(Importance(name=name, value=worse))
    return tuple(found)
