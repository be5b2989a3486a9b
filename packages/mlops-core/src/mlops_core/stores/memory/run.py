"""A run of the memory tracker: what is stored of it, and the handle that writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlops_core.errors import ConflictError
from mlops_core.naming import check_tags
from mlops_core.ports.experiment_tracker import RunRecord
from mlops_core.ports.run_values import (
    FilePaths,
    check_run_status,
    history,
    metric_points,
    parameter_texts,
    run_files,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from mlops_core.ports.experiment_tracker import MetricPoint, ParameterValue, Run, RunStatus


@dataclass(slots=True, kw_only=True)
class StoredRun:
    """Everything that is known of a run; the points of each metric are in order, files are bytes by path."""

    id: str
    experiment: str
    name: str
    started_at: datetime
    status: RunStatus = "running"
    ended_at: datetime | None = None
    params: dict[str, str] = field(default_factory=dict[str, str])
    points: dict[str, list[MetricPoint]] = field(default_factory=dict[str, "list[MetricPoint]"])
    tags: dict[str, str] = field(default_factory=dict[str, str])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def record(self) -> RunRecord:
        """What the port says of it, in mappings of its own."""
        return RunRecord(
            id=self.id,
            experiment=self.experiment,
            name=self.name,
            status=self.status,
            started_at=self.started_at,
            ended_at=self.ended_at,
            params=dict(self.params),
            metrics={key: points[-1].value for key, points in self.points.items()},
            tags=dict(self.tags),
        )

    def merge_tags(self, tags: Mapping[str, str | None]) -> None:
        """Set the given tags and remove those given as ``None``."""
        merged = {**self.tags, **tags}
        self.tags = {key: value for key, value in merged.items() if value is not None}


class MemoryRun:
    """A run that is being written; nothing is kept back, so every read sees what was given at once.

    Args:
        stored: What it writes.
        lock: The lock under which that is read and changed.
        clock: The time, aware.
        backend: The configured name, for messages.
    """

    def __init__(self, stored: StoredRun, *, lock: threading.Lock, clock: Callable[[], datetime], backend: str) -> None:
        self._stored = stored
        self._lock = lock
        self._clock = clock
        self._backend = backend
        self._paths = FilePaths()

    @property
    def id(self) -> str:
        """See :attr:`Run.id`."""
        return self._stored.id

    @property
    def experiment(self) -> str:
        """See :attr:`Run.experiment`."""
        return self._stored.experiment

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        """See :meth:`Run.log_params`."""
        texts = parameter_texts(params)
        with self._lock:
            self._check_running("log_params")
            for key, text in texts.items():
                before = self._stored.params.get(key, text)
                if before != text:
                    what = f"the parameter {key!r} was logged already"
                    why = f"it is {before!r:.60}, and was to be {text!r:.60}; a parameter is written once"
                    raise self._conflict("log_params", what, why, "log what changes as a metric or a tag")
            self._stored.params.update(texts)

    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        """See :meth:`Run.log_metrics`."""
        points = metric_points(metrics, step=step, time=time, now=self._clock())
        new: dict[str, list[MetricPoint]] = {}
        for point in points:
            new.setdefault(point.key, []).append(point)
        with self._lock:
            self._check_running("log_metrics")
            for key, more in new.items():
                self._stored.points[key] = history([*self._stored.points.get(key, []), *more])

    def set_tags(self, tags: Mapping[str, str | None], /) -> None:
        """See :meth:`Run.set_tags`."""
        check_tags(tags, removing=True)
        with self._lock:
            self._stored.merge_tags(tags)

    def log_files(self, files: Mapping[str, bytes | Path], /) -> None:
        """See :meth:`Run.log_files`."""
        contents = {
            path: content.read_bytes() if isinstance(content, Path) else content
            for path, content in run_files(files).items()
        }
        with self._lock:
            self._check_running("log_files")
            self._paths.add(contents)
            self._stored.files.update(contents)

    def flush(self) -> None:
        """See :meth:`Run.flush`; there is nothing to do."""

    def finish(self, status: Literal["finished", "failed"] = "finished", /) -> None:
        """See :meth:`Run.finish`."""
        check_run_status(status)
        with self._lock:
            if self._stored.status == "running":
                self._stored.status = status
                # A clock that was set back must not make a run end before it began.
                self._stored.ended_at = max(self._clock().astimezone(UTC), self._stored.started_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish("finished" if kind is None else "failed")

    def _check_running(self, operation: str) -> None:
        if self._stored.status != "running":
            why = f"it is {self._stored.status}, and an ended run takes tags only"
            raise self._conflict(operation, "the run has ended", why, "start another run")

    def _conflict(self, operation: str, what: str, why: str, hint: str) -> ConflictError:
        return ConflictError(
            what, operation=operation, subject=self._stored.id, backend=self._backend, why=why, hint=hint
        )


if TYPE_CHECKING:
    _conforms: type[Run] = MemoryRun
