"""The experiment tracker port over an MLflow server: its runs, also those that MLflow alone has made."""

from __future__ import annotations

import heapq
import io
import re
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import ArtifactNotFoundError, InvalidNameError, RunNotFoundError
from mlops_core.naming import check_experiment_name, check_tags, check_text
from mlops_core.ports.experiment_tracker import ExperimentTrackerCapability, MetricPoint, RunFile
from mlops_core.ports.run_query import RunQuery
from mlops_core.ports.run_values import history
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.defaults import new_id

from adapter_mlflow._errors import ServerError, is_missing, telling
from adapter_mlflow._run_client import RunClient
from adapter_mlflow.artifact_names import file_path, stored_name
from adapter_mlflow.experiments import Experiments
from adapter_mlflow.metric_notes import values_of
from adapter_mlflow.run import MlflowRun, RunContext
from adapter_mlflow.run_beginnings import RunBeginnings
from adapter_mlflow.run_documents import milliseconds, name_tags, short_name, this_millisecond, time_of
from adapter_mlflow.run_search import searches_for
from adapter_mlflow.tags import CARRIER, OPERATION_ID
from adapter_mlflow.telling_stream import TellingStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from mlops_core.ports.experiment_tracker import ExperimentTracker, MetricCondition, ParameterValue, RunRecord

    from adapter_mlflow._client import MlflowRestClient
    from adapter_mlflow.pages import Pages
    from adapter_mlflow.run_documents import StoredRun

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_PARAMS: Final[Mapping[str, ParameterValue]] = MappingProxyType({})
_RUN_ID: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,255}")
_METRIC: Final = re.compile(r"[\w./ :-]{1,250}")
_MAX_EXPERIMENT: Final = 500
_BAD_REQUEST: Final = 400
_RUNS_PAGE: Final = 500


