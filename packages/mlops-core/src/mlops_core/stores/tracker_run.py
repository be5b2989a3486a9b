"""A run that is being written to an artifact store."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, Self

from mlops_core.errors import BackendError, ConflictError, IntegrityError, InvalidNameError, MlopsError
from mlops_core.naming import check_tags
from mlops_core.ports.run_values import FilePaths, check_run_status, metric_points, parameter_texts, run_files
from mlops_core.stores.store_errors import telling_store_errors
from mlops_core.stores.tracker_documents import RunDocument, with_last
from mlops_core.stores.tracker_points import RunPoints

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from mlops_core.ports.artifact_store import ArtifactInfo
    from mlops_core.ports.experiment_tracker import MetricPoint, ParameterValue
    from mlops_core.stores.conditional_writes import Documents
    from mlops_core.stores.tracker_layout import RunKeys

BUFFERED_POINTS: Final = 1_000
"""As soon as this many points are kept back, they are written."""
BUFFERED_SECONDS: Final = 5.0
"""A call that finds points kept back for this long writes them. There is no thread that would do it between calls."""
_SEGMENT_POINTS: Final = 20_000
"""Most points of one segment."""


class StoreRun:
    """A run that is being written; made by :meth:`StoreExperimentTracker.start_run`.

    Parameters, tags and files are stored when their call returns. Metric points are kept back until there are 1,000,
    or until a call finds that the oldest has waited for 5 seconds; ``flush`` and ``finish`` write the rest. If such a
    write fails in ``log_metrics``, the points that the call has taken stay taken: the next call tries again first, and
    raises without taking anything if that fails too. So a call that raised may be made again.

    A run belongs to the process that started it: in a forked child every call raises ``ConflictError``, and leaving the
    ``with`` there does nothing. Its calls from several threads come one after the other.

    Args:
        document: The run's document as it was stored.
        etag: Its etag.
        keys: The run's keys.
        documents: Where it is.
        backend: The configured name, for messages.
        clock: The time, aware UTC.
        monotonic: Seconds, for how long points were kept back.
        new_id: Gives a new random id with each call.
    """

    def __init__(
        self,
        document: RunDocument,
        etag: str,
        *,
        keys: RunKeys,
        documents: Documents,
        backend: str,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._document = document
        self._etag: str | None = etag
        self._keys = keys
        self._documents = documents
        self._points = RunPoints(documents, keys, backend=backend)
        self._backend = backend
        self._clock = clock
        self._monotonic = monotonic
        self._new_id = new_id
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._paths = FilePaths()
        self._buffer: list[MetricPoint] = []
        self._waiting_since = 0.0
        # A segment that was attempted keeps its number and its points, so that trying again cannot double them.
        self._attempted: tuple[int, list[MetricPoint]] | None = None

    @property
    def id(self) -> str:
        """See :attr:`Run.id`."""
        return self._document.id

    @property
    def experiment(self) -> str:
        """See :attr:`Run.experiment`."""
        return self._document.experiment

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        """See :meth:`Run.log_params`; one write, of all parameters that the run has."""
        texts = parameter_texts(params)
        with self._calling("log_params"):
            self._write_if_due()
            self._change("log_params", partial(self._with_params, texts))

    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        """See :meth:`Run.log_metrics`."""
        points = metric_points(metrics, step=step, time=time, now=self._clock())
        with self._calling("log_metrics"):
            self._check_running(self._known(), "log_metrics")
            self._write_if_due()
            if not self._buffer:
                self._waiting_since = self._monotonic()
            self._buffer += points
            # What the call has taken stays taken: raising now would make the caller give it again.
            with suppress(BackendError):
                self._write_if_due()

    def set_tags(self, tags: Mapping[str, str | None], /) -> None:
        """See :meth:`Run.set_tags`; one write."""
        check_tags(tags, removing=True)

        def merge(now: RunDocument) -> RunDocument:
            merged = {**now.tags, **tags}
            return replace(now, tags={key: value for key, value in merged.items() if value is not None})

        with self._calling("set_tags"):
            self._write_if_due()
            self._change("set_tags", merge)

    def log_files(self, files: Mapping[str, bytes | Path], /) -> None:
        """See :meth:`Run.log_files`; one write for each file."""
        checked = run_files(files)
        with self._calling("log_files"):
            self._check_running(self._known(), "log_files")
            self._paths.add(checked)
            self._write_if_due()
            for path, content in checked.items():
                self._documents.trying(partial(self._put, path, content))

    def flush(self) -> None:
        """See :meth:`Run.flush`; two writes, none if nothing is kept back."""
        with self._calling("flush"):
            self._write_points()

    def finish(self, status: Literal["finished", "failed"] = "finished", /) -> None:
        """See :meth:`Run.finish`; sorts the points, so that later reads of one metric need not read all.

        Called again after an error, it goes on where it was.
        """
        check_run_status(status)
        with self._calling("finish"):
            if self._known().status != "running":
                return
            self._write_points()
            live = self._document.segments
            compacted = live > 1
            if compacted:
                self._points.compact(live)

            def end(now: RunDocument) -> RunDocument:
                if now.status != "running":
                    return now  # an earlier attempt, whose answers were lost
                ended_at = max(self._clock(), now.started_at)
                return replace(now, status=status, ended_at=ended_at, compacted=compacted)

            self._change("finish", end)
            if compacted:
                # The run has ended: what is left here if this fails is garbage that nobody reads.
                with suppress(BackendError):
                    self._points.remove_live(live)

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
        return f"<{self._document.status} run {self.id} of {self.experiment!r}, backend {self._backend!r}>"

    @contextmanager
    def _calling(self, operation: str) -> Generator[None]:
        """One call at a time, by the process that started the run; what the store says is told of this call."""
        # Before the lock: in a forked child it may be held by a thread that does not exist there.
        if os.getpid() != self._process:
            raise self._conflict(operation, "it belongs to the process that started it", "start a run in the child")
        with self._lock, telling_store_errors(operation, subject=self.id, backend=self._backend):
            yield

    def _write_if_due(self) -> None:
        """Write the points that were kept back for long enough."""
        full = self._attempted is not None or len(self._buffer) >= BUFFERED_POINTS
        if full or (self._buffer and self._monotonic() - self._waiting_since >= BUFFERED_SECONDS):
            self._write_points()

    def _write_points(self) -> None:
        while self._attempted or self._buffer:
            if self._attempted is None:
                self._attempted = (self._document.segments, self._buffer[:_SEGMENT_POINTS])
                del self._buffer[:_SEGMENT_POINTS]
            number, points = self._attempted
            self._points.write(number, points)
            self._change("log_metrics", partial(self._counting, number, points))
            self._attempted = None

    def _counting(self, number: int, points: list[MetricPoint], now: RunDocument) -> RunDocument:
        # Applied again to what an earlier attempt has written, whose answer was lost, this changes nothing.
        self._check_running(now, "log_metrics")
        return replace(now, segments=number + 1, last=with_last(now.last, points))

    def _with_params(self, texts: Mapping[str, str], now: RunDocument) -> RunDocument:
        self._check_running(now, "log_params")
        for key, text in texts.items():
            before = now.params.get(key, text)
            if before != text:
                raise ConflictError(
                    f"the parameter {key!r} has another value already",
                    operation="log_params",
                    subject=f"{self.id}: {key}",
                    backend=self._backend,
                    why=f"it is {before!r:.60}, and was to be {text!r:.60}; nothing of the call was written",
                    hint="a parameter is written once; log what changes as a metric or a tag",
                )
        return replace(now, params={**now.params, **texts})

    def _put(self, path: str, content: bytes | Path) -> ArtifactInfo:
        key = self._keys.files + path
        try:
            if isinstance(content, bytes):
                return self._documents.store.put(key, content)
            with content.open("rb") as stream:
                return self._documents.store.put(key, stream)
        except InvalidNameError as exc:
            # Told of a key, which its caller has never seen.
            what = f"{path!r:.80} cannot be a run's file in the backend {self._backend!r}"
            raise InvalidNameError(what, where=exc.where, why=exc.why, hint="log it under another path") from exc

    def _change(self, operation: str, change: Callable[[RunDocument], RunDocument]) -> None:
        """Change the run's document by compare-and-set.

        Nobody else writes it, so a document that is not the one that we know is one that we wrote without learning of
        it: it is read again, and the change applied to that.
        """
        what = f"{operation} of the run {self.id} did not get through"
        for _ in self._documents.rounds(what, operation=operation, subject=self.id, backend=self._backend):
            now = self._known()
            new = change(now)
            if new == now:
                return
            new = replace(new, nonce=self._new_id())
            data = new.to_bytes()
            etag, self._etag = self._etag, None  # unknown until the answer is here
            self._etag = self._documents.replace(self._keys.document, data, etag or "")
            if self._etag is not None:
                self._document = new
                return

    def _known(self) -> RunDocument:
        """The run's document, read again if the answer to the last write of it was lost."""
        if self._etag is None:
            self._document, self._etag = self._read()
        return self._document

    def _read(self) -> tuple[RunDocument, str]:
        found = self._documents.read(self._keys.document)
        if found is None:
            raise IntegrityError(
                "the run vanished while it was written",
                where=f"backend {self._backend!r}, {self._keys.document}",
                why="nothing of this library deletes a run",
                hint="start another run",
            )
        where = f"backend {self._backend!r}, {self._keys.document}"
        return RunDocument.from_bytes(found.data, where=where, run_id=self.id), found.info.etag

    def _check_running(self, document: RunDocument, operation: str) -> None:
        if document.status != "running":
            raise self._conflict(operation, f"it has {document.status}", "only tags can be set after the end")

    def _conflict(self, operation: str, why: str, hint: str) -> ConflictError:
        return ConflictError(
            f"the run {self.id} takes no {operation} here",
            operation=operation,
            subject=self.id,
            backend=self._backend,
            why=why,
            hint=hint,
        )
