"""A digest of a table's values: equal for equal values, whatever the library, the chunks, the process and the machine.

SHA-256 over, for each column in order: its name, its neutral type, the number of rows, one byte per value (1 present,
0 null), and the values in little-endian binary form with nulls as zeros. NaN has one form, and 0.0 and -0.0 are equal.
Texts and categories are their UTF-8 bytes after their lengths, dates and times their integers, lists their lengths and
then their flattened values, structs their fields in order.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mlops_core.dtypes import dtype_name
from mlops_core.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl


def content_digest(frame: pl.DataFrame) -> str:
    """The digest of a table's values, as 64 hexadecimal characters.

    Raises:
        DatasetError: A column holds Python objects.
    """
    digest = hashlib.sha256()
    for column in frame.get_columns():
        header = f"{column.name}\0{dtype_name(column.dtype)}\0{column.len()}\0"
        digest.update(header.encode())
        for part in _parts(column):
            digest.update(part)
    return digest.hexdigest()


def _parts(column: pl.Series) -> Iterator[bytes]:
    import polars as pl

    yield column.is_not_null().cast(pl.UInt8).to_numpy().tobytes()
    dtype = column.dtype
    if isinstance(dtype, pl.Struct):
        for each in column.struct.unnest().get_columns():
            yield from _parts(each)
    elif isinstance(dtype, (pl.List, pl.Array)):
        lists = column if isinstance(dtype, pl.List) else column.arr.to_list()
        yield _little_endian(lists.list.len().fill_null(0), "<u8")
        yield from _parts(lists.drop_nulls().explode(empty_as_null=False))
    elif isinstance(dtype, (pl.String, pl.Categorical, pl.Enum, pl.Binary)):
        texts = column if isinstance(dtype, pl.Binary) else column.cast(pl.String).cast(pl.Binary)
        yield _little_endian(texts.bin.size().fill_null(0), "<u8")
        yield b"".join(texts.drop_nulls().to_list())
    elif isinstance(dtype, (pl.Float32, pl.Float64)):
        yield _floats(column)
    elif isinstance(dtype, pl.Object):
        raise DatasetError(
            f"the column {column.name!r} holds Python objects", why="they have no digest", hint="cast it"
        )
    elif isinstance(dtype, pl.Decimal):
        yield "\0".join(map(str, column.to_list())).encode()
    elif isinstance(dtype, pl.Null):
        return
    else:
        yield _whole_numbers(column)


def _whole_numbers(column: pl.Series) -> bytes:
    import polars as pl

    numbers = column.to_physical()
    form = pl.UInt64 if numbers.dtype == pl.UInt64 else pl.Int64
    if numbers.dtype in (pl.Int128(), pl.UInt128()):
        return "\0".join(map(str, numbers.to_list())).encode()
    return _little_endian(numbers.cast(form).fill_null(0), "<u8" if form is pl.UInt64 else "<i8")


def _floats(column: pl.Series) -> bytes:
    import numpy as np

    values = column.fill_null(0.0).to_numpy().astype("<f8")
    values[np.isnan(values)] = np.nan
    return (values + 0.0).tobytes()  # minus zero plus zero is zero


def _little_endian(numbers: pl.Series, form: str) -> bytes:
    return numbers.to_numpy().astype(form, copy=False).tobytes()
