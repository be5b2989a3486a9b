"""What MLflow's tables of metrics cannot tell, noted in tags of the run; a run of ordinary points has no note.

An infinity is stored as the largest double of its sign: who logs the largest double itself notes that it is finite. And
NaN counts as 0 where MLflow decides which of several points of one step and time is the last one: who logs NaN beside
numbers of at most 0 notes the number that counts.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LARGEST: Final = sys.float_info.max
"""The largest double, as which MLflow stores infinity."""
HAS_LAST_VALUES: Final = "mlops.last"
"""The tag of a run in which the last value of some metric was noted: MLflow's own search by that metric misses it."""
_FINITE: Final = "finite"
_BOTH: Final = "finite and infinite"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPoint:
    """A point as MLflow stores it.

    Attributes:
        key: The metric's name.
        value: NaN, or a finite number.
        step: The step.
        milliseconds: The time since 1970.
    """

    key: str
    value: float
    step: int
    milliseconds: int


class MetricNotes:
    """The notes of a run that is being written.

    It remembers the points at which an infinity or the largest double was logged, and one point for each metric.
    """

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._last: dict[str, _Last] = {}

    def for_points(self, points: Iterable[StoredPoint]) -> dict[str, str]:
        """The tags that have to be there before these points are, with infinities as they were given."""
        tags: dict[str, str] = {}
        for point in points:
            tags |= self._finite(point)
            tags |= self._counting(point)
        return tags

    def _finite(self, point: StoredPoint) -> dict[str, str]:
        if not abs(point.value) >= LARGEST:
            return {}
        tag = _finite_tag(point)
        kind = "infinite" if math.isinf(point.value) else _FINITE
        before = self._kinds.get(tag, kind)
        self._kinds[tag] = kind if kind == before else _BOTH
        return {tag: self._kinds[tag]} if self._kinds[tag] != "infinite" else {}

    def _counting(self, point: StoredPoint) -> dict[str, str]:
        last = self._last.get(point.key)
        place = (point.step, point.milliseconds)
        if last is None or place > last.place:
            last = self._last[point.key] = _Last(place)
        elif place < last.place:
            return {}
        if math.isnan(point.value):
            last.nan = True
        elif last.number is None or point.value > last.number:
            last.number = point.value
        if not last.nan or last.number is None or last.number > 0:
            return {}
        return {HAS_LAST_VALUES: "yes", _last_tag(point.key): f"{_place(point)} {last.number!r}"}


@dataclass(slots=True)
class _Last:
    place: tuple[int, int]
    nan: bool = False
    number: float | None = None


def values_of(point: StoredPoint, tags: Mapping[str, str]) -> list[float]:
    """The values that a stored point stands for: one, or the largest double and the infinity beyond it.

    Args:
        point: A point of a run's history.
        tags: All tags of the run.
    """
    if not abs(point.value) >= LARGEST:
        return [point.value]
    infinity = math.copysign(math.inf, point.value)
    return {_FINITE: [point.value], _BOTH: [point.value, infinity]}.get(tags.get(_finite_tag(point), ""), [infinity])


def last_value(point: StoredPoint, tags: Mapping[str, str]) -> float:
    """The last value of a metric.

    Args:
        point: What MLflow takes for the last point.
        tags: All tags of the run.
    """
    values = values_of(point, tags)
    # A note that somebody has changed begins otherwise, or does not end in a number: then it says nothing.
    begin, _, number = tags.get(_last_tag(point.key), "").rpartition(" ")
    if begin == _place(point):
        with suppress(ValueError):
            values.append(float(number))
    return max((each for each in values if not math.isnan(each)), default=math.nan)


def _place(point: StoredPoint) -> str:
    return json.dumps([point.key, point.step, point.milliseconds])


def _finite_tag(point: StoredPoint) -> str:
    place = [point.key, point.step, point.milliseconds, point.value < 0]
    return f"mlops.finite.{_digest(json.dumps(place))}"


def _last_tag(key: str) -> str:
    return f"{HAS_LAST_VALUES}.{_digest(key)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
