"""A run that is being written. Nothing is kept back: each call is stored when it returns."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Literal

from mlops_core.errors import ConflictError, MlopsError, UnsupportedOperationError
from mlops_core.naming import check_tags
from mlops_core.ports.run_values import FilePaths, check_run_status, metric_points, parameter_texts, run_files

from acme_adapter._records import to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from acme_vault import VaultClient
    from mlops_core.ports.experiment_tracker import MetricPoint, ParameterValue, Run

    from acme_adapter._client import Calls


class AcmeRun:
    """A run of a vault.

    Args:
        calls: The way to the vault.
        run_id: Its id.
        experiment: The experiment that it belongs to.
        clock: The time, aware, for points that are given none.
    """

    def __init__(self, calls: Calls, run_id: str, experiment: str, *, clock: Callable[[], datetime]) -> None:
        self._calls = calls
        self._id = run_id
        self._experiment = experiment
        self._clock = clock
        self._lock = threading.Lock()
        self._highest_step = 0
        self._paths = FilePaths()
        self._ended = False

    @property
    def id(self) -> str:
        """See :attr:`Run.id`."""
        return self._id

    @property
    def experiment(self) -> str:
        """See :attr:`Run.experiment`."""
        return self._experiment

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        """See :meth:`Run.log_params`; one request."""
        texts = parameter_texts(params)
        with self._lock:
            self._check_running("log_params")
            self._call("log_params", lambda client: client.add_params(self._id, texts))

    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        """See :meth:`Run.log_metrics`; one request."""
        points = metric_points(metrics, step=step, time=time, now=self._clock())
        with self._lock:
            self._check_running("log_metrics")
            self._check_points(points)
            if not points:
                return
            rows = [(each.key, each.step, to_milliseconds(each.time), each.value) for each in points]
            self._call("log_metrics", lambda client: client.add_points(self._id, rows))
            self._highest_step = max(self._highest_step, *(each.step for each in points))

    def set_tags(self, tags: Mapping[str, str | None], /) -> None:
        """See :meth:`Run.set_tags`; read, merged and written, since the vault replaces all tags at once."""
        check_tags(tags, removing=True)
        with self._lock:
            before = self._calls(
                lambda client: client.get_run(self._id).tags,
                what=f"cannot tag the run {self._id!r}",
                operation="set_tags",
                subject=self._id,
            )
            merged = {**before, **tags}
            after = {key: value for key, value in merged.items() if value is not None}
            self._call("set_tags", lambda client: client.replace_run_tags(self._id, after))

    def log_files(self, files: Mapping[str, bytes | Path], /) -> None:
        """See :meth:`Run.log_files`; one request for each file."""
        # Read before the first is stored: a file that is not there leaves nothing behind.
        contents = {
            path: each if isinstance(each, bytes) else each.read_bytes() for path, each in run_files(files).items()
        }
        with self._lock:
            self._check_running("log_files")
            self._paths.add(contents)
            for path, data in contents.items():
                self._call("log_files", lambda client, path=path, data=data: client.put_run_file(self._id, path, data))

    def flush(self) -> None:
        """See :meth:`Run.flush`; nothing is kept back."""

    def finish(self, status: Literal["finished", "failed"] = "finished", /) -> None:
        """See :meth:`Run.finish`."""
        check_run_status(status)
        with self._lock:
            if not self._ended:
                self._call("finish", lambda client: client.end_run(self._id, status))
                self._ended = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
            return
        try:
            self.finish("failed")
        except MlopsError as exc:
            # What went wrong inside the with says more than that its end could not be stored.
            error.add_note(f"the run {self._id} could not be ended: {exc.what}")

    def _call(self, operation: str, request: Callable[[VaultClient], None]) -> None:
        self._calls(request, what=f"cannot write to the run {self._id!r}", operation=operation, subject=self._id)

    def _check_running(self, operation: str) -> None:
        if self._ended:
            raise ConflictError(
                f"the run {self._id!r} has ended",
                operation=operation,
                subject=self._id,
                backend=self._calls.backend,
                why="a run that has ended takes tags only",
                hint="start another run",
            )

    def _check_points(self, points: list[MetricPoint]) -> None:
        for each in points:
            if not math.isfinite(each.value):
                raise self._refused(
                    f"the metric {each.key!r} cannot be stored",
                    why=f"it is {each.value}, and the vault keeps finite numbers only",
                    hint="leave the point out, or use a backend that declares NON_FINITE_METRICS",
                )
            if each.step < self._highest_step:
                raise self._refused(
                    f"step {each.step} of the metric {each.key!r} cannot be stored",
                    why=f"an earlier call has logged step {self._highest_step}, and steps of the vault do not go back",
                    hint="log in order of step, or use a backend that declares UNORDERED_STEPS",
                )

    def _refused(self, what: str, *, why: str, hint: str) -> UnsupportedOperationError:
        return UnsupportedOperationError(
            what, operation="log_metrics", subject=self._id, backend=self._calls.backend, why=why, hint=hint
        )


if TYPE_CHECKING:
    _conforms: type[Run] = AcmeRun
