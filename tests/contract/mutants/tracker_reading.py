"""Mutants of the experiment tracker: how runs are started, read and found."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, BinaryIO

from mlops_core.errors import ArtifactNotFoundError, NotFoundError, RunNotFoundError, UnsupportedOperationError
from mlops_core.ports.experiment_tracker import ExperimentTrackerCapability, MetricPoint, RunFile

from .registry_base import SECRET
from .tracker_base import RunMutant, TrackerMutant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from mlops_core.ports.experiment_tracker import RunRecord
    from mlops_core.stores.memory.experiment_tracker import MemoryTrackerState
    from mlops_core.stores.memory.run import MemoryRun


class LastValueIsTheLastLogged(TrackerMutant):
    """The last value of a metric is that of its latest time."""

    def answered(self, record: RunRecord) -> RunRecord:
        points = self.state.runs[record.id].points
        return replace(
            record, metrics={key: max(each, key=lambda point: point.time).value for key, each in points.items()}
        )


class LastValueIsTheBest(TrackerMutant):
    """The last value of a metric is its greatest."""

    def answered(self, record: RunRecord) -> RunRecord:
        points = self.state.runs[record.id].points
        return replace(record, metrics={key: max(point.value for point in each) for key, each in points.items()})


class StartedAtHasNoZone(TrackerMutant):
    """``started_at`` is naive."""

    def answered(self, record: RunRecord) -> RunRecord:
        return replace(record, started_at=record.started_at.replace(tzinfo=None))


class EndedAtIsInALocalZone(TrackerMutant):
    """``ended_at`` is aware, and not in UTC."""

    def answered(self, record: RunRecord) -> RunRecord:
        ended = record.ended_at
        return replace(record, ended_at=None if ended is None else ended.astimezone(timezone(timedelta(hours=2))))


class RunningRunHasEnded(TrackerMutant):
    """A run that goes on has a time of its end."""

    def answered(self, record: RunRecord) -> RunRecord:
        return replace(record, ended_at=record.ended_at or record.started_at)


class RunEndsBeforeItBegan(TrackerMutant):
    """The end is measured by another clock than the beginning."""

    def answered(self, record: RunRecord) -> RunRecord:
        return replace(record, ended_at=None if record.ended_at is None else record.ended_at - timedelta(hours=1))


class RunningRunIsFinished(TrackerMutant):
    """A run that goes on is said to be finished."""

    def answered(self, record: RunRecord) -> RunRecord:
        return replace(record, status="finished" if record.status == "running" else record.status)


class NameOfTheRunIsLost(TrackerMutant):
    """A run is called by a name of the vendor's."""

    def answered(self, record: RunRecord) -> RunRecord:
        return replace(record, name="brave-otter-7")


class FirstTagsAreLost(TrackerMutant):
    """Tags that are given at the start are not kept."""

    def start_run(self, experiment: str, /, *, name: str = "", tags: Mapping[str, str] = {}) -> MemoryRun:
        run = super().start_run(experiment, name=name, tags=tags)
        self.state.runs[run.id].tags.clear()
        return run


class ExperimentIsLowered(TrackerMutant):
    """An experiment's name is made lower case instead of being refused."""

    def start_run(self, experiment: str, /, *, name: str = "", tags: Mapping[str, str] = {}) -> MemoryRun:
        return super().start_run(experiment.lower(), name=name, tags=tags)


class MissingRunHasNoHistory(TrackerMutant):
    """The history of a run that is not there is empty."""

    def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
        return super().metric_history(run_id, key) if run_id in self.state.runs else iter(())


class MissingRunIsTheVendorsError(TrackerMutant):
    """A run that is not there is a ``KeyError``."""

    def get_run(self, run_id: str, /) -> RunRecord:
        try:
            return super().get_run(run_id)
        except RunNotFoundError as exc:
            raise KeyError(run_id) from exc


class MissingFileIsNoRun(TrackerMutant):
    """A file that is not there is told as a run that is not there."""

    def open_file(self, run_id: str, path: str, /) -> BinaryIO:
        try:
            return super().open_file(run_id, path)
        except ArtifactNotFoundError as exc:
            raise RunNotFoundError(exc.what, operation="open_file", why=exc.why, hint=exc.hint) from exc


