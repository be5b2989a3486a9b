"""What goes over the wire. Times are milliseconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request: an operation's name, its arguments, and who asks."""

    operation: str
    arguments: Mapping[str, object]
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Ten things of a listing at most, and where the next page begins; ``None`` on the last."""

    items: list[Item]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model."""

    name: str
    aliases: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of a model; the first has the number 0. ``notes``, ``checksum`` and ``external_id`` are the client's."""

    model: str
    number: int
    created_at: int
    aliases: list[str]
    tags: dict[str, str]
    notes: str
    checksum: str
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run; ``metrics`` holds the last value of each: of its highest step, latest time, greatest value."""

    id: str
    experiment: str
    name: str
    state: str
    started_at: int
    ended_at: int | None
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A finite value of a metric."""

    key: str
    step: int
    time: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of a run."""

    path: str
    size: int
