"""The edge: the caller's table comes in from any library, and goes out in it with the features attached.

The caller's own columns and index never pass through Polars on the way out. In pandas, features get types that do not
depend on the rows: integers and booleans the nullable ones, so that a missing integer stays an integer; texts
``string``; categories ``category``; floats ``float64``, where NaN is how pandas spells missing; times ``datetime64``;
all else Arrow's types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from mlops_core.errors import DatasetError, extra_not_installed
from mlops_core.features.tables import Library, library_of, read_schema, scan_table, why_unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

WHAT: Final = "the table (spine)"
OutputLibrary: TypeAlias = Literal["polars", "polars lazy", "pandas", "arrow"]
_OUTPUT: Final[dict[Library, OutputLibrary]] = {
    "path": "polars",
    "polars": "polars",
    "polars lazy": "polars lazy",
    "pandas": "pandas",
    "arrow": "arrow",
    "arrow dataset": "arrow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spine:
    """The caller's table, whatever its library.

    Attributes:
        native: The table as it was given.
        library: What the frame that goes out will be.
        scan: The same, read by Polars.
        schema: The columns that features can read, datetimes in microseconds.
        unreadable: Why Polars cannot hold the others, by name.
    """

    native: object
    library: OutputLibrary
    scan: pl.LazyFrame
    schema: pl.Schema
    unreadable: Mapping[str, str]


def read_spine(data: object) -> Spine:
    """Recognise the caller's table, without reading its rows where that can be avoided.

    Raises:
        DatasetError: It is no table, or cannot be read.
    """
    library = _OUTPUT[library_of(data) or "polars"]
    scan = scan_table(data, what=WHAT, error=DatasetError)
    schema = normalised_schema(read_schema(scan, what=WHAT, error=DatasetError))
    unreadable: dict[str, str] = {}
    if library == "pandas":
        data = cast("Any", data).copy(deep=False)  # what the caller does to the frame later is not our business
        names = cast("list[object]", [*cast("Any", data).columns, *cast("Any", data).index.names])
        others = [name for name in names if isinstance(name, str) and name not in schema]
        unreadable = {name: why_unreadable(data, name) for name in others}
    return Spine(native=data, library=library, scan=scan, schema=schema, unreadable=unreadable)


def collected(spine: Spine) -> tuple[object, pl.DataFrame]:
    """Read the rows, once.

    Returns:
        What :func:`attach` adds columns to, and the columns in Polars, datetimes in microseconds.

    Raises:
        DatasetError: The rows cannot be read.
    """
    import polars as pl

    try:
        frame = spine.scan.collect()
    except (pl.exceptions.PolarsError, OSError) as exc:
        raise DatasetError(f"cannot read {WHAT}", why=str(exc), hint="check the file, or the query") from exc
    if spine.library == "arrow" and library_of(spine.native) == "arrow dataset":
        return cast("Any", spine.native).to_table(), normalised(frame)
    return (frame if spine.library.startswith("polars") else spine.native), normalised(frame)


def attach(native: object, library: OutputLibrary, columns: pl.DataFrame) -> object:
    """The caller's table with columns added to its right; its own columns, index and row order untouched.

    Args:
        native: What :func:`collected` returned.
        library: Of the result.
        columns: As many rows as the table.
    """
    match library:
        case "polars":
            return cast("pl.DataFrame", native).hstack(columns.get_columns())
        case "polars lazy":
            return cast("pl.DataFrame", native).hstack(columns.get_columns()).lazy()
        case "pandas":
            return _attached_to_pandas(cast("Any", native), columns)
        case "arrow":
            table = cast("Any", native)
            arrow = columns.to_arrow(compat_level=_oldest())
            for name in columns.columns:
                table = table.append_column(name, arrow.column(name))
            return table


def kept(native: object, library: OutputLibrary, mask: pl.Series) -> object:
    """The rows of the caller's table where the mask is true."""
    if library.startswith("polars"):
        return cast("pl.DataFrame", native).filter(mask)
    if library == "pandas":
        return cast("Any", native).loc[mask.to_numpy()]
    return cast("Any", native).filter(mask.to_arrow())


