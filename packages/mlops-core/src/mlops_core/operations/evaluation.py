"""How good predictions are: metrics by kind of label, calibration, the top of the ranking, and simple baselines."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from mlops_core.errors import ConfigurationError, DatasetError, extra_not_installed, near_matches
from mlops_core.reports.documents import CalibrationBin, TopShare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Numbers: TypeAlias = "npt.NDArray[np.float64]"

GREATER_IS_BETTER: Final = frozenset({"roc_auc", "average_precision", "accuracy", "r2"})
_METRICS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "binary": ("roc_auc", "average_precision", "log_loss", "brier"),
    "classes": ("accuracy", "log_loss"),
    "number": ("mae", "rmse", "r2"),
}


class LabelKind(enum.Enum):
    """What is predicted, which decides how it is judged."""

    BINARY = "binary"
    CLASSES = "classes"
    NUMBER = "number"

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics, the most telling first."""
        return _METRICS_OF[self.value]


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges predictions of one kind of label, in the same way for models and baselines.

    Attributes:
        kind: Of the label.
        classes: For classes, their values in the order of the columns of a prediction; else empty.
    """

    kind: LabelKind
    classes: tuple[object, ...] = ()

    @classmethod
    def of(cls, label: pl.Series) -> Judge:
        """The judge for a label without nulls: yes or no, text or categories, or numbers.

        Raises:
            DatasetError: The label is of a type that cannot be predicted.
        """
        import polars as pl

        if label.dtype == pl.Boolean:
            return cls(LabelKind.BINARY)
        if isinstance(label.dtype, (pl.String, pl.Categorical, pl.Enum)):
            return cls(LabelKind.CLASSES, tuple(sorted(label.cast(pl.String).unique())))
        if label.dtype.is_numeric():
            return cls(LabelKind.NUMBER)
        why = f"a column of type {label.dtype} is neither yes or no, nor classes, nor a number"
        raise DatasetError(
            f"the label {label.name!r} cannot be judged", why=why, hint="cast it: true and false, or text"
        )

    def check_metric(self, metric: str) -> None:
        """Check that a metric can be computed for this kind of label.

        Raises:
            ConfigurationError: It cannot.
        """
        if metric not in self.kind.metrics:
            raise ConfigurationError(
                f"the metric {metric!r} does not fit the label",
                why=f"the label is of kind {self.kind.value!r}",
                hint=near_matches(metric, self.kind.metrics),
            )

    def truth(self, label: pl.Series) -> Numbers:
        """The label as numbers: 0 and 1, the index of the class, or the number itself."""
        import polars as pl

        if self.kind is LabelKind.CLASSES:
            index = {value: float(position) for position, value in enumerate(self.classes)}
            return label.cast(pl.String).replace_strict(index, default=math.nan, return_dtype=pl.Float64).to_numpy()
        return label.cast(pl.Float64).to_numpy()

    def predictions(self, estimator: object, features: object) -> Numbers:
        """What a fitted estimator predicts: the probability of yes, of each class (2-D), or the number.

        Raises:
            ConfigurationError: The label needs probabilities and the estimator has none.
        """
        import numpy as np

        model = cast("Any", estimator)
        if self.kind is LabelKind.NUMBER:
            return np.asarray(model.predict(features), dtype=np.float64)
        if not hasattr(model, "predict_proba"):
            why = f"{type(estimator).__name__} has no predict_proba, and the metrics need probabilities"
            raise ConfigurationError("a candidate cannot be judged", why=why, hint="wrap it in CalibratedClassifierCV")
        probabilities = np.asarray(model.predict_proba(features), dtype=np.float64)
        if self.kind is LabelKind.BINARY:
            of_true = [column for column, value in enumerate(model.classes_) if value]
            return probabilities[:, of_true[0]] if of_true else np.zeros(len(probabilities))
        aligned = np.zeros((len(probabilities), len(self.classes)))
        for column, value in enumerate(model.classes_):
            aligned[:, self.classes.index(str(value))] = probabilities[:, column]
        return aligned

    def metrics(self, truth: Numbers, predicted: Numbers) -> dict[str, float]:
        """Every metric of this kind, by name; NaN where there is none (no rows, or only one class for roc_auc)."""
        if not len(truth):
            return dict.fromkeys(self.kind.metrics, math.nan)
        compute = {
            LabelKind.BINARY: _binary_metrics,
            LabelKind.CLASSES: _class_metrics,
            LabelKind.NUMBER: _number_metrics,
        }[self.kind]
        return compute(truth, predicted)


def better(metric: str, score: float, than: float) -> bool:
    """Whether a score beats another one; NaN never does, and everything beats NaN."""
    if math.isnan(score):
        return False
    if math.isnan(than):
        return True
    return score > than if metric in GREATER_IS_BETTER else score < than


def calibration_bins(truth: Numbers, predicted: Numbers, *, bins: int = 10) -> tuple[CalibrationBin, ...]:
    """Rows in groups of about equal size by predicted probability, with what was observed in each.

    Args:
        truth: 0 or 1 per row.
        predicted: Probability of 1 per row.
        bins: How many groups at most.
    """
    import numpy as np

    order = np.argsort(predicted, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    return tuple(
        CalibrationBin(predicted=float(predicted[group].mean()), observed=float(truth[group].mean()), rows=len(group))
        for group in groups
    )


def top_shares(
    truth: Numbers, predicted: Numbers, *, shares: Sequence[float] = (0.05, 0.1, 0.2)
) -> tuple[TopShare, ...]:
    """How many of the rows with the highest predictions are true, for a few shares of all rows."""
    import numpy as np

    order = np.argsort(-predicted, kind="stable")
    positives = float(truth.sum())
    found: list[TopShare] = []
    for share in shares:
        rows = round(len(truth) * share)
        if rows and positives:
            hits = float(truth[order[:rows]].sum())
            found.append(TopShare(share=share, rows=rows, precision=hits / rows, recall=hits / positives))
    return tuple(found)


def group_mean_baseline(
    judge: Judge, label: pl.Series, *, by: pl.Series | None, predict_for: pl.Series | int
) -> Numbers:
    """The simplest prediction that uses one column: the mean label of training's rows with the same value.

    Args:
        judge: Of the label.
        label: The label of the training rows.
        by: The column in the training rows; ``None`` predicts the mean of all rows.
        predict_for: The column in the rows to predict, or, without ``by``, how many rows they are.

    Returns:
        Predictions as :meth:`Judge.predictions` gives them; a value that training never saw gets the mean of all rows.
    """
    import numpy as np
    import polars as pl

    truth = judge.truth(label)
    if judge.kind is LabelKind.CLASSES:
        targets = [(truth == position).astype(np.float64) for position in range(len(judge.classes))]
    else:
        targets = [truth]
    columns: list[Numbers] = []
    for target in targets:
        overall = float(target.mean())
        if by is None or isinstance(predict_for, int):
            columns.append(np.full(predict_for if isinstance(predict_for, int) else len(predict_for), overall))
            continue
        means = pl.DataFrame({"by": by, "mean": target}).group_by("by").agg(pl.col("mean").mean())
        found = pl.DataFrame({"by": predict_for}).join(
            means, on="by", how="left", nulls_equal=True, maintain_order="left"
        )
        columns.append(found.get_column("mean").fill_null(overall).to_numpy())
    return np.column_stack(columns) if judge.kind is LabelKind.CLASSES else columns[0]


def _sklearn_metrics() -> Any:
    try:
        import sklearn.metrics
    except ModuleNotFoundError as exc:
        raise extra_not_installed("sklearn", needed_for="judging a model", missing=exc.name or "sklearn") from exc
    return sklearn.metrics


def _binary_metrics(truth: Numbers, predicted: Numbers) -> dict[str, float]:
    judge = _sklearn_metrics()
    one_class = truth.min() == truth.max()
    return {
        "roc_auc": math.nan if one_class else float(judge.roc_auc_score(truth, predicted)),
        "average_precision": math.nan if one_class else float(judge.average_precision_score(truth, predicted)),
        "log_loss": float(judge.log_loss(truth, predicted, labels=[0.0, 1.0])),
        "brier": float(judge.brier_score_loss(truth, predicted, pos_label=1.0)),
    }


def _class_metrics(truth: Numbers, predicted: Numbers) -> dict[str, float]:
    import numpy as np

    known = ~np.isnan(truth)
    of_truth = np.zeros(len(truth))
    of_truth[known] = predicted[known, truth[known].astype(np.int64)]
    return {
        "accuracy": int(np.count_nonzero(np.argmax(predicted, axis=1) == truth)) / len(truth),
        "log_loss": float(-np.mean(np.log(np.clip(of_truth, np.finfo(np.float64).eps, 1)))),
    }


def _number_metrics(truth: Numbers, predicted: Numbers) -> dict[str, float]:
    import numpy as np

    error = predicted - truth
    spread = float(np.square(truth - float(truth.mean())).sum())
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": math.sqrt(float(np.square(error).mean())),
        "r2": 1 - float(np.square(error).sum()) / spread if spread else math.nan,
    }
