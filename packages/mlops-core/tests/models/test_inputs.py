from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlops_core.errors import SignatureMismatchError
from mlops_core.models.inputs import as_form, as_polars, input_form, select_columns
from mlops_core.signature import FeatureColumn, Signature
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

MOMENT = datetime(2024, 1, 2, tzinfo=UTC)


def signature(name: str, dtype: str) -> Signature:
    return Signature(features=(FeatureColumn(name=name, dtype=dtype, feature=name),))


def test_a_category_of_pandas_is_the_enum_of_training() -> None:
    trained = signature("kind", 'enum["x", "y"]')
    given = as_polars(pd.DataFrame({"kind": pd.Categorical(["y", None, "x"], categories=["y", "x"])}), trained)
    chosen = select_columns(given, trained, where="churn:1")
    assert chosen.schema == {"kind": pl.Enum(["x", "y"])}
    assert chosen["kind"].to_list() == ["y", None, "x"]


@pytest.mark.parametrize("values", [pd.Categorical(["z"]), ["x"]])
def test_what_is_no_enum_of_training_is_refused(values: Any) -> None:
    trained = signature("kind", 'enum["x", "y"]')
    with pytest.raises(SignatureMismatchError, match="kind: trained on enum"):
        select_columns(as_polars(pd.DataFrame({"kind": values}), trained), trained, where="churn:1")


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_the_unit_of_a_time_does_not_matter_but_its_zone_does(unit: Any) -> None:
    given = pl.DataFrame({"at": pl.Series([MOMENT], dtype=pl.Datetime(unit, "UTC"))})
    chosen = select_columns(given, signature("at", "datetime[us, UTC]"), where="churn:1")
    assert chosen["at"].to_list() == [MOMENT]
    with pytest.raises(SignatureMismatchError, match=r"trained on datetime\[us\], given"):
        select_columns(given, signature("at", "datetime[us]"), where="churn:1")


TABLE = pl.DataFrame(
    {"text": ["a", None, "b", "a"], "kind": pl.Series(["x", "y", None, "x"], dtype=pl.Enum(["x", "y"]))}
)
LABEL = np.array([0, 1, 0, 1])


def encoder() -> Any:
    one_hot = OneHotEncoder(handle_unknown="ignore")
    return make_pipeline(ColumnTransformer([("one_hot", one_hot, ["text", "kind"])]), LogisticRegression())


def as_given_by_datasets() -> pd.DataFrame:
    table: Any = TABLE.to_pandas()
    table["text"] = pd.Series(TABLE["text"].to_list(), dtype=object)
    return table


FITTED_ON: dict[str, Any] = {
    "polars": TABLE,
    "pandas": TABLE.to_pandas(),
    "pandas with None": as_given_by_datasets(),
}


@pytest.mark.parametrize("form", FITTED_ON)
def test_missing_categories_and_texts_are_spelled_as_they_were_in_training(form: Any) -> None:
    fitted = encoder().fit(FITTED_ON[form], LABEL)
    assert input_form(fitted) == form
    answers = fitted.predict_proba(as_form(TABLE, form))
    assert answers.tobytes() == fitted.predict_proba(FITTED_ON[form]).tobytes()


def test_an_estimator_fitted_on_an_array_is_given_one() -> None:
    fitted = LogisticRegression().fit(np.arange(4.0).reshape(4, 1), LABEL)
    assert input_form(fitted) == "array"
    assert isinstance(as_form(pl.DataFrame({"a": [1.0]}), "array"), np.ndarray)


def test_an_estimator_that_records_nothing_is_given_a_table() -> None:
    assert input_form(FunctionTransformer()) == "polars"
    assert input_form(object()) == "polars"
