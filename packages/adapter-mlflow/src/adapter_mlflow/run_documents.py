"""What MLflow says of a run, and what the port says of it."""

from __future__ import annotations

import getpass
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mlops_core.errors import InvalidNameError
from mlops_core.json_values import as_mapping, as_mappings, as_text
from mlops_core.ports.experiment_tracker import RunRecord
from mlops_core.stores.defaults import now

from adapter_mlflow.metric_notes import StoredPoint, last_value
from adapter_mlflow.tags import pairs, users_own

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_core.json_values import JsonValue
    from mlops_core.ports.experiment_tracker import RunStatus

_NAME: Final = "mlops.name"
_USER: Final = "mlflow.user"
_MAX_NAME: Final = 250
_MAX_TAG: Final = 8_000
_STATUS: Final[Mapping[str, RunStatus]] = {
    "RUNNING": "running",
    "SCHEDULED": "running",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "failed",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run as MLflow stores it.

    Attributes:
        id: Its id.
        experiment_id: The id of its experiment.
        name: Its name, cut where it was too long for MLflow.
        status: In the port's words.
        started_at: Aware UTC.
        ended_at: Aware UTC; ``None`` while it is running.
        params: Parameters.
        last_points: What MLflow takes for the last point of each metric.
        tags: All tags, MLflow's own and ours among them.
        artifact_root: The address below which its files are.
        deleted: Whether it is in MLflow's trash.
    """

    id: str
    experiment_id: str
    name: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime | None
    params: Mapping[str, str]
    last_points: Sequence[StoredPoint]
    tags: Mapping[str, str]
    artifact_root: str
    deleted: bool

    def record(self, *, experiment: str, url: str) -> RunRecord:
        """What the port says of it.

        Args:
            experiment: The name of its experiment.
            url: Its page.
        """
        whole_name = self.tags.get(_NAME, "")
        return RunRecord(
            id=self.id,
            experiment=experiment,
            # Somebody may have given it another name since, in MLflow's pages.
            name=whole_name if whole_name.startswith(self.name) else self.name,
            status=self.status,
            started_at=self.started_at,
            ended_at=self.ended_at,
            params=self.params,
            metrics={point.key: last_value(point, self.tags) for point in self.last_points},
            tags=users_own(self.tags),
            url=url,
        )


def run_from_json(value: JsonValue) -> StoredRun:
    """Read a run of an answer.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    run = as_mapping(value)
    info, data = as_mapping(run["info"]), as_mapping(run.get("data", {}))
    status = _STATUS[as_text(info.get("status", "RUNNING"))]
    ended = info.get("end_time")
    return StoredRun(
        id=as_text(info["run_id"]),
        experiment_id=as_text(info["experiment_id"]),
        name=as_text(info.get("run_name", "")),
        status=status,
        started_at=time_of(info.get("start_time", 0)),
        ended_at=None if ended is None or status == "running" else time_of(ended),
        params=pairs(data.get("params", [])),
        last_points=[point_from_json(each) for each in as_mappings(data.get("metrics", []))],
        tags=pairs(data.get("tags", [])),
        artifact_root=as_text(info.get("artifact_uri", "")),
        deleted=info.get("lifecycle_stage") == "deleted",
    )


def point_from_json(value: Mapping[str, JsonValue]) -> StoredPoint:
    """Read a point of an answer; ``"NaN"`` is text there.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    return StoredPoint(
        key=as_text(value["key"]),
        value=float(str(value["value"])),
        step=int(str(value.get("step", 0))),
        milliseconds=int(str(value.get("timestamp", 0))),
    )


def point_to_json(point: StoredPoint) -> dict[str, JsonValue]:
    """A point of a request. What is not finite has to be text: of a bare ``NaN`` MLflow 3.17 makes a zero at step 0."""
    value: JsonValue = point.value
    if not math.isfinite(point.value):
        value = "NaN" if math.isnan(point.value) else "Infinity" if point.value > 0 else "-Infinity"
    return {"key": point.key, "value": value, "step": point.step, "timestamp": point.milliseconds}


def name_tags(name: str) -> dict[str, str]:
    """The tag that holds the name of a run, if it is too long for MLflow's column.

    Raises:
        InvalidNameError: It is too long for a tag too.
    """
    if len(name) > _MAX_TAG:
        why = f"it has {len(name):,} characters, and MLflow keeps at most {_MAX_TAG:,}"
        raise InvalidNameError("the run's name cannot be stored", why=why, hint="log it as a file: run.log_files")
    return {_NAME: name} if len(name) > _MAX_NAME else {}


def user_tags() -> dict[str, str]:
    """The tag by which MLflow's pages say who has made a run: the user of this process, as MLflow's own SDK has it."""
    try:
        return {_USER: getpass.getuser()}
    except (ImportError, KeyError, OSError):  # a container's user may have no name
        return {}


def short_name(name: str) -> str:
    """The name of a run as MLflow's column can hold it."""
    return name[:_MAX_NAME]


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def time_of(value: JsonValue) -> datetime:
    """The moment of milliseconds since 1970; of what is out of range, which others may have stored, the nearest."""
    try:
        return _EPOCH + int(str(value)) * _MILLISECOND
    except OverflowError:
        return _LAST if int(str(value)) > 0 else _FIRST


def this_millisecond() -> datetime:
    """Now, as exactly as MLflow keeps it."""
    return time_of(milliseconds(now()))
