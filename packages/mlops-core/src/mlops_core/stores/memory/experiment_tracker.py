"""The experiment tracker port over a dictionary."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import ArtifactNotFoundError, RunNotFoundError, near_matches
from mlops_core.naming import check_experiment_name, check_tags, check_text
from mlops_core.ports.experiment_tracker import ExperimentTrackerCapability, RunFile
from mlops_core.ports.run_query import RunQuery
from mlops_core.stores.defaults import new_id, now
from mlops_core.stores.memory.run import MemoryRun, StoredRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mlops_core.ports.experiment_tracker import (
        ExperimentTracker,
        MetricCondition,
        MetricPoint,
        ParameterValue,
        RunRecord,
    )

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_PARAMS: Final[Mapping[str, ParameterValue]] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class MemoryTrackerState:
    """Everything that a tracker holds: the runs by id, oldest first, and the lock under which they are changed."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    runs: dict[str, StoredRun] = field(default_factory=dict[str, StoredRun])


class MemoryExperimentTracker:
    """Runs in a dictionary; every capability is declared, every method is one step.

    Args:
        backend: The configured name, for messages.
        clock: The time, aware, for runs and for points that are given none.
        new_id: Gives a new id of a run with each call.
        state: What it holds; several instances may share one, as clients share a server.
    """

    def __init__(
        self,
        *,
        backend: str = "memory",
        clock: Callable[[], datetime] = now,
        new_id: Callable[[], str] = new_id,
        state: MemoryTrackerState | None = None,
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._new_id = new_id
        self._state = state or MemoryTrackerState()

    @property
    def capabilities(self) -> ExperimentTrackerCapability:
        """See :attr:`ExperimentTracker.capabilities`."""
        return ExperimentTrackerCapability.UNORDERED_STEPS | ExperimentTrackerCapability.NON_FINITE_METRICS

    def start_run(self, experiment: str, /, *, name: str = "", tags: Mapping[str, str] = _NO_TAGS) -> MemoryRun:
        """See :meth:`ExperimentTracker.start_run`."""
        check_experiment_name(experiment)
        check_text("a run's name", name)
        check_tags(tags)
        run = StoredRun(
            id=self._new_id(),
            experiment=experiment,
            name=name,
            started_at=self._clock().astimezone(UTC),
            tags=dict(tags),
        )
        with self._state.lock:
            self._state.runs[run.id] = run
        return MemoryRun(run, lock=self._state.lock, clock=self._clock, backend=self._backend)

    def get_run(self, run_id: str, /) -> RunRecord:
        """See :meth:`ExperimentTracker.get_run`."""
        with self._state.lock:
            return self._run(run_id, "get_run").record()

    def runs(
        self,
        experiment: str | None = None,
        /,
        *,
        params: Mapping[str, ParameterValue] = _NO_PARAMS,
        metrics: Iterable[MetricCondition] = (),
        tags: Mapping[str, str] = _NO_TAGS,
    ) -> Iterator[RunRecord]:
        """See :meth:`ExperimentTracker.runs`; as they are at the first step of the iterator. It looks at every run."""
        return self._found(experiment, RunQuery.checked(params=params, metrics=metrics, tags=tags))

    def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
        """See :meth:`ExperimentTracker.metric_history`."""
        with self._state.lock:
            points = list(self._run(run_id, "metric_history").points.get(key, []))
        yield from points

    def files(self, run_id: str, /) -> Iterator[RunFile]:
        """See :meth:`ExperimentTracker.files`."""
        with self._state.lock:
            files = dict(self._run(run_id, "files").files)
        for path in sorted(files, key=str.encode):
            yield RunFile(path=path, size=len(files[path]))

    def open_file(self, run_id: str, path: str, /) -> BinaryIO:
        """See :meth:`ExperimentTracker.open_file`."""
        with self._state.lock:
            files = self._run(run_id, "open_file").files
            if path in files:
                return io.BytesIO(files[path])
            raise ArtifactNotFoundError(
                f"the run has no file {path!r}",
                operation="open_file",
                subject=run_id,
                backend=self._backend,
                why=near_matches(path, files) or "it has no files",
                hint="list what it has with files()",
            )

    def _run(self, run_id: str, operation: str) -> StoredRun:
        if run_id in self._state.runs:
            return self._state.runs[run_id]
        raise RunNotFoundError(
            f"no run {run_id!r}",
            operation=operation,
            subject=run_id,
            backend=self._backend,
            why="it was never started here",
            hint="list what is there with runs()",
        )

    def _found(self, experiment: str | None, query: RunQuery) -> Iterator[RunRecord]:
        with self._state.lock:
            records = [run.record() for run in reversed(self._state.runs.values())]
        yield from (each for each in records if experiment in {None, each.experiment} and query.matches(each))


if TYPE_CHECKING:
    _conforms: type[ExperimentTracker] = MemoryExperimentTracker