def features_for_estimator(columns: pl.DataFrame, library: OutputLibrary, native: object) -> object:
    """Feature columns that an estimator can be fitted on: a Polars frame or, for a pandas table, a pandas frame.

    The pandas frame has the caller's index, and texts as plain objects with ``None`` for missing: an encoder then sees
    the same values as in Polars, and a model fitted on one library predicts the same on the other. One difference
    stays: a null in a *category* is ``None`` in Polars and NaN in pandas, which an encoder (unlike
    ``categorical_features="from_dtype"``) takes for two categories. Fill such nulls in the feature.
    """
    if library != "pandas":
        return columns
    import polars as pl

    frame = cast("Any", _to_pandas(columns, index=cast("Any", native).index))
    for name, dtype in columns.schema.items():
        if isinstance(dtype, pl.String):
            frame[name] = _objects(columns.get_column(name), frame.index)
    return frame


def label_for_estimator(label: pl.Series, library: OutputLibrary, native: object) -> object:
    """A label without nulls: a Polars series or, for a pandas table, a pandas series of a NumPy type."""
    if library != "pandas":
        return label
    import pandas as pd

    return cast("Any", pd).Series(_numpy(label), index=cast("Any", native).index, name=label.name)


def normalised(frame: pl.DataFrame) -> pl.DataFrame:
    """Datetimes in microseconds, zones as they are: the unit is no part of what a column means."""
    return frame.with_columns(_in_microseconds(frame.schema))


def normalised_schema(schema: pl.Schema) -> pl.Schema:
    """The schema of :func:`normalised` frames."""
    import polars as pl

    return normalised(pl.DataFrame(schema=schema)).schema


def _in_microseconds(schema: pl.Schema) -> list[pl.Expr]:
    import polars as pl

    return [
        pl.col(name).cast(pl.Datetime("us", dtype.time_zone))
        for name, dtype in schema.items()
        if isinstance(dtype, pl.Datetime) and dtype.time_unit != "us"
    ]


def _attached_to_pandas(frame: Any, columns: pl.DataFrame) -> object:
    import pandas as pd

    made = _to_pandas(columns, index=frame.index)
    out = cast("Any", pd).concat([frame, made], axis=1)
    out.attrs = dict(frame.attrs)
    return out


def _to_pandas(columns: pl.DataFrame, *, index: object) -> object:
    try:
        import pandas as pd
        import pyarrow as pa
    except ModuleNotFoundError as exc:
        raise extra_not_installed("pandas", needed_for="giving back pandas", missing=str(exc.name)) from exc

    untyped = cast("Any", pd)
    made = {name: _pandas_values(columns.get_column(name), untyped, pa) for name in columns.columns}
    return untyped.DataFrame(made, index=index, copy=False)


def _pandas_values(column: pl.Series, pd: Any, pa: Any) -> object:
    import polars as pl

    dtype = column.dtype
    if isinstance(dtype, (pl.Float32, pl.Float64)):
        return column.to_numpy()
    if isinstance(dtype, (pl.Enum, pl.Categorical)):
        return _pandas_categorical(column, pd)
    if isinstance(dtype, (pl.Datetime, pl.Duration)):
        return column.to_pandas().array
    chunked = pa.chunked_array([cast("Any", column).to_arrow(compat_level=_oldest())])
    if isinstance(dtype, pl.Boolean):
        return pd.BooleanDtype().__from_arrow__(chunked)
    if isinstance(dtype, pl.String):
        return pd.array(column.to_list(), dtype="string")
    if dtype.is_integer() and hasattr(pd, f"{type(dtype).__name__}Dtype"):
        return getattr(pd, f"{type(dtype).__name__}Dtype")().__from_arrow__(chunked)
    return pd.arrays.ArrowExtensionArray(chunked)


def _pandas_categorical(column: pl.Series, pd: Any) -> object:
    import polars as pl

    if isinstance(column.dtype, pl.Enum):
        categories = column.dtype.categories
    else:
        categories = column.drop_nulls().unique().cast(pl.String).sort()  # the same in every process
    codes = column.cast(pl.Enum(categories)).to_physical().cast(pl.Int32).fill_null(-1).to_numpy()
    return pd.Categorical.from_codes(codes, categories=categories.to_list())


def _objects(column: pl.Series, index: object) -> object:
    import pandas as pd

    return cast("Any", pd).Series(column.to_list(), index=index, dtype=object, name=column.name)


def _numpy(label: pl.Series) -> NDArray[np.generic]:
    return label.to_numpy()


def _oldest() -> pl.CompatLevel:
    import polars as pl

    return pl.CompatLevel.oldest()
