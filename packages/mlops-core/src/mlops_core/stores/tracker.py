"""The experiment tracker port over any artifact store with conditional writes.

:mod:`mlops_core.stores.tracker_layout` draws the keys, :mod:`mlops_core.stores.tracker_run` says what is stored when,
:mod:`mlops_core.stores.tracker_points` why no point is doubled or lost.
"""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    ConfigurationError,
    IntegrityError,
    InvalidNameError,
    RunNotFoundError,
)
from mlops_core.naming import check_experiment_name, check_tags, check_text
from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.ports.experiment_tracker import ExperimentTrackerCapability, RunFile
from mlops_core.ports.run_query import RunQuery
from mlops_core.stores.conditional_writes import Documents, Retries
from mlops_core.stores.defaults import new_id, now
from mlops_core.stores.sealed_documents import NewerFormatError
from mlops_core.stores.store_errors import telling_store_errors
from mlops_core.stores.tracker_collection import COLLECT_GARBAGE, collect_runs
from mlops_core.stores.tracker_documents import RunDocument
from mlops_core.stores.tracker_layout import (
    EXPERIMENTS,
    RunKeys,
    age_order,
    experiment_prefix,
    index_key,
    run_of_index,
)
from mlops_core.stores.tracker_points import RunPoints
from mlops_core.stores.tracker_run import StoreRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.ports.experiment_tracker import (
        MetricCondition,
        MetricPoint,
        ParameterValue,
        RunRecord,
    )
    from mlops_core.stores.collection import Collected

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_PARAMS: Final[Mapping[str, ParameterValue]] = MappingProxyType({})


