"""The stored points of a run: written as live segments, read, and compacted into few sorted ones when the run ends.

Compaction is new objects, one write of the run's document that names them, and the removal of the old ones. Killed
before that write, the live segments count, after it the sorted ones: never both, never neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_core.errors import ConflictError, IntegrityError
from mlops_core.ports.run_values import history
from mlops_core.stores.tracker_segments import SegmentIndex, in_segments, segment_from_bytes, segment_to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlops_core.ports.experiment_tracker import MetricPoint
    from mlops_core.stores.conditional_writes import Documents
    from mlops_core.stores.tracker_documents import RunDocument
    from mlops_core.stores.tracker_layout import RunKeys

_SORTED_POINTS: Final = 20_000
"""Most points of one sorted segment: about a megabyte."""
_SORTED_TOGETHER: Final = 200_000
"""Most points that compaction holds in memory; a longer run is sorted in several passes, each with its segments."""


class RunPoints:
    """The stored points of one run.

    Args:
        documents: Where they are.
        keys: The run's keys.
        backend: The configured name, for messages.
    """

    def __init__(self, documents: Documents, keys: RunKeys, *, backend: str) -> None:
        self._documents = documents
        self._keys = keys
        self._backend = backend

    def write(self, number: int, points: Sequence[MetricPoint]) -> None:
        """Write a live segment; doing so again with the same points is fine. It counts when the run's document says so.

        Raises:
            ConflictError: Somebody else writes this run.
        """
        key = self._keys.live(number)
        self._create(key, segment_to_bytes(points, key=key))

    def history(self, metric: str, document: Callable[[], RunDocument]) -> list[MetricPoint]:
        """Every point of a metric, in order.

        Args:
            metric: The metric's name.
            document: Reads the run's document.

        Raises:
            IntegrityError: A segment is damaged or gone.
        """
        run = document()
        found = self._collect(run, metric)
        while found is None:
            before, run = run, document()
            if before.compacted or not run.compacted:
                raise self._vanished()
            found = self._collect(run, metric)
        return history(found)

    def compact(self, live: int) -> None:
        """Write the points of all live segments again, sorted; nothing is removed, and nothing counts yet."""
        ranges: list[tuple[str, str]] = []
        for batch in self._batches(live):
            for points in in_segments(batch, at_most=_SORTED_POINTS):
                key = self._keys.sorted(live, len(ranges))
                self._create(key, segment_to_bytes(points, key=key))
                ranges.append((points[0].key, points[-1].key))
        key = self._keys.index(live)
        self._create(key, SegmentIndex(tuple(ranges)).to_bytes(key=key))

    def remove_live(self, live: int) -> None:
        """Remove the live segments, once the sorted ones count."""
        for number in range(live):
            self._documents.trying(lambda number=number: self._documents.store.delete(self._keys.live(number)))

    def _collect(self, run: RunDocument, metric: str) -> list[MetricPoint] | None:
        """The points of a metric in any order; ``None`` if a segment is gone."""
        if metric not in run.last:
            return []
        if run.compacted:
            key = self._keys.index(run.segments)
            found = self._documents.read(key)
            if found is None:
                return None
            index = SegmentIndex.from_bytes(found.data, key=key, where=self._place(key))
            keys = [self._keys.sorted(run.segments, number) for number in index.holding(metric)]
        else:
            keys = [self._keys.live(number) for number in range(run.segments)]
        points: list[MetricPoint] = []
        for key in keys:
            segment = self._read(key, metric)
            if segment is None:
                return None
            points += segment
        return points

    def _batches(self, live: int) -> Iterator[list[MetricPoint]]:
        batch: list[MetricPoint] = []
        for number in range(live):
            segment = self._read(self._keys.live(number))
            if segment is None:
                raise self._vanished()
            if batch and len(batch) + len(segment) > _SORTED_TOGETHER:
                yield batch
                batch = []
            batch += segment
        if batch:
            yield batch

    def _read(self, key: str, metric: str | None = None) -> list[MetricPoint] | None:
        found = self._documents.read(key)
        if found is None:
            return None
        return segment_from_bytes(found.data, key=key, where=self._place(key), metric=metric)

    def _create(self, key: str, data: bytes) -> None:
        if self._documents.create(key, data) is not None:
            return
        # An earlier attempt of ours may have been made though every answer was lost.
        found = self._documents.read(key)
        if found is None or found.data != data:
            raise ConflictError(
                "the points were not stored",
                operation="log_metrics",
                subject=key,
                backend=self._backend,
                why="another process writes this run",
                hint="a run belongs to the process that started it; start another run",
            )

    def _place(self, key: str) -> str:
        return f"backend {self._backend!r}, {key}"

    def _vanished(self) -> IntegrityError:
        return IntegrityError(
            "a segment of metric points vanished",
            where=self._place(self._keys.document),
            why="nothing deletes one that counts",
            hint="restore the run's objects from a copy",
        )
