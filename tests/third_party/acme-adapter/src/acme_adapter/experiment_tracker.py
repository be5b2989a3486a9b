"""Acme Vault as an experiment tracker."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final, cast
from uuid import uuid4

from mlops_core.naming import check_experiment_name, check_tags, check_text
from mlops_core.ports.experiment_tracker import ExperimentTrackerCapability, MetricPoint, RunFile, RunRecord
from mlops_core.ports.run_query import RunQuery

from acme_adapter._records import to_time
from acme_adapter._run import AcmeRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from acme_vault import Run as VaultRun
    from acme_vault import VaultClient
    from mlops_core.ports.experiment_tracker import ExperimentTracker, MetricCondition, ParameterValue, RunStatus

    from acme_adapter._client import Calls

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_PARAMS: Final[Mapping[str, ParameterValue]] = MappingProxyType({})


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return uuid4().hex


class AcmeExperimentTracker:
    """The runs of a vault. It declares no capability: the vault keeps finite metrics only, and wants rising steps.

    Args:
        calls: The way to the vault.
        clock: The time, aware, for points that are given none.
        new_id: Gives a new id of a run with each call.
    """

    def __init__(
        self, calls: Calls, *, clock: Callable[[], datetime] = _now, new_id: Callable[[], str] = _new_id
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._new_id = new_id

    @property
    def native(self) -> VaultClient:
        """The vendor's own client, for what the port does not offer."""
        return self._calls.client

    @property
    def capabilities(self) -> ExperimentTrackerCapability:
        """See :attr:`ExperimentTracker.capabilities`."""
        return ExperimentTrackerCapability.NONE

    def start_run(self, experiment: str, /, *, name: str = "", tags: Mapping[str, str] = _NO_TAGS) -> AcmeRun:
        """See :meth:`ExperimentTracker.start_run`.

        The id is made up here: so a request whose reply was lost begins the same run when it is made again.
        """
        check_experiment_name(experiment)
        check_text("a run's name", name)
        check_tags(tags)
        run_id = self._new_id()
        self._calls(
            lambda client: client.create_run(run_id, experiment, name=name, tags=tags),
            what=f"cannot begin a run of {experiment!r}",
            operation="start_run",
            subject=experiment,
        )
        return AcmeRun(self._calls, run_id, experiment, clock=self._clock)

    def get_run(self, run_id: str, /) -> RunRecord:
        """See :meth:`ExperimentTracker.get_run`."""
        found = self._calls(
            lambda client: client.get_run(run_id),
            what=f"cannot read the run {run_id!r}",
            operation="get_run",
            subject=run_id,
        )
        return _record(found)

    def runs(
        self,
        experiment: str | None = None,
        /,
        *,
        params: Mapping[str, ParameterValue] = _NO_PARAMS,
        metrics: Iterable[MetricCondition] = (),
        tags: Mapping[str, str] = _NO_TAGS,
    ) -> Iterator[RunRecord]:
        """See :meth:`ExperimentTracker.runs`; one request for ten runs of the experiment, which are looked at here."""
        return self._found(experiment, RunQuery.checked(params=params, metrics=metrics, tags=tags))

    def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
        """See :meth:`ExperimentTracker.metric_history`; one request for ten points."""
        for found in self._calls.pages(
            lambda client, cursor: client.list_points(run_id, key, cursor),
            what=f"cannot read the metric {key!r} of the run {run_id!r}",
            operation="metric_history",
            subject=run_id,
        ):
            yield MetricPoint(key=found.key, value=found.value, step=found.step, time=to_time(found.time))

    def files(self, run_id: str, /) -> Iterator[RunFile]:
        """See :meth:`ExperimentTracker.files`; one request for ten files."""
        for found in self._calls.pages(
            lambda client, cursor: client.list_run_files(run_id, cursor),
            what=f"cannot list the files of the run {run_id!r}",
            operation="files",
            subject=run_id,
        ):
            yield RunFile(path=found.path, size=found.size)

    def open_file(self, run_id: str, path: str, /) -> BinaryIO:
        """See :meth:`ExperimentTracker.open_file`."""
        data = self._calls(
            lambda client: client.read_run_file(run_id, path),
            what=f"cannot read {path!r} of the run {run_id!r}",
            operation="open_file",
            subject=run_id,
        )
        return io.BytesIO(data)

    def _found(self, experiment: str | None, query: RunQuery) -> Iterator[RunRecord]:
        for found in self._calls.pages(
            lambda client, cursor: client.list_runs(experiment, cursor),
            what="cannot list the runs",
            operation="runs",
            subject=experiment or "",
        ):
            record = _record(found)
            if query.matches(record):
                yield record


def _record(found: VaultRun) -> RunRecord:
    return RunRecord(
        id=found.id,
        experiment=found.experiment,
        name=found.name,
        status=cast("RunStatus", found.state),
        started_at=to_time(found.started_at),
        ended_at=None if found.ended_at is None else to_time(found.ended_at),
        params=found.params,
        metrics=found.metrics,
        tags=found.tags,
    )


if TYPE_CHECKING:
    _conforms: type[ExperimentTracker] = AcmeExperimentTracker
