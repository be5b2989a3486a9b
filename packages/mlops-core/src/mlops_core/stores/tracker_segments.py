"""Metric points as documents: segments, which hold columns per key, and the index of a run's sorted ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_core.json_values import as_mapping, as_sequence, as_text
from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.ports.run_values import history
from mlops_core.stores.sealed_documents import opening, seal_json
from mlops_core.stores.tracker_documents import milliseconds, number_from_json, number_to_json, time_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlops_core.json_values import JsonValue


def segment_to_bytes(points: Iterable[MetricPoint], *, key: str) -> bytes:
    """The document of some points of a run.

    Args:
        points: The points, in any order.
        key: The object's key, so that one copied under another is recognised.
    """
    columns: dict[str, tuple[list[int], list[int], list[float | str]]] = {}
    for point in points:
        steps, times, values = columns.setdefault(point.key, ([], [], []))
        steps.append(point.step)
        times.append(milliseconds(point.time))
        values.append(number_to_json(point.value))
    return _seal({"key": key, "points": columns})


def segment_from_bytes(data: bytes, *, key: str, where: str, metric: str | None = None) -> list[MetricPoint]:
    """The points of a segment.

    Args:
        data: The stored bytes.
        key: The object's key.
        where: Where it is, for messages.
        metric: Only the points of this metric.

    Raises:
        IntegrityError: The bytes are damaged, of another object, or of a newer format.
    """
    with opening(data, where=where, names={"key": key}, what="a segment of metric points") as content:
        columns = as_mapping(content["points"])
        wanted = columns if metric is None else [metric] if metric in columns else []
        return [point for name in wanted for point in _points(name, columns[name])]


def _points(name: str, columns: JsonValue) -> Iterator[MetricPoint]:
    steps, times, values = (as_sequence(each) for each in as_sequence(columns))
    for step, time, value in zip(steps, times, values, strict=True):
        if not (isinstance(step, int) and isinstance(time, int)):
            raise TypeError(f"integers expected, not {step!r} and {time!r}")
        yield MetricPoint(key=name, step=step, time=time_of(time), value=number_from_json(value))


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """Which metrics each sorted segment holds: the first and the last of their names, by the segment's number."""

    ranges: tuple[tuple[str, str], ...]

    def holding(self, metric: str) -> list[int]:
        """The numbers of the segments that may hold points of a metric."""
        return [number for number, (first, last) in enumerate(self.ranges) if first <= metric <= last]

    def to_bytes(self, *, key: str) -> bytes:
        """The document."""
        return _seal({"key": key, "ranges": self.ranges})

    @classmethod
    def from_bytes(cls, data: bytes, *, key: str, where: str) -> SegmentIndex:
        """Read the document.

        Raises:
            IntegrityError: The bytes are damaged, of another object, or of a newer format.
        """
        with opening(data, where=where, names={"key": key}, what="the index of a run's points") as content:
            pairs = [as_sequence(each) for each in as_sequence(content["ranges"])]
            return cls(tuple((as_text(first), as_text(last)) for first, last in pairs))


def in_segments(points: Iterable[MetricPoint], *, at_most: int) -> Iterator[Sequence[MetricPoint]]:
    """The points by name of their metric, each a history, cut into segments of a bounded number of points."""
    by_name: dict[str, list[MetricPoint]] = {}
    for point in points:
        by_name.setdefault(point.key, []).append(point)
    ordered = [point for name in sorted(by_name) for point in history(by_name[name])]
    for start in range(0, len(ordered), at_most):
        yield ordered[start : start + at_most]


def _seal(content: Mapping[str, object]) -> bytes:
    # Not canonical JSON: nobody compares digests of points, and its pure Python is ten times slower.
    return seal_json(json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
