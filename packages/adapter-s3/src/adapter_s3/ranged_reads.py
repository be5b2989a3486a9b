"""Large objects as a stream: ranges are read ahead in parallel, and a range that breaks off goes on where it stopped.

Every range but the first is asked for with the ETag of the first, so that no stream mixes two contents.
"""

from __future__ import annotations

import io
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from mlops_core.errors import BackendUnavailableError, ConflictError

from adapter_s3._errors import classify

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from _typeshed import WriteableBuffer
    from mlops_core.stores.conditional_writes import Retries

    from adapter_s3._client import ObjectBody, S3Client

_CHUNK: Final = 1 << 18
_REPLACED: Final = "the object was replaced while it was being read"


class _ReplacedError(Exception):
    """An answer is of another content than the first one."""


class RangedReader(io.RawIOBase):
    """The bytes of an object, from a position to its end, in order.

    It holds at most ``concurrency + 1`` parts in memory. Closing it gives up what was being read ahead. After an error
    every read raises it again: a later part never takes the place of a lost one.

    Args:
        client: Requests to the bucket.
        first: The answer to a read of the first part.
        start: Where that part begins.
        part_size: Bytes of one range.
        concurrency: Ranges in flight.
        retries: How often and how fast a broken range is asked for again.
        translating: A ``with`` in which the SDK's errors become the core's.
        progress: Called with the number of bytes that each step has read.
    """

    def __init__(
        self,
        client: S3Client,
        first: ObjectBody,
        *,
        start: int,
        part_size: int,
        concurrency: int,
        retries: Retries,
        translating: Callable[[], AbstractContextManager[None]],
        progress: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__()
        self._client = client
        self._object = first.found
        self._part_size = part_size
        self._retries = retries
        self._translating = translating
        self._progress = progress
        self._next = min(start + part_size, first.found.size)
        self._parts = deque["Future[bytearray]"]()
        more = self._next < first.found.size
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="s3-read") if more else None
        self._ahead = concurrency
        self._current = memoryview(b"")
        self._first: ObjectBody | None = first
        self._begins = start
        self._broken: Exception | None = None
        self._gone = False
        self._read_ahead()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer with what comes next; 0 at the end.

        Raises:
            BackendUnavailableError: A range broke off each time, or the object was replaced meanwhile.
        """
        view = memoryview(buffer).cast("B")
        if not self._current:
            if self._broken is None:
                self._take_next_part()
            if self._broken is not None:
                with self._translating():
                    raise self._broken
        count = min(len(view), len(self._current))
        if self._progress is not None and count:
            self._progress(count)  # if it fails, the bytes are still there for the next read
        view[:count] = self._current[:count]
        self._current = self._current[count:]
        return count

    def close(self) -> None:
        """Give up what was being read ahead."""
        if not self.closed:
            self._gone = True
            if self._first is not None:
                self._first.stream.close()
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
            self._parts.clear()
            self._broken = None  # its traceback holds this reader
            self._current = memoryview(b"")
        super().close()

    def _take_next_part(self) -> None:
        try:
            self._current = memoryview(self._next_part())
        except Exception as exc:  # noqa: BLE001 (it is raised by this read and by every later one)
            self._broken = exc
        except BaseException:  # such as Ctrl-C
            self._broken = ConnectionError("an earlier read was interrupted")
            raise
        else:
            self._read_ahead()

    def _next_part(self) -> bytearray:
        if self._first is not None:
            first, self._first = self._first, None
            stop = min(self._begins + self._part_size, self._object.size)
            return self._filled(self._begins, stop, first)
        return self._parts.popleft().result() if self._parts else bytearray()

    def _read_ahead(self) -> None:
        while self._pool is not None and len(self._parts) < self._ahead and self._next < self._object.size:
            start, self._next = self._next, min(self._next + self._part_size, self._object.size)
            self._parts.append(self._pool.submit(self._filled, start, self._next, None))

    def _filled(self, start: int, stop: int, body: ObjectBody | None) -> bytearray:
        """The bytes of a range, asked for again from where they broke off."""
        part = bytearray(stop - start)
        view = memoryview(part)
        done = 0
        attempt = 0
        began = self._retries.clock()
        while True:
            try:
                if body is None:
                    body = self._client.get(
                        self._object.key, start=start + done, stop=stop, if_match=f'"{self._object.etag}"'
                    )
                with closing(body.stream) as stream:
                    if body.found.etag != self._object.etag:
                        raise _ReplacedError  # noqa: TRY301 (the service ignores If-Match, and is told from it below)
                    while done < len(part):
                        if self._gone:
                            return part  # nobody will look at it
                        done += _more(stream, view[done : done + _CHUNK])
            except Exception as exc:
                attempt += 1
                if isinstance(exc, _ReplacedError) or classify(exc) is ConflictError:  # no attempt would help
                    raise ConnectionError(_REPLACED) from exc
                last = attempt >= self._retries.attempts or self._retries.too_late(began)
                if classify(exc) is not BackendUnavailableError or last or self._gone:
                    raise
            else:
                return part
            body = None
            self._retries.pause(self._retries.first_pause, attempt - 1)


def _more(stream: BinaryIO, buffer: memoryview) -> int:
    count = cast("io.RawIOBase", stream).readinto(buffer)
    if not count:
        raise ConnectionError("the reply ended before all its bytes had come")
    return count
