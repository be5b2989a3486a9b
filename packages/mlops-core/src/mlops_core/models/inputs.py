"""From the table that a caller has to the one that an estimator was fitted on."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from mlops_core.errors import SignatureMismatchError, extra_not_installed, near_matches
from mlops_core.models.fitted_state import parts_of

if TYPE_CHECKING:
    import polars as pl

    from mlops_core.signature import FeatureColumn, Signature

InputForm: TypeAlias = Literal["array", "pandas", "polars"]
_NUMBERS_SEEN_AS_FLOATS = ("int", "uint", "bool")


def select_columns(frame: pl.DataFrame, signature: Signature, *, where: str) -> pl.DataFrame:
    """The signature's columns, by name and in its order; others are left out.

    An integer or boolean column may come as ``float64``: that is how scikit-learn and pandas show it once a value is
    missing. Every other difference is refused.

    Args:
        frame: The caller's table.
        signature: What the model was trained on.
        where: The model, for the message.

    Raises:
        SignatureMismatchError: A column is missing or of another dtype; one line for each.
    """
    problems = [
        problem
        for column in signature.features
        if (problem := _difference(column, frame.schema.get(column.name), frame.columns))
    ]
    if problems:
        raise SignatureMismatchError(
            "the table does not have the columns that the model was trained on",
            where=where,
            why="\n         ".join(problems),
            hint="make them as for training, for example with the model's features",
        )
    return frame.select(signature.feature_names)


def _difference(column: FeatureColumn, dtype: pl.DataType | None, columns: list[str]) -> str:
    if dtype is None:
        return f"{column.name}: {column.dtype} is missing ({near_matches(column.name, columns)})"
    given = neutral_dtype(dtype)
    as_float = given == "float64" and column.dtype.startswith(_NUMBERS_SEEN_AS_FLOATS)
    return "" if given == column.dtype or as_float else f"{column.name}: trained on {column.dtype}, given {given}"


def as_polars(table: object, signature: Signature) -> pl.DataFrame:
    """A table of any library, or an array with the signature's number of columns, as Polars.

    Args:
        table: A Polars, pandas or Arrow table, a path to one, or a two-dimensional array whose columns are in the signature's order.
        signature: The columns' names.

    Raises:
        SignatureMismatchError: It is no table, or the array has another number of columns.
    """
    try:
        import polars as pl
    except ModuleNotFoundError as exc:
        raise extra_not_installed("features", needed_for="predicting for a table", missing="polars") from exc

    from mlops_core.features.tables import library_of, scan_table

    if isinstance(table, pl.DataFrame):
        return table
    shape = getattr(table, "shape", None)
    if library_of(table) is None and isinstance(shape, tuple):
        names = signature.feature_names
        if len(cast("tuple[int, ...]", shape)) != 2 or shape[1] != len(names):  # noqa: PLR2004 - rows and columns
            why = f"its shape is {shape}, the model reads {len(names)} columns"
            raise SignatureMismatchError("the array does not have the model's columns", why=why)
        return pl.DataFrame(cast("Any", table), schema=names, orient="row")
    return scan_table(table, what="the table to predict for", error=SignatureMismatchError).collect()


def input_form(estimator: object) -> InputForm:
    """The form of table that a fitted estimator reads as it read the one that it was fitted on.

    Scikit-learn reads Polars and pandas alike, but for two things: an estimator fitted on an array knows no names and
    warns when it is given some; and a missing text is ``NaN`` in pandas but ``None`` in Polars, which an encoder
    tells apart.
    """
    if not hasattr(estimator, "feature_names_in_") and hasattr(estimator, "n_features_in_"):
        return "array"
    return "pandas" if any(_holds_nan_among_objects(part) for part in parts_of(estimator)) else "polars"


def as_form(frame: pl.DataFrame, form: InputForm) -> Any:
    """A Polars table in another form."""
    match form:
        case "array":
            return frame.to_numpy()
        case "pandas":
            return frame.to_pandas()
        case "polars":
            return frame


def _holds_nan_among_objects(part: object) -> bool:
    import numpy as np

    if not isinstance(part, np.ndarray) or cast("Any", part).dtype != object:
        return False
    values = cast("list[object]", cast("Any", part).ravel().tolist())
    return any(isinstance(each, float) and math.isnan(each) for each in values)


def neutral_dtype(dtype: pl.DataType) -> str:
    """The name of a Polars type in a signature, see :class:`mlops_core.signature.InputColumn`."""
    import polars as pl

    match dtype:
        case pl.Datetime():
            return f"datetime[{dtype.time_unit}{', ' + dtype.time_zone if dtype.time_zone else ''}]"
        case pl.Duration():
            return f"duration[{dtype.time_unit}]"
        case pl.Enum():
            return f"enum{json.dumps(cast('list[str]', dtype.categories.to_list()), ensure_ascii=False)}"
        case pl.Boolean():
            return "bool"
        case _:
            return type(dtype).__name__.lower()