class MissingRunFileIsEmpty(TrackerMutant):
    """A file that is not there is given as an empty one."""

    def open_file(self, run_id: str, path: str, /) -> BinaryIO:
        try:
            return super().open_file(run_id, path)
        except ArtifactNotFoundError:
            return io.BytesIO()


class UnknownMetricFails(TrackerMutant):
    """The history of a metric that was never logged is an error."""

    def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
        points = list(super().metric_history(run_id, key))
        if not points:
            raise NotFoundError(f"no metric {key!r}", operation="metric_history", subject=run_id)
        return iter(points)


class HistoryIsSampled(TrackerMutant):
    """A long history is thinned out for drawing."""

    def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
        points = list(super().metric_history(run_id, key))
        return iter(points if len(points) <= 500 else points[:: len(points) // 500])


class FilesInAnyOrder(TrackerMutant):
    """Files are listed as they were stored."""

    def files(self, run_id: str, /) -> Iterator[RunFile]:
        listed = {each.path: each for each in super().files(run_id)}
        return (listed[path] for path in reversed(list(listed)))


class FilesWithoutASize(TrackerMutant):
    """The size of a file is not known."""

    def files(self, run_id: str, /) -> Iterator[RunFile]:
        return (replace(each, size=0) for each in super().files(run_id))


class RunIsRemembered(TrackerMutant):
    """A run that was read once is not read again."""

    def __init__(self, state: MemoryTrackerState, handle: type[RunMutant] = RunMutant) -> None:
        super().__init__(state, handle)
        self._read: dict[str, RunRecord] = {}

    def get_run(self, run_id: str, /) -> RunRecord:
        return self._read.setdefault(run_id, super().get_run(run_id))


class UndeclaredStepsHalfWork(TrackerMutant):
    """Steps in any order are not declared, and are taken."""

    @property
    def capabilities(self) -> ExperimentTrackerCapability:
        return ExperimentTrackerCapability.NON_FINITE_METRICS


class UndeclaredNonFiniteHalfWork(TrackerMutant):
    """Values that are not finite are not declared, and are taken."""

    @property
    def capabilities(self) -> ExperimentTrackerCapability:
        return ExperimentTrackerCapability.UNORDERED_STEPS


class _RefusesUnorderedSteps(RunMutant):
    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        highest = max((point.step for points in self.stored.points.values() for point in points), default=0)
        super().log_metrics(metrics, step=step, time=time)
        if step < highest:
            raise UnsupportedOperationError("a step is too low", operation="log_metrics", why="order", hint="order")


class DeclaredStepsAreRefused(TrackerMutant):
    """Steps in any order are declared and refused."""

    def __init__(self, state: MemoryTrackerState) -> None:
        super().__init__(state, _RefusesUnorderedSteps)


class UndeclaredStepsAreRefusedAfterwards(TrackerMutant):
    """Steps below an earlier one are refused when they have been written."""

    def __init__(self, state: MemoryTrackerState) -> None:
        super().__init__(state, _RefusesUnorderedSteps)

    @property
    def capabilities(self) -> ExperimentTrackerCapability:
        return ExperimentTrackerCapability.NON_FINITE_METRICS


class TrackersShareTheirRuns(TrackerMutant):
    """The place that was opened last is everybody's."""

    current: list[MemoryTrackerState] = []  # noqa: RUF012 (this is the bug)

    def __init__(self, state: MemoryTrackerState) -> None:
        super().__init__(state)
        self.current[:] = [state]

    def get_run(self, run_id: str, /) -> RunRecord:
        return TrackerMutant(self.current[0]).get_run(run_id)


class TrackerSecretInAnError(TrackerMutant):
    """The vendor's words, with the key in them, are passed on."""

    def get_run(self, run_id: str, /) -> RunRecord:
        try:
            return super().get_run(run_id)
        except RunNotFoundError as exc:
            raise RunNotFoundError(exc.what, operation="get_run", subject=run_id, why=f"key={SECRET}") from None


class TrackerMethodIsAProperty(TrackerMutant):
    """The runs have not to be called."""

    @property
    def files(self) -> Iterator[RunFile]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return iter(())


class TrackerDefaultIsAnother(TrackerMutant):
    """Runs of one experiment are found by default."""

    def start_run(self, experiment: str = "default", /, *, name: str = "", tags: Mapping[str, str] = {}) -> MemoryRun:
        return super().start_run(experiment, name=name, tags=tags)
