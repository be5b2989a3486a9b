"""Tables of any library, or a path, read as a Polars LazyFrame."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from mlops_core.errors import MlopsError, extra_not_installed

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl
    from polars._typing import PolarsDataType

Library: TypeAlias = Literal["path", "polars", "polars lazy", "pandas", "arrow", "arrow dataset"]


def library_of(data: object) -> Library | None:
    """Which library a table belongs to; ``None`` if it is no table. Imports none of them."""
    if isinstance(data, (str, Path)):
        return "path"
    for module, attribute, library in _TABLE_CLASSES:
        kind = getattr(sys.modules.get(module), attribute, None)
        if isinstance(kind, type) and isinstance(data, kind):
            return library
    return None


# A table can only exist where its library has been imported, so asking sys.modules is enough.
_TABLE_CLASSES: tuple[tuple[str, str, Library], ...] = (
    ("polars", "DataFrame", "polars"),
    ("polars", "LazyFrame", "polars lazy"),
    ("pandas", "DataFrame", "pandas"),
    ("pyarrow", "Table", "arrow"),
    ("pyarrow.dataset", "Dataset", "arrow dataset"),
)


def scan_table(data: object, *, what: str, error: type[MlopsError]) -> pl.LazyFrame:
    """Read a table lazily.

    A pandas column that Polars cannot hold (mixed objects, for example) is left out; :func:`why_unreadable` says why.
    Missing values of pandas, NaN included, become null. CSV columns that look like dates or times are parsed as such,
    and those that look like numbers stay text if one would lose characters, such as the leading zeros of ``00501``.

    Args:
        data: A path ending in ``.parquet`` or ``.csv`` (or a folder of Parquet files), a Polars, pandas or Arrow table,
            or an Arrow dataset.
        what: What the table is, such as ``"source 'weather'"``, for errors.
        error: The class of error to raise.

    Raises:
        MlopsError: Of the class ``error``: not a table, no such file, or not readable.
    """
    try:
        import polars as pl
    except ModuleNotFoundError as exc:
        raise extra_not_installed("features", needed_for=f"reading {what}", missing="polars") from exc

    untyped = cast("Any", pl)  # its readers of Arrow are typed by Arrow, which has no types
    library = library_of(data)
    try:
        match library:
            case "path":
                return _scan_path(Path(cast("str | Path", data)), what=what, error=error)
            case "polars":
                return cast("pl.DataFrame", data).lazy()
            case "polars lazy":
                return cast("pl.LazyFrame", data)
            case "pandas":
                return pl.DataFrame(list(_pandas_columns(data).values())).lazy()
            case "arrow":
                return cast("pl.DataFrame", untyped.from_arrow(data)).lazy()
            case "arrow dataset":
                return cast("pl.LazyFrame", untyped.scan_pyarrow_dataset(data))
            case None:
                raise error(
                    f"{what} is not a table",
                    why=f"it is a {type(data).__module__}.{type(data).__qualname__}",
                    hint="give a path, or a pandas, Polars or Arrow table",
                )
    except pl.exceptions.PolarsError as exc:
        raise error(f"cannot read {what}", why=str(exc)) from exc


def read_schema(table: pl.LazyFrame, *, what: str, error: type[MlopsError]) -> pl.Schema:
    """The names and dtypes of a table's columns, without reading its rows.

    Raises:
        MlopsError: Of the class ``error``: the table cannot be read.
    """
    import polars as pl

    try:
        return table.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as exc:
        raise error(
            f"cannot read {what}", why=str(exc), hint="check the file, or the query that makes the table"
        ) from exc


def why_unreadable(data: object, column: str) -> str:
    """Why :func:`scan_table` left out a column that the table has; ``""`` if the table has no such column."""
    if library_of(data) != "pandas":
        return ""
    frame = cast("Any", data)
    if column not in frame.columns:
        return "it is in the index: use reset_index()" if column in frame.index.names else ""
    if sum(each == column for each in frame.columns) > 1:
        return "several columns have this name"
    try:
        _pandas_column(frame[column], column)
    except Exception as exc:  # noqa: BLE001 - a sentence about whatever it was
        return f"Polars cannot hold it: {exc}"
    return ""


def _scan_path(path: Path, *, what: str, error: type[MlopsError]) -> pl.LazyFrame:
    import polars as pl

    if not path.exists():
        raise error(f"cannot read {what}", where=str(path), why="no such file", hint=f"relative to {Path.cwd()}")
    if path.suffix == ".parquet" or path.is_dir():
        return pl.scan_parquet(path, glob=path.is_dir())
    if path.suffix == ".csv":
        # Types are inferred from all rows: a guess from the first hundred would fail late or differ between files.
        table = pl.scan_csv(path, try_parse_dates=True, infer_schema_length=None, glob=False)
        texts: dict[str, PolarsDataType] = dict.fromkeys(_codes_of_digits(path, table.collect_schema()), pl.String())
        return pl.scan_csv(path, try_parse_dates=True, infer_schema_length=None, glob=False, schema_overrides=texts)
    raise error(
        f"cannot read {what}",
        where=str(path),
        why=f"the suffix {path.suffix!r} is not known",
        hint="give a .parquet or .csv file, a folder of Parquet files, or a table",
    )


def _codes_of_digits(path: Path, schema: pl.Schema) -> list[str]:
    """Columns that would lose characters as numbers, such as ``00501``: they are codes, and two could become one."""
    import polars as pl

    numbers = [name for name, dtype in schema.items() if dtype.is_numeric()]
    if not numbers:
        return []
    texts = pl.scan_csv(path, infer_schema=False, glob=False).select(numbers)
    lost = pl.all().str.contains(r"^\s*[+-]?0[0-9]").any()
    # A float holds 15 digits: a longer code would be rounded.
    floats = [name for name in numbers if schema[name].is_float()]
    rounded = pl.col(floats).str.contains(r"^\s*[+-]?[0-9]{16,}\s*$").any().name.suffix(" rounded")
    found = texts.select(lost, *([rounded] if floats else [])).collect(engine="streaming").row(0, named=True)
    return [name for name in numbers if found[name] or found.get(f"{name} rounded")]


def _pandas_columns(frame: Any) -> dict[str, pl.Series]:
    """The columns that have a text of their own as name and that Polars can hold."""
    names = list(cast("Iterable[object]", frame.columns))
    columns: dict[str, pl.Series] = {}
    for position, name in enumerate(names):
        if isinstance(name, str) and names.count(name) == 1:
            try:
                columns[name] = _pandas_column(frame.iloc[:, position], name)
            except ModuleNotFoundError as exc:
                raise extra_not_installed("pandas", needed_for="reading pandas", missing=str(exc.name)) from exc
            except Exception:  # noqa: BLE001, S112 - such a column may never be needed; why_unreadable() explains it
                continue
    return columns


def _pandas_column(column: Any, name: str) -> pl.Series:
    import polars as pl

    zone = getattr(column.dtype, "tz", None)
    if zone is not None and zone.utcoffset(None) is not None:  # a fixed offset: Polars knows zones by name only
        column = column.dt.tz_convert("UTC")
    return cast("pl.Series", pl.from_pandas(column)).alias(name)
