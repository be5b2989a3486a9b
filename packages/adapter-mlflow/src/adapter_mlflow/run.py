"""A run that is being written to an MLflow server."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self

from mlops_core.errors import BackendError, ConflictError, InvalidNameError, MlopsError
from mlops_core.naming import check_tags
from mlops_core.ports.run_values import FilePaths, check_run_status, metric_points, parameter_texts, run_files

from adapter_mlflow._errors import is_missing, refuses_other_value
from adapter_mlflow._run_client import MAX_POINTS
from adapter_mlflow.artifact_names import stored_name
from adapter_mlflow.metric_notes import MetricNotes, StoredPoint
from adapter_mlflow.run_documents import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from mlops_core.ports.experiment_tracker import MetricPoint, ParameterValue, Run

    from adapter_mlflow._client import MlflowRestClient
    from adapter_mlflow._run_client import RunClient
    from adapter_mlflow.run_documents import StoredRun

BUFFERED_SECONDS: Final = 5.0
"""A call that finds points kept back for this long writes them. There is no thread that would do it between calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What a run needs of the tracker that started it.

    Attributes:
        requests: Requests about runs.
        client: Requests for files.
        backend: The configured name, for messages.
        telling: Tells errors of a call, given its name and its subject.
        clock: The time, aware UTC.
        monotonic: Seconds, for how long points were kept back.
    """

    requests: RunClient
    client: MlflowRestClient
    backend: str
    telling: Callable[[str, str], AbstractContextManager[None]]
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]


class MlflowRun:
    """A run that is being written; made by :meth:`MlflowExperimentTracker.start_run`.

    Parameters, tags and files are stored when their call returns. Metric points are kept back until there are 1,000, or
    until a call finds that the oldest has waited for 5 seconds; ``flush`` and ``finish`` write the rest. If such a
    write fails in ``log_metrics``, the points that the call has taken stay taken: the next call tries again first, and
    raises without taking anything if that fails too. So a call that raised may be made again.

    A run belongs to the process that started it: in a forked child every call raises ``ConflictError``, and leaving the
    ``with`` there does nothing. Its calls from several threads come one after the other.

    Args:
        run: The run as it was made.
        experiment: The name of its experiment.
        context: What it needs of the tracker.
    """

    def __init__(self, run: StoredRun, experiment: str, *, context: RunContext) -> None:
        self._run = run
        self._experiment = experiment
        self._context = context
        self._requests = context.requests
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._status: str = run.status
        self._params: dict[str, str] = {}
        self._paths = FilePaths()
        self._notes = MetricNotes()
        self._buffer: list[StoredPoint] = []
        self._waiting_since = 0.0

    @property
    def id(self) -> str:
        """See :attr:`Run.id`."""
        return self._run.id

    @property
    def experiment(self) -> str:
        """See :attr:`Run.experiment`."""
        return self._experiment

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        """See :meth:`Run.log_params`; one request for every 100 that are new."""
        texts = parameter_texts(params)
        with self._calling("log_params"):
            self._check_running("log_params")
            self._write_if_due()
            for key, text in texts.items():
                before = self._params.get(key, text)
                if before != text:
                    raise self._other_value(f"the parameter {key!r}", f"it is {before!r:.60}, not {text!r:.60}")
            new = {key: text for key, text in texts.items() if key not in self._params}
            try:
                self._requests.log_params(self.id, new)
            except Exception as exc:
                if not refuses_other_value(exc):
                    raise
                raise self._other_value("a parameter", f"somebody else has written it: {exc}") from exc
            self._params |= new

    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        """See :meth:`Run.log_metrics`.

        Raises:
            InvalidNameError: Also for a time before 1970, which MLflow does not keep.
        """
        points = [_stored(each) for each in metric_points(metrics, step=step, time=time, now=self._context.clock())]
        with self._calling("log_metrics"):
            self._check_running("log_metrics")
            self._write_if_due()
            if not self._buffer:
                self._waiting_since = self._context.monotonic()
            self._buffer += points
        # What the call has taken stays taken: raising now would make the caller give it again.
        with suppress(BackendError), self._calling("log_metrics"):
            self._write_if_due()

    def set_tags(self, tags: Mapping[str, str | None], /) -> None:
        """See :meth:`Run.set_tags`; one request for every 100 that are set, and one for each that is removed."""
        check_tags(tags, removing=True)
        with self._calling("set_tags"):
            self._write_if_due()
            self._requests.set_tags(self.id, {key: value for key, value in tags.items() if value is not None})
            for key in [key for key, value in tags.items() if value is None]:
                try:
                    self._requests.delete_tag(self.id, key)
                except Exception as exc:
                    if not is_missing(exc):
                        raise

    def log_files(self, files: Mapping[str, bytes | Path], /) -> None:
        """See :meth:`Run.log_files`; one request for each file.

        Raises:
            InvalidNameError: Also for a part of a path that is too long once ``%``, ``#``, ``?`` and ``;`` are coded.
        """
        checked = run_files(files)
        names = {path: stored_name(path) for path in checked}
        with self._calling("log_files"):
            self._check_running("log_files")
            self._paths.add(checked)
            self._write_if_due()
            for path, content in checked.items():
                self._context.client.put_artifact(self._run.artifact_root, names[path], content)

    def flush(self) -> None:
        """See :meth:`Run.flush`; one request for every 1,000 points that were kept back."""
        with self._calling("flush"):
            self._write_points()

    def finish(self, status: Literal["finished", "failed"] = "finished", /) -> None:
        """See :meth:`Run.finish`; called again after an error, it goes on where it was."""
        check_run_status(status)
        with self._calling("finish"):
            if self._status != "running":
                return
            self._write_points()
            ended = max(self._context.clock(), self._run.started_at)
            self._requests.end_run(self.id, status=status.upper(), ended=milliseconds(ended))
            self._status = status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if os.getpid() != self._process:
            return
        if error is None:
            self.finish()
            return
        try:
            self.finish("failed")
        except MlopsError as exc:
            # What went wrong inside the with says more than that its end could not be stored.
            error.add_note(f"and the run {self.id} could not be ended: {exc.what}")

    def __repr__(self) -> str:
        return f"<{self._status} run {self.id} of {self._experiment!r}, backend {self._context.backend!r}>"

    @contextmanager
    def _calling(self, operation: str) -> Generator[None]:
        """One call at a time, by the process that started the run; what the server says is told of this call."""
        # Before the lock: in a forked child it may be held by a thread that does not exist there.
        if os.getpid() != self._process:
            raise self._conflict(operation, "it belongs to the process that started it", "start a run in the child")
        with self._lock, self._context.telling(operation, self.id):
            yield

    def _write_if_due(self) -> None:
        """Write the points that were kept back for long enough."""
        waited = self._context.monotonic() - self._waiting_since
        if len(self._buffer) >= MAX_POINTS or (self._buffer and waited >= BUFFERED_SECONDS):
            self._write_points()

    def _write_points(self) -> None:
        while self._buffer:
            batch = self._buffer[:MAX_POINTS]
            # First what the points mean: a reader who sees them sees the notes too.
            self._requests.set_tags(self.id, self._notes.for_points(batch))
            self._requests.log_points(self.id, batch)
            del self._buffer[: len(batch)]

    def _check_running(self, operation: str) -> None:
        if self._status != "running":
            raise self._conflict(operation, f"it has {self._status}", "only tags can be set after the end")

    def _conflict(self, operation: str, why: str, hint: str) -> ConflictError:
        return ConflictError(
            f"the run {self.id} takes no {operation} here",
            operation=operation,
            subject=self.id,
            backend=self._context.backend,
            why=why,
            hint=hint,
        )

    def _other_value(self, what: str, why: str) -> ConflictError:
        return ConflictError(
            f"{what} has another value already",
            operation="log_params",
            subject=self.id,
            backend=self._context.backend,
            why=why,
            hint="a parameter is written once; log what changes as a metric or a tag",
        )


def _stored(point: MetricPoint) -> StoredPoint:
    since = milliseconds(point.time)
    if since < 0:
        why = f"its time is {point.time}, and MLflow keeps none before 1970"
        raise InvalidNameError(f"the metric {point.key!r} cannot be stored", why=why, hint="check the clock")
    return StoredPoint(key=point.key, value=point.value, step=point.step, milliseconds=since)


if TYPE_CHECKING:
    _conforms: type[Run] = MlflowRun
