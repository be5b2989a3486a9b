"""The artifact store port over a bucket; the core's registry and tracker stand on it."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from mlops_core.errors import (
    AlreadyExistsError,
    ArtifactNotFoundError,
    ConflictError,
    InvalidNameError,
    translating_errors,
)
from mlops_core.ports.artifact_store import Artifact, ArtifactInfo, ArtifactStoreCapability
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.keys import MAX_KEY_BYTES, check_folder_prefix, check_key, is_key
from mlops_core.stores.store_arguments import check_put, check_range

from adapter_s3._client import S3Client
from adapter_s3._errors import classify, error_code, hint_for, is_missing
from adapter_s3.probe import Probe
from adapter_s3.ranged_reads import RangedReader
from adapter_s3.uploads import upload_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from adapter_s3._client import ETagForm, ObjectBody, StoredObject
    from adapter_s3.settings import S3Settings

_TEMPORARY: Final = "tmp"
_COPY_CHUNK: Final = 1 << 20
_LONGEST_SIGNATURE: Final = 7 * 24 * 3600
"""Seconds, as the service documents."""


class S3ArtifactStore:
    """Objects of a bucket, below a prefix. It may be used from several threads; connections open on first use.

    It never tries a write under a condition again: whoever needs its outcome reads it back. Parts of large transfers
    are tried again, because no part is visible by itself. An object that is replaced while a large one is being read
    makes the read fail with ``BackendUnavailableError``; it never mixes the two.

    Before the first conditional write the bucket is asked whether it keeps conditions (:mod:`adapter_s3.probe`).

    Args:
        settings: Where the bucket is, and how to ask.
        backend: The configured name, for messages.
        probe_memory: The folder that remembers what buckets answered; ``None`` for none.
        retries: How often and how fast parts of large transfers are tried again.
        progress: Called with a key and the number of bytes that a step of its transfer has moved.
    """

    def __init__(
        self,
        settings: S3Settings,
        *,
        backend: str = "s3",
        probe_memory: Path | None = None,
        retries: Retries | None = None,
        progress: Callable[[str, int], None] | None = None,
    ) -> None:
        self._settings = settings
        self._backend = backend
        self._prefix = f"{settings.prefix}/" if settings.prefix else ""
        self._probe_memory = probe_memory
        self._retries = retries or Retries()
        self._progress = progress
        self._lock = threading.Lock()
        self._probing = threading.Lock()
        self._opened: S3Client | None = None
        self._opened_by = os.getpid()
        self._form: ETagForm | None = None

    def __repr__(self) -> str:
        return f"<store {self._place} of backend {self._backend!r}>"

    @property
    def settings(self) -> S3Settings:
        """Where the bucket is, and how it is asked."""
        return self._settings

    @property
    def native(self) -> Any:
        """The SDK's own client, for what the port does not have."""
        return self._client.native

    @property
    def capabilities(self) -> ArtifactStoreCapability:
        """See :attr:`ArtifactStore.capabilities`; a bucket that ignores conditions is refused at the first."""
        return ArtifactStoreCapability.CONDITIONAL_PUT

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        """See :meth:`ArtifactStore.put`.

        Raises:
            ConfigurationError: A condition, in a bucket that does not keep them.
        """
        check_put(self, key, data, if_absent=if_absent, if_match=if_match, backend=self._backend)
        whole = self._key(key, "put")
        if not isinstance(data, bytes):
            return self._upload(key, whole, data)
        if not if_absent and if_match is None and len(data) > self._settings.part_size:
            return self._upload(key, whole, io.BytesIO(data))
        with self._putting(key):
            if not if_absent and if_match is None:
                return self._info(self._client.put(whole, data))
            form = self._etag_form()
            condition = None if if_match is None else (f'"{if_match}"' if form == "quoted" else if_match)
            try:
                return self._info(self._client.put(whole, data, if_none_match=if_absent, if_match=condition))
            except Exception as exc:
                kind = classify(exc)
                gone = kind is ArtifactNotFoundError and if_match is not None
                if kind is not ConflictError and not gone:
                    raise
                raise self._lost(key, gone=gone, if_absent=if_absent) from exc

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        """See :meth:`ArtifactStore.get`."""
        check_range(start, stop)
        whole = self._key(key, "get")
        with self._translating("get", key, f"cannot read {key!r} in {self._place}"):
            if stop is not None and stop <= start:
                return Artifact(info=self._info(self._client.head(whole)), data=b"")
            body = self._body(whole, start, stop)
            if isinstance(body, ArtifactInfo):
                return Artifact(info=body, data=b"")
            with closing(body.stream) as stream:
                return Artifact(info=self._info(body.found), data=stream.read())

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        """See :meth:`ArtifactStore.open`; one request for each ``part_size`` bytes, read ahead in parallel."""
        check_range(start)
        whole = self._key(key, "open")
        with self._translating("open", key, f"cannot read {key!r} in {self._place}"):
            body = self._body(whole, start, start + self._settings.part_size)
            if isinstance(body, ArtifactInfo):
                return io.BytesIO()
            reader = RangedReader(
                self._client,
                body,
                start=start,
                part_size=self._settings.part_size,
                concurrency=self._settings.concurrency,
                retries=self._retries,
                progress=self._progress_of(key),
                translating=lambda: self._translating("open", key, f"cannot read {key!r} in {self._place}"),
            )
            return io.BufferedReader(reader, _COPY_CHUNK)

    def stat(self, key: str, /) -> ArtifactInfo:
        """See :meth:`ArtifactStore.stat`."""
        whole = self._key(key, "stat")
        with self._translating("stat", key, f"cannot read {key!r} in {self._place}"):
            return self._info(self._client.head(whole))

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        """See :meth:`ArtifactStore.find`; one request for each 1,000 keys."""
        if not _can_begin_a_key(prefix):
            return
        token: str | None = None
        while True:
            with self._translating("find", prefix, f"cannot list {self._place}"):
                page = self._client.list(self._prefix + prefix, token=token)
            for each in page.objects:
                if not each.key.startswith(f"{self._prefix}{_TEMPORARY}/") and not each.key.endswith("/"):
                    yield self._info(each)
            token = page.next_token
            if token is None:
                return

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        """See :meth:`ArtifactStore.folders`; one request for each 1,000 folders and keys beside them."""
        check_folder_prefix(prefix)
        token: str | None = None
        while True:
            with self._translating("folders", prefix, f"cannot list {self._place}"):
                page = self._client.list(self._prefix + prefix, by_folder=True, token=token)
            for each in page.folders:
                folder = each.removeprefix(self._prefix + prefix).removesuffix("/")
                if folder and (prefix or folder != _TEMPORARY):
                    yield folder
            token = page.next_token
            if token is None:
                return

    def delete(self, key: str, /) -> None:
        """See :meth:`ArtifactStore.delete`."""
        if key.partition("/")[0] == _TEMPORARY:
            return  # there is no such key of this store
        whole = self._key(key, "delete")
        with self._translating("delete", key, f"cannot delete {key!r} in {self._place}"):
            self._client.delete(whole)

    def presigned_url(self, key: str, /, *, seconds: int = 3600) -> str:
        """An address at which anybody may read an object for a while. Makes no request; the object may be missing.

        Args:
            key: Which object.
            seconds: For how long, at least 1 and at most seven days.

        Raises:
            InvalidNameError: Services take no such time.
        """
        if type(seconds) is not int or not 0 < seconds <= _LONGEST_SIGNATURE:
            why = f"it holds for 1 to {_LONGEST_SIGNATURE:,} seconds, and not {seconds!r:.40}"
            raise InvalidNameError(f"cannot sign an address for {key!r}", why=why, hint="seconds=3600")
        whole = self._key(key, "presigned_url")
        with self._translating("presigned_url", key, f"cannot sign an address for {key!r}"):
            return self._client.presigned_url(whole, seconds=seconds)

    def close(self) -> None:
        """Close the connections; the next call opens others."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    @property
    def _client(self) -> S3Client:
        with self._lock:
            # A forked process would read the answers to its parent's requests from connections that both have.
            if self._opened is None or self._opened_by != os.getpid():
                self._opened, self._opened_by = S3Client(self._settings), os.getpid()
            return self._opened

    @property
    def _place(self) -> str:
        return f"s3://{self._settings.bucket}/{self._prefix}"

    def _key(self, key: str, operation: str) -> str:
        check_key(key)
        if key.partition("/")[0] == _TEMPORARY:
            if operation == "put":
                why = f"{_TEMPORARY}/ holds this store's own probes"
                raise InvalidNameError(f"{key!r} cannot be a key of this store", why=why, hint="choose another key")
            raise self._missing(key, operation)
        return self._prefix + key

    def _etag_form(self) -> ETagForm:
        with self._probing:  # one asks for all
            if self._form is None:
                where = f"backend {self._backend!r}, {self._place}"
                memory = self._memory_of_the_probe()
                self._form = Probe(self._client, prefix=self._prefix, where=where, memory=memory).etag_form()
            return self._form

    def _memory_of_the_probe(self) -> Path | None:
        if self._probe_memory is None:
            return None
        place = f"{self._client.endpoint}\n{self._settings.bucket}\n{self._prefix}"
        return self._probe_memory / f"{hashlib.sha256(place.encode()).hexdigest()[:32]}.json"

    def _upload(self, key: str, whole: str, stream: BinaryIO) -> ArtifactInfo:
        with self._putting(key):
            client = self._client
        stored = upload_stream(
            client,
            whole,
            stream,
            part_size=self._settings.part_size,
            concurrency=self._settings.concurrency,
            retries=self._retries,
            translating=lambda: self._putting(key),
            progress=self._progress_of(key),
        )
        return self._info(stored)

    def _putting(self, key: str) -> AbstractContextManager[None]:
        return self._translating("put", key, f"cannot store {key!r} in {self._place}")

    def _body(self, whole: str, start: int, stop: int | None) -> ObjectBody | ArtifactInfo:
        """The answer to a read of a range; what is known of the object if nothing of it lies there."""
        try:
            return self._client.get(whole, start=start, stop=stop)
        except Exception as exc:
            if error_code(exc) not in {"InvalidRange", "416"}:
                raise
            return self._info(self._client.head(whole))

    def _info(self, found: StoredObject) -> ArtifactInfo:
        key = found.key.removeprefix(self._prefix)
        return ArtifactInfo(key=key, size=found.size, etag=found.etag, modified_at=found.modified_at)

    def _progress_of(self, key: str) -> Callable[[int], None] | None:
        progress = self._progress
        return None if progress is None else lambda moved: progress(key, moved)

    def _lost(self, key: str, *, gone: bool, if_absent: bool) -> AlreadyExistsError | ConflictError:
        if if_absent:
            return AlreadyExistsError(
                f"{key!r} exists already",
                operation="put",
                subject=key,
                backend=self._backend,
                why="the write was to create it",
                hint="read what is there, or choose another key",
            )
        return ConflictError(
            f"{key!r} is not what was read",
            operation="put",
            subject=key,
            backend=self._backend,
            why="it is gone" if gone else "it was changed meanwhile",
            hint="read it again and decide anew",
        )

    def _missing(self, key: str, operation: str) -> ArtifactNotFoundError:
        # The answer to a HEAD has no body that could tell, and a second request would cost every registration one.
        perhaps = ", or there is no such bucket" if operation == "stat" else ""
        return ArtifactNotFoundError(
            f"no object {key!r}",
            operation=operation,
            subject=key,
            backend=self._backend,
            why=f"{self._place} has no such key{perhaps}",
            hint="list what is there with find()",
        )

    @contextmanager
    def _translating(self, operation: str, key: str, what: str) -> Generator[None]:
        try:
            yield
        except Exception as exc:
            if is_missing(exc) and operation in {"get", "open", "stat"}:
                raise self._missing(key, operation) from exc
            hint = hint_for(exc, bucket=self._settings.bucket)
            with translating_errors(
                classify, what=what, operation=operation, subject=key, backend=self._backend, hint=hint
            ):
                raise


def _can_begin_a_key(prefix: str) -> bool:
    # Not every service answers a question about a key that it could not hold.
    try:
        check_key(prefix + "x")
    except InvalidNameError:
        return len(prefix.encode(errors="replace")) == MAX_KEY_BYTES and is_key(prefix)
    return True
