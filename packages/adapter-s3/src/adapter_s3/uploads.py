"""Streams as objects: small ones in one request, large ones in parts that are sent while the next one is read."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from mlops_core.errors import BackendUnavailableError

from adapter_s3._errors import classify

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from mlops_core.stores.conditional_writes import Retries

    from adapter_s3._client import S3Client, StoredObject


def upload_stream(
    client: S3Client,
    key: str,
    stream: BinaryIO,
    *,
    part_size: int,
    concurrency: int,
    retries: Retries,
    translating: Callable[[], AbstractContextManager[None]],
    progress: Callable[[int], None] | None = None,
) -> StoredObject:
    """Store what a stream holds, read to its end. Nothing has the key's name before all of it has arrived.

    It holds at most ``concurrency + 1`` parts in memory. If the stream fails, what was there before stays.

    Args:
        client: Requests to the bucket.
        key: Where, prefix included.
        stream: The bytes.
        part_size: Bytes of one part; a stream of at most so many is sent in one request, which is not tried again.
        concurrency: Parts in flight.
        retries: How often and how fast a part is sent again.
        translating: A ``with`` in which the SDK's errors become the core's; what the stream raises is its own.
        progress: Called with the number of bytes that each step has sent.
    """
    first = _read(stream, part_size)
    second = _read(stream, part_size) if len(first) == part_size else b""
    if not second:
        with translating():
            stored = client.put(key, first)
        if progress is not None:
            progress(len(first))
        return stored
    with translating():
        upload = _Upload(client, key, concurrency=concurrency, retries=retries, progress=progress)
    try:
        with translating():
            upload.send(first)
        first = b""  # whoever holds it to the end holds a part too many
        while second:
            with translating():
                upload.send(second)
            second = _read(stream, part_size)
        with translating():
            return upload.finish()
    except BaseException:
        upload.give_up()
        raise


class _Upload:
    """An upload in parts, some of which are on their way."""

    def __init__(
        self,
        client: S3Client,
        key: str,
        *,
        concurrency: int,
        retries: Retries,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._client = client
        self._key = key
        self._concurrency = concurrency
        self._retries = retries
        self._progress = progress
        self._id = client.begin_upload(key)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="s3-write")
        self._flying = deque[tuple[int, "Future[str]"]]()
        self._etags: list[str] = []
        self._number = 0
        self._size = 0
        self._given_up = False

    def send(self, data: bytes) -> None:
        if len(self._flying) == self._concurrency:
            self._land()
        self._number += 1
        self._size += len(data)
        self._flying.append((len(data), self._pool.submit(self._send, self._number, data)))

    def finish(self) -> StoredObject:
        while self._flying:
            self._land()
        self._pool.shutdown()
        return self._client.finish_upload(self._key, self._id, self._etags, size=self._size)

    def give_up(self) -> None:
        self._given_up = True  # what is on its way is waited for, and not sent again
        self._pool.shutdown(cancel_futures=True)
        # What cannot be given up now is for the bucket's own rule about unfinished uploads.
        with suppress(Exception):
            self._client.abort_upload(self._key, self._id)

    def _land(self) -> None:
        size, future = self._flying.popleft()
        self._etags.append(future.result())
        if self._progress is not None:
            self._progress(size)

    def _send(self, number: int, data: bytes) -> str:
        began = self._retries.clock()
        for attempt in range(self._retries.attempts - 1):
            try:
                return self._client.upload_part(self._key, self._id, number, data)
            except Exception as exc:
                last = self._given_up or self._retries.too_late(began)
                if classify(exc) is not BackendUnavailableError or last:
                    raise
                self._retries.pause(self._retries.first_pause, attempt)
        return self._client.upload_part(self._key, self._id, number, data)


def _read(stream: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer only at the end: a raw stream may give less with each call."""
    data = stream.read(size)
    if not data or len(data) == size:
        return data
    pieces = [data]
    missing = size - len(data)
    while missing and (data := stream.read(missing)):
        pieces.append(data)
        missing -= len(data)
    return b"".join(pieces)
