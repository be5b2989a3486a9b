"""A run's small document as a value: parameters, tags, the last value of each metric, and how its points are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast, get_args

from mlops_core.json_values import as_integer, as_mapping, as_sequence, as_text
from mlops_core.ports.experiment_tracker import MetricPoint, RunRecord, RunStatus
from mlops_core.ports.run_values import history_order
from mlops_core.stores.sealed_documents import opening, seal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops_core.json_values import JsonValue

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDocument:
    """All that is small of a run. It grows with the number of parameters, tags and metrics, not with the points.

    Attributes:
        id: The run's id.
        experiment: Its experiment.
        name: What a person called it.
        status: As in :class:`~mlops_core.ports.experiment_tracker.RunRecord`.
        started_at: Aware UTC.
        nonce: Fresh with every write, because an etag may be the content's hash.
        ended_at: Aware UTC; ``None`` while it is running.
        params: Parameters as text.
        tags: Tags.
        last: The last point of each metric, by name.
        segments: How many live segments count.
        compacted: Whether their points are in sorted segments, and the live ones are to be read no more.
    """

    id: str
    experiment: str
    name: str
    status: RunStatus
    started_at: datetime
    nonce: str
    ended_at: datetime | None = None
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    last: Mapping[str, MetricPoint] = field(default_factory=dict[str, MetricPoint])
    segments: int = 0
    compacted: bool = False

    @property
    def record(self) -> RunRecord:
        """What the port says of it."""
        return RunRecord(
            id=self.id,
            experiment=self.experiment,
            name=self.name,
            status=self.status,
            started_at=self.started_at,
            ended_at=self.ended_at,
            params=self.params,
            metrics={key: point.value for key, point in self.last.items()},
            tags=self.tags,
        )

    def to_bytes(self) -> bytes:
        """The document.

        Raises:
            InvalidNameError: A text is not Unicode.
        """
        return seal(
            {
                "id": self.id,
                "experiment": self.experiment,
                "name": self.name,
                "status": self.status,
                "started_at": self.started_at.isoformat(),
                "ended_at": self.ended_at and self.ended_at.isoformat(),
                "nonce": self.nonce,
                "params": self.params,
                "tags": self.tags,
                "last": {key: _point_to_json(point) for key, point in self.last.items()},
                "segments": self.segments,
                "compacted": self.compacted,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, where: str, run_id: str) -> RunDocument:
        """Read the document of a run.

        Raises:
            IntegrityError: The bytes are damaged, of another run, or of a newer format.
        """
        with opening(data, where=where, names={"id": run_id}, what="the document of a run") as content:
            ended_at = content["ended_at"]
            return cls(
                id=run_id,
                experiment=as_text(content["experiment"]),
                name=as_text(content["name"]),
                status=_status(as_text(content["status"])),
                started_at=datetime.fromisoformat(as_text(content["started_at"])),
                ended_at=None if ended_at is None else datetime.fromisoformat(as_text(ended_at)),
                nonce=as_text(content["nonce"]),
                params={key: as_text(each) for key, each in as_mapping(content["params"]).items()},
                tags={key: as_text(each) for key, each in as_mapping(content["tags"]).items()},
                last={key: _point_from_json(key, each) for key, each in as_mapping(content["last"]).items()},
                segments=as_integer(content["segments"]),
                compacted=content["compacted"] is True,
            )


def with_last(last: Mapping[str, MetricPoint], points: Iterable[MetricPoint]) -> dict[str, MetricPoint]:
    """The last point of each metric, once more points have come."""
    merged = dict(last)
    for point in points:
        before = merged.get(point.key)
        if before is None or history_order(before) < history_order(point):
            merged[point.key] = point
    return merged


def milliseconds(time: datetime) -> int:
    """A time as milliseconds since 1970."""
    return (time - _EPOCH) // _MILLISECOND


def time_of(millisecond: int) -> datetime:
    """The time of milliseconds since 1970."""
    return _EPOCH + millisecond * _MILLISECOND


def number_to_json(value: float) -> float | str:
    """A double as JSON: as text what JSON has no number for, negative zero among it."""
    return value if math.isfinite(value) and (value or math.copysign(1, value) > 0) else repr(value)


def number_from_json(value: JsonValue) -> float:
    """The double; a large one without a fraction is spelled like an integer."""
    return float(value if isinstance(value, (float, str)) else as_integer(value))


def _point_to_json(point: MetricPoint) -> JsonValue:
    return [point.step, milliseconds(point.time), number_to_json(point.value)]


def _point_from_json(key: str, value: JsonValue) -> MetricPoint:
    step, millisecond, number = as_sequence(value)
    return MetricPoint(
        key=key, step=as_integer(step), time=time_of(as_integer(millisecond)), value=number_from_json(number)
    )


def _status(text: str) -> RunStatus:
    if text not in get_args(RunStatus):
        raise ValueError(f"a run's status is {text!r}")
    return cast("RunStatus", text)