class MlflowExperimentTracker:
    """Runs of an MLflow server; both capabilities are declared. It may be used from several threads.

    Args:
        client: Requests to the server.
        backend: The configured name, for messages.
        pages: Where people see runs.
        clock: The time, aware UTC, for starts, ends and points without a time.
        monotonic: Seconds, for how long a run keeps points back.
        new_id: Gives a new random id with each call.
        retries: How often and how fast a run is begun again whose beginning was not answered.
        page: Runs of one request of a search.
    """

    def __init__(
        self,
        client: MlflowRestClient,
        *,
        backend: str,
        pages: Pages,
        clock: Callable[[], datetime] = this_millisecond,
        monotonic: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = new_id,
        retries: Retries | None = None,
        page: int = _RUNS_PAGE,
    ) -> None:
        self._client = client
        self._requests = RunClient(client)
        self._experiments = Experiments(self._requests, backend=backend)
        self._backend = backend
        self._pages = pages
        self._clock = clock
        self._monotonic = monotonic
        self._new_id = new_id
        self._beginnings = RunBeginnings(self._requests, retries=retries or Retries())
        self._page = page

    @property
    def capabilities(self) -> ExperimentTrackerCapability:
        """See :attr:`ExperimentTracker.capabilities`."""
        return ExperimentTrackerCapability.UNORDERED_STEPS | ExperimentTrackerCapability.NON_FINITE_METRICS

    def start_run(self, experiment: str, /, *, name: str = "", tags: Mapping[str, str] = _NO_TAGS) -> MlflowRun:
        """See :meth:`ExperimentTracker.start_run`; one request, and at most two more for an experiment not met before.

        Raises:
            ConflictError: The experiment is in MLflow's trash.
            InvalidNameError: Also for a name of a run of more than 8,000 characters.
        """
        check_experiment_name(experiment)
        check_text("the run's name", name)
        check_tags(tags)
        all_tags = {**tags, **name_tags(name), OPERATION_ID: self._new_id()}
        with self._telling("start_run", experiment):
            experiment_id = self._experiments.id_for_runs(experiment)
            try:
                run = self._beginnings.begin(
                    experiment_id, name=short_name(name), started=milliseconds(self._clock()), tags=all_tags
                )
            except Exception:
                self._experiments.forget(experiment)  # it may be in the trash meanwhile
                raise
        context = RunContext(
            requests=self._requests,
            client=self._client,
            backend=self._backend,
            telling=self._telling,
            clock=self._clock,
            monotonic=self._monotonic,
        )
        return MlflowRun(run, experiment, context=context)

    def get_run(self, run_id: str, /) -> RunRecord:
        """See :meth:`ExperimentTracker.get_run`; one request, and one more for an experiment not met before."""
        with self._telling("get_run", run_id):
            return self._record(self._run(run_id, "get_run"))

    def runs(
        self,
        experiment: str | None = None,
        /,
        *,
        params: Mapping[str, ParameterValue] = _NO_PARAMS,
        metrics: Iterable[MetricCondition] = (),
        tags: Mapping[str, str] = _NO_TAGS,
    ) -> Iterator[RunRecord]:
        """See :meth:`ExperimentTracker.runs`; one request for the experiment, and one for every 500 runs.

        What MLflow's own search can say exactly, it looks for; with conditions on metrics in one request more. Runs
        that only hold the files of registered models are left out.
        """
        return self._found(experiment, RunQuery.checked(params=params, metrics=metrics, tags=tags))

    def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
        """See :meth:`ExperimentTracker.metric_history`; one request for the run, and one for every 25,000 points."""
        with self._telling("metric_history", run_id):
            tags = self._run(run_id, "metric_history").tags
            stored = list(self._requests.history(run_id, key)) if _METRIC.fullmatch(key) else []
        yield from history(
            MetricPoint(key=key, value=value, step=each.step, time=time_of(each.milliseconds))
            for each in stored
            for value in values_of(each, tags)
        )

    def files(self, run_id: str, /) -> Iterator[RunFile]:
        """See :meth:`ExperimentTracker.files`; one request for the run, and one for each folder.

        Packages that were registered from the run are among its files.
        """
        with self._telling("files", run_id):
            root = self._run(run_id, "files").artifact_root
            found = sorted(self._listed(root, ""), key=lambda each: each.path.encode(errors="surrogatepass"))
        yield from found

    def open_file(self, run_id: str, path: str, /) -> BinaryIO:
        """See :meth:`ExperimentTracker.open_file`; two requests."""
        subject = f"{run_id}: {path:.200}"
        with self._telling("open_file", subject):
            root = self._run(run_id, "open_file").artifact_root
            for name in _names(path):
                try:
                    stream = self._client.get_artifact(root, name)
                except ServerError as exc:
                    # Of a folder MLflow says that it is a bad request.
                    if not is_missing(exc) and exc.status != _BAD_REQUEST:
                        raise
                else:
                    return io.BufferedReader(TellingStream(stream, lambda: self._telling("open_file", subject)))
        raise ArtifactNotFoundError(
            f"the run has no file {path!r:.80}",
            operation="open_file",
            subject=subject,
            backend=self._backend,
            why="none was logged under this path",
            hint="list them with files()",
        )

    def _found(self, experiment: str | None, query: RunQuery) -> Iterator[RunRecord]:
        with self._telling("runs", experiment or ""):
            ids = self._ids(experiment)
            seen: set[str] = set()
            searches = (
                [self._requests.search(ids, each, page=self._page) for each in searches_for(query)] if ids else []
            )
            for run in _newest_first(searches):
                # Runs that began meanwhile may have moved it to the next page; and files of models are no experiment.
                if run.id in seen or CARRIER in run.tags:
                    continue
                seen.add(run.id)
                record = self._record(run)
                if query.matches(record):
                    yield record

    def _ids(self, experiment: str | None) -> Sequence[str]:
        if experiment is None:
            return [each.id for each in self._experiments.all()]
        found = self._experiments.find(experiment) if _could_be_stored(experiment) else None
        return [found.id] if found is not None and not found.deleted else []

    def _listed(self, root: str, folder: str) -> Iterator[RunFile]:
        for entry in self._client.list_artifacts(root, folder):
            if entry.is_folder:
                yield from self._listed(root, entry.path)
            else:
                yield RunFile(path=file_path(entry.path), size=entry.size)

    def _record(self, run: StoredRun) -> RunRecord:
        experiment = self._experiments.name_of(run.experiment_id)
        url = self._pages.run(run.experiment_id, run.id)
        return run.record(experiment=experiment, url=url)

    def _run(self, run_id: str, operation: str) -> StoredRun:
        why = "none was started there under this id"
        cause: Exception | None = None
        if _RUN_ID.fullmatch(run_id):
            try:
                run = self._requests.run(run_id)
            except Exception as exc:
                if not is_missing(exc):
                    raise
                cause = exc
            else:
                if not run.deleted:
                    return run
                why = f"it is in MLflow's trash: mlflow runs restore --run-id {run_id}"
        raise RunNotFoundError(
            f"no run {run_id!r:.80}",
            operation=operation,
            subject=run_id,
            backend=self._backend,
            why=why,
            hint="list the runs with runs()",
        ) from cause

    def _telling(self, operation: str, subject: str) -> AbstractContextManager[None]:
        return telling(operation, subject=subject, backend=self._backend)


def _newest_first(searches: Sequence[Iterator[StoredRun]]) -> Iterator[StoredRun]:
    return heapq.merge(*searches, key=lambda run: -milliseconds(run.started_at))


def _could_be_stored(text: str) -> bool:
    """Whether MLflow could hold a name; asked for another one, it may answer that something is wrong with itself."""
    return 0 < len(text) <= _MAX_EXPERIMENT and "\0" not in text and text.isprintable()


def _names(path: str) -> Iterable[str]:
    """Where the file of a path may be: as we store it, and as others may have."""
    if "\0" in path or any(part in {"", ".", ".."} for part in path.split("/")):
        return ()
    try:
        return dict.fromkeys([stored_name(path), path])
    except (InvalidNameError, UnicodeEncodeError):
        return ()


if TYPE_CHECKING:
    _conforms: type[ExperimentTracker] = MlflowExperimentTracker
