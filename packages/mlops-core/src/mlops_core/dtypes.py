"""Neutral names of types: what a signature stores, and what any library's columns are compared by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeAlias, cast

if TYPE_CHECKING:
    import polars as pl

_RENAMED: Final = {"boolean": "bool"}

Categories: TypeAlias = "list[str]"


def dtype_name(dtype: pl.DataType) -> str:
    """The neutral name of a Polars type.

    ``int64``, ``float64``, ``string``, ``bool``, ``date``, ``time``, ``duration[us]``, ``datetime[us, UTC]`` (an
    instant), ``datetime[us]`` (naive), ``categorical``, ``enum["a", "b"]``, ``decimal[10, 2]``, ``list[int64]``,
    ``struct[a: int64]``, ``binary``, ``null``.
    """
    import polars as pl

    match dtype:
        case pl.Datetime():
            return f"datetime[{dtype.time_unit}{', ' + dtype.time_zone if dtype.time_zone else ''}]"
        case pl.Duration():
            return f"duration[{dtype.time_unit}]"
        case pl.Enum():
            return f"enum{json.dumps(cast('Categories', dtype.categories.to_list()), ensure_ascii=False)}"
        case pl.Decimal():
            return f"decimal[{dtype.precision}, {dtype.scale}]"
        case pl.List():
            return f"list[{dtype_name(_inner(dtype))}]"
        case pl.Array():
            return f"array[{dtype_name(_inner(dtype))}, {dtype.size}]"
        case pl.Struct():
            parts = (f"{each.name}: {dtype_name(cast('pl.DataType', each.dtype))}" for each in dtype.fields)
            return f"struct[{', '.join(parts)}]"
        case _:
            name = type(dtype).__name__.lower()
            return _RENAMED.get(name, name)


def shortened(name: str) -> str:
    """A type's name for an error: a long list of categories is cut."""
    longest = 60
    return name if len(name) <= longest else f"{name[:longest]}..."


def _inner(dtype: pl.List | pl.Array) -> pl.DataType:
    return cast("pl.DataType", dtype.inner)
