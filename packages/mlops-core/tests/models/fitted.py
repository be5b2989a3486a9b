"""Fitted models of every kind that a canonical dump has to cope with, and tables to predict for."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import polars as pl
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

_RANDOM = np.random.default_rng(7)
ROWS = 120
NUMBERS: Any = _RANDOM.uniform(size=(ROWS, 4))
LABELS: Any = (NUMBERS[:, 0] + NUMBERS[:, 1] > 1).astype(int)
TEXTS = [f"flight {row % 7} from gate {row % 3}" for row in range(ROWS)]
POLARS = pl.DataFrame(NUMBERS, schema=["a", "b", "c", "d"]).with_columns(
    pl.Series("e", np.where(NUMBERS[:, 2] > 0.5, "x", "y"), dtype=pl.Enum(["x", "y"]))
)
PANDAS = POLARS.to_pandas()


@functools.cache
def fitted_models() -> dict[str, tuple[Any, Any]]:
    """Models by name, each with a table that it predicts (or transforms) for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = ColumnTransformer(
            [
                ("one_hot", OneHotEncoder(), ["e"]),
                (
                    "scale",
                    make_pipeline(SimpleImputer(), StandardScaler()),
                    make_column_selector(dtype_include="number"),
                ),
            ]
        )
        return {
            "logistic_regression": (LogisticRegression().fit(NUMBERS, LABELS), NUMBERS),
            "sparse_coefficients": (LogisticRegression().fit(NUMBERS, LABELS).sparsify(), NUMBERS),
            "random_forest": (RandomForestClassifier(8, random_state=0).fit(NUMBERS, LABELS), NUMBERS),
            "gradient_boosting": (
                GradientBoostingClassifier(n_estimators=5, random_state=0).fit(NUMBERS, LABELS),
                NUMBERS,
            ),
            "boosting_with_categories": (
                HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype", random_state=0).fit(
                    PANDAS, LABELS
                ),
                PANDAS,
            ),
            "boosting_on_polars": (
                HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype", random_state=0).fit(
                    POLARS, LABELS
                ),
                POLARS,
            ),
            "columns_of_pandas": (make_pipeline(columns, LogisticRegression()).fit(PANDAS, LABELS), PANDAS),
            "neighbours": (KNeighborsClassifier().fit(NUMBERS, LABELS), NUMBERS),
            "support_vectors": (SVC().fit(NUMBERS, LABELS), NUMBERS),
            "isolation_forest": (IsolationForest(n_estimators=5, random_state=0).fit(NUMBERS), NUMBERS),
            "words": (TfidfVectorizer().fit(TEXTS), TEXTS),
            "logarithm": (
                make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()).fit(NUMBERS, LABELS),
                NUMBERS,
            ),
        }


def answers(model: Any, table: Any) -> Any:
    """Everything that a model says about a table, as one array."""
    for method in ("predict_proba", "decision_function", "predict"):
        if hasattr(model, method):
            return np.asarray(getattr(model, method)(table))
    return model.transform(table).toarray()
