"""From the table that a caller has to the one that an estimator was fitted on."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from mlops_core.dtypes import dtype_name
from mlops_core.errors import SignatureMismatchError, extra_not_installed, near_matches
from mlops_core.models.fitted_state import parts_of

if TYPE_CHECKING:
    import polars as pl

    from mlops_core.signature import FeatureColumn, Signature

InputForm: TypeAlias = Literal["array", "polars", "pandas", "pandas with None"]
_SEEN_AS_FLOATS: Final = ("int", "uint", "bool")
_ENUM: Final = "enum"


def select_columns(frame: pl.DataFrame, signature: Signature, *, where: str) -> pl.DataFrame:
    """The signature's columns, by name and in its order; others are left out.

    Three differences of dtype are none, because libraries make them: an integer or boolean column may come as
    ``float64`` (once a value is missing), an enum as ``categorical`` (of pandas), a time in another unit. Every other
    one is refused.

    Args:
        frame: The caller's table.
        signature: What the model was trained on.
        where: The model, for the message.

    Raises:
        SignatureMismatchError: A column is missing or of another dtype; one line for each.
    """
    import polars as pl

    problems: list[str] = []
    columns: list[pl.Series] = []
    for column in signature.features:
        if column.name not in frame.columns:
            near = near_matches(column.name, frame.columns)
            problems.append(f"{column.name}: {column.dtype} is missing ({near})")
            continue
        given = frame.get_column(column.name)
        try:
            columns.append(_as_trained(given, column))
        except (TypeError, pl.exceptions.PolarsError):
            problems.append(f"{column.name}: trained on {column.dtype}, given {dtype_name(given.dtype)}")
    if problems:
        raise SignatureMismatchError(
            "the table does not have the columns that the model was trained on",
            where=where,
            why="\n         ".join(problems),
            hint="make them as for training, for example with the model's features",
        )
    return pl.DataFrame(columns)


def _as_trained(values: pl.Series, column: FeatureColumn) -> pl.Series:
    """The values in the dtype of training; ``TypeError`` or Polars' own error where that could change them."""
    import polars as pl

    given = dtype_name(values.dtype)
    if given == column.dtype or (given == "float64" and column.dtype.startswith(_SEEN_AS_FLOATS)):
        return values
    if isinstance(values.dtype, pl.Categorical) and column.dtype.startswith(_ENUM):
        return values.cast(pl.Enum(json.loads(column.dtype.removeprefix(_ENUM))))
    if isinstance(values.dtype, pl.Datetime):
        in_microseconds = values.cast(pl.Datetime("us", values.dtype.time_zone))
        if dtype_name(in_microseconds.dtype) == column.dtype:
            return in_microseconds
    raise TypeError(given)


def as_polars(table: object, signature: Signature) -> pl.DataFrame:
    """A table of any library, or an array with the signature's number of columns, as Polars.

    Args:
        table: A Polars, pandas or Arrow table, a path to one, or a two-dimensional array whose columns are in the
            signature's order.
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
    warns when it is given some; and an encoder tells ``NaN``, which is how pandas spells a missing category or text,
    from ``None``. What it saw stands in its fitted state.
    """
    if not hasattr(estimator, "feature_names_in_") and hasattr(estimator, "n_features_in_"):
        return "array"
    missing = {spelling for part in parts_of(estimator) for spelling in _missing_spelled(part)}
    if "nan" in missing:
        return "pandas with None" if "none" in missing else "pandas"
    return "polars"


def as_form(frame: pl.DataFrame, form: InputForm) -> Any:
    """A Polars table in another form.

    Args:
        frame: The table.
        form: ``"pandas"`` spells every missing value ``NaN``; ``"pandas with None"`` does so in categories, and makes
            texts plain objects with ``None``.
    """
    import polars as pl

    if form == "array":
        return frame.to_numpy()
    if form == "polars":
        return frame
    table: Any = frame.to_pandas()
    if form == "pandas with None":
        import pandas as pd

        for name, dtype in frame.schema.items():
            if isinstance(dtype, pl.String):
                table[name] = cast("Any", pd).Series(frame.get_column(name).to_list(), dtype=object)
    return table


def _missing_spelled(part: object) -> set[str]:
    import numpy as np

    if not isinstance(part, np.ndarray) or cast("Any", part).dtype != object:
        return set()
    values = cast("list[object]", cast("Any", part).ravel().tolist())
    spelled = {"nan" for each in values if isinstance(each, float) and math.isnan(each)}
    return spelled | {"none" for each in values if each is None}
