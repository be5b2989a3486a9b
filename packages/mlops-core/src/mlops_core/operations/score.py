"""From a table to scores and rejects, as a job of the settings says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.scoring import Chain, Features, Predict, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.features import FeatureFactory
    from mlops_core.models import LoadedModel
    from mlops_core.scoring import Handler, ScoringResult
    from mlops_core.settings import ScoreJob


def chain_of_job(job: ScoreJob, model: LoadedModel, *, features: FeatureFactory | None = None) -> Chain:
    """The chain that a job describes.

    Checks that read only the table's own columns come first, then the features, then the checks that read features,
    then the prediction; within each group the job's order is kept.

    Args:
        job: The job.
        model: The loaded model.
        features: Where feature names are looked up; the default factory if not given.

    Raises:
        ScoringError: A check is no SQL expression.
    """
    made = set(model.signature.feature_names if model.signature else ())
    before: list[Handler] = []
    after: list[Handler] = []
    for each in job.checks:
        condition = check(each.reason, each.accept)
        reads_features = made.intersection(condition.expression.meta.root_names())
        (after if reads_features else before).append(condition)
    return Chain(
        *before,
        Features(model, at=job.at, factory=features, strict=job.strict),
        *after,
        Predict(model),
    )


def score_job(
    name: str,
    job: ScoreJob,
    *,
    model: LoadedModel,
    features: FeatureFactory | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> ScoringResult:
    """Score a job's table with a loaded model.

    Scores go to ``<name>-scores.parquet`` and rejected rows to ``<name>-rejects.parquet`` in the job's folder.

    Args:
        name: The job's name.
        job: What to score, what to check, where to write.
        model: The loaded model that the job refers to.
        features: Where feature names are looked up; the default factory if not given.
        progress: Called with the rows done and the rows in all.

    Raises:
        ScoringError: The table, an argument or a check cannot work; or another run writes the same files.
        SignatureMismatchError: The table or a feature is not what the model was trained with.
        TooManyRejectsError: More than ``max_reject_rate`` of the rows were rejected; there are no scores.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    return chain_of_job(job, model, features=features).run(
        job.input,
        key=job.key,
        out=job.out / f"{name}-scores.parquet",
        rejects=job.out / f"{name}-rejects.parquet",
        max_reject_rate=job.max_reject_rate,
        progress=progress,
    )
