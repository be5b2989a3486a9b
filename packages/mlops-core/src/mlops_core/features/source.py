"""Sources: tables that features look things up in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_core.errors import FeatureError
from mlops_core.features.durations import duration_text, parse_duration
from mlops_core.features.tables import library_of, read_schema, scan_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    import polars as pl

    from mlops_core.json_values import JsonValue


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Source:
    """A table with the rows of many entities, and perhaps of many times.

    Two sources are equal when they have the same name and rules and read the same path or the same table object.

    Args:
        name: Named in rules, errors and signatures.
        data: A ``.parquet`` or ``.csv`` path, or a Polars, pandas or Arrow table or dataset. A path is read when it is
            needed, relative to the working directory of that moment.
        entity: The column, or columns, that say which entity a row is about; named alike in the table that asks.
        on: Instead of ``entity``, where names differ: source column -> column of the table that asks.
        event_time: The column that says when a row happened; without it the source is a static lookup.
        created_time: The column that says when a row was recorded.
        max_age: How old a row may be, boundary included, such as ``"6h"``; ``None`` for any age.

    Raises:
        FeatureError: The arguments contradict each other.
    """

    name: str
    data: object
    keys: tuple[tuple[str, str], ...]
    """Pairs of (source column, column of the table that asks)."""
    event_time: str | None
    created_time: str | None
    max_age: timedelta | None

    def __init__(
        self,
        name: str,
        data: object,
        *,
        entity: str | Sequence[str] | None = None,
        on: Mapping[str, str] | None = None,
        event_time: str | None = None,
        created_time: str | None = None,
        max_age: str | timedelta | None = None,
    ) -> None:
        keys = _keys(name, entity, on)
        values: dict[str, object] = {
            "name": name,
            "data": data,
            "keys": keys,
            "event_time": event_time,
            "created_time": created_time,
            "max_age": None if max_age is None else parse_duration(max_age, what=f"the max age of source {name!r}"),
        }
        _check(name, data, keys, event_time=event_time, created_time=created_time, max_age=max_age)
        for field, value in values.items():
            object.__setattr__(self, field, value)

    def scan(self) -> pl.LazyFrame:
        """The table, to be read lazily.

        Raises:
            FeatureError: The data cannot be read.
        """
        return scan_table(self.data, what=f"source {self.name!r}", error=FeatureError)

    def schema(self) -> pl.Schema:
        """Names and dtypes of the columns.

        Raises:
            FeatureError: The data cannot be read.
        """
        return read_schema(self.scan(), what=f"source {self.name!r}", error=FeatureError)

    @property
    def contract(self) -> Mapping[str, JsonValue]:
        """What decides which rows a feature sees, without the data: part of the feature's fingerprint."""
        return {
            "name": self.name,
            "keys": [list(pair) for pair in self.keys],
            "event_time": self.event_time,
            "created_time": self.created_time,
            "max_age": None if self.max_age is None else duration_text(self.max_age),
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Source):
            return NotImplemented
        return self._rules() == other._rules() and (
            self.data is other.data
            or (library_of(self.data) == library_of(other.data) == "path" and str(self.data) == str(other.data))
        )

    def __hash__(self) -> int:
        return hash(self._rules())

    def _rules(self) -> tuple[object, ...]:
        return (self.name, self.keys, self.event_time, self.created_time, self.max_age)

    def __repr__(self) -> str:
        data = str(self.data) if isinstance(self.data, (str, Path)) else type(self.data).__name__
        given = {key: value for key, value in self.contract.items() if value and key != "name"}
        return f"Source({self.name!r}, {data!r}{''.join(f', {key}={value!r}' for key, value in given.items())})"


def _keys(name: str, entity: str | Sequence[str] | None, on: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    if entity is not None and on is not None:
        raise FeatureError(
            f"source {name!r} has both entity and on",
            why="entity names columns that are called alike on both sides, on those that are not",
            hint="write all of them in on={source column: column of the table that asks}",
        )
    if on is not None:
        return tuple(on.items())
    entities = (entity,) if isinstance(entity, str) else tuple(entity or ())
    return tuple((each, each) for each in entities)


def _check(
    name: str,
    data: object,
    keys: tuple[tuple[str, str], ...],
    *,
    event_time: str | None,
    created_time: str | None,
    max_age: str | timedelta | None,
) -> None:
    why, hint = "", ""
    if not name:
        why, hint = "it has no name", "for example: Source('weather', 'weather.parquet', ...)"
    elif library_of(data) is None:
        why, hint = f"its data is a {type(data).__qualname__}", "give a path, or a pandas, Polars or Arrow table"
    elif len({source for source, _ in keys}) < len(keys):
        why, hint = "a key is named twice", "name each column once"
    elif event_time is None and not keys:
        why, hint = "it has neither an entity nor an event time, so nothing says which row is meant", "give one of them"
    elif event_time is None and (max_age is not None or created_time is not None):
        why, hint = (
            "max_age and created_time are about times, and it has no event time",
            "give event_time, or drop them",
        )
    if why:
        raise FeatureError(f"source {name!r} cannot be used", why=why, hint=hint)