class StoreExperimentTracker:
    """Runs in an artifact store. Only a run that is being written keeps something back, see :class:`StoreRun`.

    Both capabilities are declared. Searching has no index but that of experiments: ``runs`` lists the experiment's runs
    (one request per page of the store's listing) and reads one small document for each run when it is reached, whatever
    the conditions. The history of one metric reads every segment of a run that is going on, and of one that has ended
    only those that hold the metric.

    Args:
        store: A store that declares ``CONDITIONAL_PUT`` and does not retry by itself.
        backend: The configured name, for messages.
        clock: The time, aware UTC, for starts, ends and points without a time.
        monotonic: Seconds, for how long a run keeps points back.
        new_id: Gives a new random id with each call, of letters, digits and dashes.
        retries: How often and how fast to try again.

    Raises:
        ConfigurationError: The store has no conditional writes.
    """

    def __init__(
        self,
        store: ArtifactStore,
        *,
        backend: str,
        clock: Callable[[], datetime] = now,
        monotonic: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = new_id,
        retries: Retries | None = None,
    ) -> None:
        if ArtifactStoreCapability.CONDITIONAL_PUT not in store.capabilities:
            raise ConfigurationError(
                "the store cannot hold a tracker",
                where=f"backend {backend!r}",
                why="it has no conditional writes, so a lost answer could not be told from a rival's write",
                hint="use a store that declares CONDITIONAL_PUT, such as the adapter 'local'",
            )
        self._backend = backend
        self._documents = Documents(store, retries=retries or Retries())
        self._clock = clock
        self._monotonic = monotonic
        self._new_id = new_id

    @property
    def capabilities(self) -> ExperimentTrackerCapability:
        """See :attr:`ExperimentTracker.capabilities`."""
        return ExperimentTrackerCapability.UNORDERED_STEPS | ExperimentTrackerCapability.NON_FINITE_METRICS

    def start_run(self, experiment: str, /, *, name: str = "", tags: Mapping[str, str] = _NO_TAGS) -> StoreRun:
        """See :meth:`ExperimentTracker.start_run`; two writes: the run, then the entry by which it is listed."""
        check_experiment_name(experiment)
        check_text("the run's name", name)
        check_tags(tags)
        document = RunDocument(
            id=self._new_id(),
            experiment=experiment,
            name=name,
            status="running",
            started_at=self._clock(),
            nonce=self._new_id(),
            tags=dict(tags),
        )
        keys = RunKeys(document.id)
        entry = index_key(experiment, document.id, document.started_at)
        data = document.to_bytes()
        with self._telling("start_run", experiment):
            etag = self._documents.create(keys.document, data)
            if etag is not None:
                self._documents.create(entry, document.id.encode())
        if etag is None:
            raise AlreadyExistsError(
                "the run was not started",
                operation="start_run",
                subject=experiment,
                backend=self._backend,
                why=f"there is a run {document.id} already: ids are not unique",
                hint="give the tracker a new_id that never repeats itself",
            )
        return StoreRun(
            document,
            etag,
            keys=keys,
            documents=self._documents,
            backend=self._backend,
            clock=self._clock,
            monotonic=self._monotonic,
            new_id=self._new_id,
        )

    def get_run(self, run_id: str, /) -> RunRecord:
        """See :meth:`ExperimentTracker.get_run`; one request."""
        with self._telling("get_run", run_id):
            return self._document(run_id, "get_run").record

    def runs(
        self,
        experiment: str | None = None,
        /,
        *,
        params: Mapping[str, ParameterValue] = _NO_PARAMS,
        metrics: Iterable[MetricCondition] = (),
        tags: Mapping[str, str] = _NO_TAGS,
    ) -> Iterator[RunRecord]:
        """See :meth:`ExperimentTracker.runs`; one listing, one request for each run that is reached.

        Raises:
            IntegrityError: The documents of some runs cannot be read: after all others have been given, so that one
                damaged document hides nothing but its own run.
        """
        return self._found(experiment, RunQuery.checked(params=params, metrics=metrics, tags=tags))

    def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
        """See :meth:`ExperimentTracker.metric_history`; one request, and one for each segment that may hold the key."""
        keys = RunKeys.of(run_id)
        if keys is None:
            raise self._no_run(run_id, "metric_history")
        points = RunPoints(self._documents, keys, backend=self._backend)
        with self._telling("metric_history", run_id):
            found = points.history(key, lambda: self._document(run_id, "metric_history"))
        yield from found

    def files(self, run_id: str, /) -> Iterator[RunFile]:
        """See :meth:`ExperimentTracker.files`; one request, and a listing."""
        with self._telling("files", run_id):
            keys = self._keys(run_id, "files")
            listed = self._documents.listing(keys.files)
        for info in listed:
            yield RunFile(path=info.key.removeprefix(keys.files), size=info.size)

    def open_file(self, run_id: str, path: str, /) -> BinaryIO:
        """See :meth:`ExperimentTracker.open_file`; two requests."""
        try:
            with self._telling("open_file", f"{run_id}: {path}"):
                keys = self._keys(run_id, "open_file")
                return self._documents.trying(lambda: self._documents.store.open(keys.files + path))
        except (ArtifactNotFoundError, InvalidNameError) as exc:
            raise ArtifactNotFoundError(
                f"the run has no file {path!r:.80}",
                operation="open_file",
                subject=f"{run_id}: {path}",
                backend=self._backend,
                why="none was logged under this path",
                hint="list them with files()",
            ) from exc

    def collect_garbage(self, *, dry_run: bool = False) -> Collected:
        """Remove what killed ends of runs have left; see :mod:`mlops_core.stores.tracker_collection`.

        It may run at any time, beside any other call and beside itself.

        Args:
            dry_run: Remove nothing, and say what would be removed.
        """
        with self._telling(COLLECT_GARBAGE, ""):
            return collect_runs(self._documents, self._find, dry_run=dry_run)

    def _found(self, experiment: str | None, query: RunQuery) -> Iterator[RunRecord]:
        unreadable: dict[str, IntegrityError] = {}
        with self._telling("runs", experiment or ""):
            for entry in self._newest_first(experiment):
                try:
                    document = self._find(run_of_index(entry))
                except IntegrityError as exc:
                    unreadable[entry] = exc
                    continue
                # None: an entry that somebody else has put there, or a run that somebody else has removed.
                if document is not None and query.matches(document.record):
                    yield document.record
        if unreadable:
            raise _unreadable(unreadable) from next(iter(unreadable.values()))

    def _newest_first(self, experiment: str | None) -> list[str]:
        """The keys by which runs are listed."""
        prefix = EXPERIMENTS
        if experiment is not None:
            try:
                check_experiment_name(experiment)
            except InvalidNameError:
                return []  # nobody could start a run of it here
            prefix = experiment_prefix(experiment)
        return sorted((info.key for info in self._documents.listing(prefix)), key=age_order)

    def _keys(self, run_id: str, operation: str) -> RunKeys:
        """The keys of a run that is there."""
        keys = RunKeys.of(run_id)
        if keys is None or not self._documents.exists(keys.document):
            raise self._no_run(run_id, operation)
        return keys

    def _document(self, run_id: str, operation: str) -> RunDocument:
        found = self._find(run_id)
        if found is None:
            raise self._no_run(run_id, operation)
        return found

    def _find(self, run_id: str) -> RunDocument | None:
        keys = RunKeys.of(run_id)
        found = None if keys is None else self._documents.read(keys.document)
        if found is None:
            return None
        return RunDocument.from_bytes(found.data, where=f"backend {self._backend!r}, {found.info.key}", run_id=run_id)

    def _telling(self, operation: str, subject: str) -> AbstractContextManager[None]:
        return telling_store_errors(operation, subject=subject, backend=self._backend)

    def _no_run(self, run_id: str, operation: str) -> RunNotFoundError:
        return RunNotFoundError(
            f"no run {run_id!r:.80}",
            operation=operation,
            subject=run_id,
            backend=self._backend,
            why="none was started here under this id",
            hint="list the runs with runs()",
        )


def _unreadable(found: Mapping[str, IntegrityError]) -> IntegrityError:
    """One error for the runs of a search that could not be read, by the keys that list them."""
    runs = ", ".join(run_of_index(entry) for entry in found)
    first = next(iter(found.values()))
    if all(isinstance(each, NewerFormatError) for each in found.values()):
        hint = first.hint
    else:
        keys = " and ".join(map(repr, found))
        hint = f"restore them from a copy, or take them off the list: session.artifact_store.delete() of {keys}"
    what = f"{len(found)} of the runs cannot be read: {runs}; all others were given before this error"
    return IntegrityError(what, where=first.where, why=f"{first.what}: {first.why}", hint=hint)
