"""The three parts of a training table: what is learnt from, what chooses, what is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from mlops_core.errors import DatasetError
from mlops_core.reports.documents import DroppedRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from mlops_core.datasets import Dataset
    from mlops_core.datasets.plan import Plan
    from mlops_core.features import FeatureFactory
    from mlops_core.settings import TrainJob


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingParts:
    """A labelled table, split by time.

    Attributes:
        train: Rows before ``valid_from``: the candidates learn from them.
        valid: Rows from there to ``test_from``: they choose among the candidates.
        test: Rows from there on: they are only reported.
        dropped: Rows in no part, counted by reason.
        plan: How the features were computed.
    """

    train: Dataset
    valid: Dataset
    test: Dataset
    dropped: tuple[DroppedRows, ...]
    plan: Plan

    def __iter__(self) -> Iterator[tuple[str, Dataset]]:
        yield from (("train", self.train), ("valid", self.valid), ("test", self.test))


def split_for_training(job: TrainJob, *, features: FeatureFactory | None = None) -> TrainingParts:
    """Build the dataset of a job and split it by time. Rows without a label are in no part, and are counted.

    Args:
        job: Names the table, the features, the label and the bounds.
        features: Where feature names are looked up; the default factory if not given.

    Raises:
        FeatureError: A feature is unknown or cannot be built.
        DatasetError: The table cannot be used, or a part has no rows.
    """
    from mlops_core.datasets import DatasetBuilder

    if not job.spine.exists():
        hint = "write the table there first, or change spine in the job"
        raise DatasetError("there is no table to train on", where=str(job.spine), why="no such file", hint=hint)
    builder = DatasetBuilder(job.spine, at=job.at, factory=features).with_features(*job.features).with_label(job.label)
    if job.known_at:
        builder = builder.known_at()
    whole = builder.build()
    labelled = whole.drop_null_labels()
    bounds = [job.valid_from, job.test_from]
    if job.test_until is not None:
        bounds.append(job.test_until)
    train, valid, test, *after = labelled.split(at=bounds)
    for name, part in (("train", train), ("valid", valid), ("test", test)):
        if not len(part):
            raise DatasetError(
                f"the {name} part of the training has no rows",
                where=str(job.spine),
                why=f"of {len(labelled):,} labelled rows, none lies between its bounds",
                hint=f"move valid_from ({job.valid_from}) or test_from ({job.test_from}) in the job",
            )
    dropped = (
        DroppedRows(reason=f"{job.label!r} is null", rows=len(whole) - len(labelled)),
        DroppedRows(reason=f"at or after {job.test_until}", rows=sum(len(part) for part in after)),
    )
    return TrainingParts(
        train=train, valid=valid, test=test, dropped=tuple(each for each in dropped if each.rows), plan=whole.plan
    )


def frame_of(part: Dataset) -> pl.DataFrame:
    """The part's table; a job's spine is a path, so it is a Polars frame."""
    return cast("pl.DataFrame", part.frame)
