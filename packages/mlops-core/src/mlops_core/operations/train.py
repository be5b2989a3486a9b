"""From a table to a registered version: try the candidates, keep the best, say how good it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mlops_core.errors import ConfigurationError, DatasetError
from mlops_core.operations.evaluation import Judge, better
from mlops_core.operations.register import register_model
from mlops_core.operations.training_document import Evaluation, FittedCandidate, document_training, truth_of
from mlops_core.operations.training_parts import frame_of, split_for_training
from mlops_core.operations.training_run import training_run

if TYPE_CHECKING:
    from mlops_core.features import FeatureFactory
    from mlops_core.models import Estimator, ModelFactory
    from mlops_core.operations.training_parts import TrainingParts
    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.ports.model_registry import ModelRegistry, ModelVersion
    from mlops_core.reports.documents import TrainingDocument
    from mlops_core.settings import Candidate, TrainJob


class Progress(Protocol):
    """Told how far a long operation is."""

    def __call__(self, stage: str, done: int, total: int, /) -> None:
        """Show it.

        Args:
            stage: In words, such as ``"fitting the candidates"``.
            done: Stages done.
            total: Stages of the operation.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What a training made.

    Attributes:
        version: The registered version; ``version.reused`` if the same model had been registered before.
        document: What the report says.
    """

    version: ModelVersion
    document: TrainingDocument


def train_model(
    model: str,
    job: TrainJob,
    *,
    registry: ModelRegistry,
    backend: str,
    tracker: ExperimentTracker | None = None,
    features: FeatureFactory | None = None,
    estimators: ModelFactory | None = None,
    commit: str | None = None,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train, choose, evaluate and register a model as its job says.

    The candidates are fitted on the rows before ``valid_from`` and compared by ``metric`` on those up to
    ``test_from``. The best one is registered as it is, never fitted again: what was measured is what is served. The
    rows from ``test_from`` on are only reported. Running the job again gives back the same version.

    Args:
        model: The model's name.
        job: What to train, on what, how to choose.
        registry: Where the version goes.
        backend: The configured name of the registry's backend, for the report.
        tracker: Where a run of the training is kept, in the experiment of the model's name; the version names it.
        features: Where feature names are looked up; the default factory if not given.
        estimators: Where estimator names are looked up; the default factory if not given.
        commit: Commit of the code, for the record.
        progress: Told how far it is.

    Raises:
        ConfigurationError: The job cannot work: no candidates, an unknown estimator, parameter or metric.
        FeatureError: A feature is unknown or cannot be built.
        DatasetError: The table cannot be used, or a part of the split has no rows.
    """
    from mlops_core.models import DEFAULT_FACTORY
    from mlops_core.naming import check_model_name, check_tags

    check_model_name(model)
    check_tags(job.tags)
    if not job.candidates:
        hint = 'candidates = [ { estimator = "logistic_regression" } ]'
        raise ConfigurationError(
            f"there is nothing to train for {model!r}", why="the job lists no candidates", hint=hint
        )
    if job.threads < 1:
        raise ConfigurationError(f"threads={job.threads} is no number of threads", hint="threads = 1")
    factory = DEFAULT_FACTORY if estimators is None else estimators
    unfitted = [factory.create(each.estimator, **each.parameters) for each in job.candidates]
    steps = len(unfitted) + 3
    told = progress or _nobody

    told("building the dataset", 0, steps)
    parts = split_for_training(job, features=features)
    judge = Judge.of(frame_of(parts.train).get_column(job.label))
    judge.check_metric(job.metric)

    fitted: list[FittedCandidate] = []
    with training_run(tracker, model, tags=job.tags, commit=commit) as notes:
        notes.began(job, parts)
        for number, (candidate, estimator) in enumerate(zip(job.candidates, unfitted, strict=True), start=1):
            told(f"fitting {candidate.estimator} ({number} of {len(unfitted)})", number, steps)
            fitted.append(_fit(candidate, estimator, parts, judge, metric=job.metric, threads=job.threads))
            notes.tried(number, fitted[-1], metric=job.metric)
        best = fitted[0]
        for each in fitted[1:]:
            best = each if better(job.metric, each.score, best.score) else best

        told("evaluating", steps - 2, steps)
        evaluation = Evaluation.of(best, parts, judge)
        notes.chose(best, evaluation)
        told("registering", steps - 1, steps)
        version = register_model(
            registry,
            model,
            best.estimator,
            dataset=parts.train,
            metrics=evaluation.record_metrics,
            tags=job.tags,
            run=notes.id,
            commit=commit,
        )
        notes.registered(version)
    document = document_training(
        version,
        backend=backend,
        job=job,
        parts=parts,
        judge=judge,
        candidates=fitted,
        chosen=best,
        evaluation=evaluation,
    )
    told("done", steps, steps)
    return TrainingResult(version=version, document=document)


def _nobody(_stage: str, _done: int, _total: int, /) -> None:
    """Progress that is shown to nobody."""


def _fit(
    candidate: Candidate, estimator: Estimator, parts: TrainingParts, judge: Judge, *, metric: str, threads: int
) -> FittedCandidate:
    from threadpoolctl import threadpool_limits  # it comes with scikit-learn

    rows, label = parts.train.xy()
    start = time.perf_counter()
    try:
        with threadpool_limits(limits=threads, user_api="openmp"):
            estimator.fit(rows, label)
    except ValueError as exc:
        raise DatasetError(
            f"{candidate.estimator} could not be fitted",
            where=f"{len(parts.train):,} rows of the train part",
            why=str(exc).split("\n", 1)[0],
            hint="cast text to pl.Enum([...]) and fill nulls, or take an estimator that reads categories and nulls, "
            "such as hist_gradient_boosting_classifier",
        ) from exc
    seconds = time.perf_counter() - start
    truth = truth_of(judge, parts.valid)
    predicted = judge.predictions(estimator, parts.valid.xy()[0])
    return FittedCandidate(
        name=candidate.estimator,
        parameters=candidate.parameters,
        estimator=estimator,
        score=judge.metrics(truth, predicted)[metric],
        seconds=seconds,
    )
