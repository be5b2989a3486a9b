"""From an estimator's answers to columns: the prediction, and for a classifier the probabilities behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import polars as pl

_BINARY = 2


def prediction_columns(estimator: object, table: Any, rows: int, *, classes: bool = True) -> pl.DataFrame:
    """The answers for a table, with the same columns and dtypes for any number of rows, none included.

    Args:
        estimator: The fitted estimator.
        table: What it reads, in the form that it reads.
        rows: The number of rows; scikit-learn refuses a table of none, so it is not asked then.
        classes: Whether a classifier that gives probabilities is also asked for the class, which costs as much again.

    Returns:
        ``prediction``: of a classifier the class, as it was in the label; else numbers as ``float64``. With two
        classes and probabilities also ``probability``, ``float64``, that of ``classes_[1]``; with more
        ``probability_<class>`` for each. With several targets ``prediction_0``, ``prediction_1``, ... alone.
    """
    import numpy as np
    import polars as pl

    model = cast("Any", estimator)
    known: Any = getattr(model, "classes_", None)
    one_target = isinstance(known, np.ndarray)
    columns: dict[str, pl.Series] = {}
    if one_target and hasattr(model, "predict_proba"):
        count = len(cast("list[object]", known))
        chances: Any = np.asarray(model.predict_proba(table), dtype=np.float64) if rows else np.zeros((0, count))
        names = ["", "probability"] if count == _BINARY else [f"probability_{each}" for each in known]
        columns = {name: pl.Series(chances[:, at]) for at, name in enumerate(names) if name}
        if not classes:
            return pl.DataFrame(columns)
    empty: Any = cast("Any", known)[:0] if one_target else np.zeros(0)
    answer: Any = np.asarray(model.predict(table)) if rows else empty
    if answer.ndim > 1 and answer.shape[1] > 1:
        return pl.DataFrame({f"prediction_{target}": answer[:, target] for target in range(answer.shape[1])})
    return pl.DataFrame({**columns, "prediction": _series(answer.ravel(), known if one_target else None)})


def _series(answer: Any, classes: Any) -> pl.Series:
    import polars as pl

    if classes is None:
        return pl.Series(answer.astype("float64") if answer.dtype.kind in "biuf" else answer)
    if answer.dtype == object:  # an array of objects does not say what they are; all classes together do
        return pl.Series(answer.tolist(), dtype=pl.Series(classes.tolist()).dtype)
    return pl.Series(answer)
