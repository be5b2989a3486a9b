"""Whether a bucket keeps its word about conditional writes: tried in the bucket itself, below the prefix that is used.

What a service promises depends on the bucket: one that honours ``If-None-Match`` elsewhere may ignore it in a versioned
bucket. So no list of vendors decides, and no vendor is asked; the answer is remembered for a day.
"""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import TYPE_CHECKING, Final, cast
from uuid import uuid4

from mlops_core.errors import (
    ArtifactNotFoundError,
    BackendUnavailableError,
    ConfigurationError,
    ConflictError,
)

from adapter_s3._errors import classify, http_status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapter_s3._client import ETagForm, S3Client, StoredObject

_FOLDER: Final = "tmp/probes/"
_RIVALS: Final = 8
_REMEMBERED_FOR: Final = 24 * 3600.0
_ROUNDS: Final = 3
_CONFLICT: Final = 409
_REFUSED: Final = (ArtifactNotFoundError, ConflictError)
_FORMS: Final[tuple[ETagForm, ETagForm]] = ("quoted", "unquoted")


class Probe:
    """Finds out, once, how a bucket takes conditions.

    Args:
        client: Requests to the bucket.
        prefix: What every key begins with, its slash included; or nothing.
        where: The backend and the bucket, for messages.
        memory: A file that remembers a good answer between processes; ``None`` for none.
        clock: Seconds since 1970, for the age of what is remembered.
    """

    def __init__(
        self, client: S3Client, *, prefix: str, where: str, memory: Path | None, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._where = where
        self._memory = memory
        self._clock = clock

    def etag_form(self) -> ETagForm:
        """How an ETag is written in ``If-Match``; about 15 requests if nobody has asked lately.

        Raises:
            ConfigurationError: The bucket ignores a condition; the message says which.
        """
        remembered = self._recall()
        if remembered is not None:
            return remembered
        form = self._ask()
        self._remember(form)
        return form

    def _ask(self) -> ETagForm:
        key = f"{self._prefix}{_FOLDER}{uuid4().hex}"
        try:
            first = self._tries(lambda: self._client.put(key, b"1", if_none_match=True), expected=True)
            if first is None:
                raise self._refused("it did not take a new object under If-None-Match")
            if self._tries(lambda: self._client.put(key, b"2", if_none_match=True)) is not None:
                raise self._refused("it ignored If-None-Match: a second create-only write overwrote the first")
            form = self._accepted_form(key, first.etag)
            # In that form alone: a strict service calls the other one an error.
            wrong = hashlib.md5(b"another content", usedforsecurity=False).hexdigest()
            stale = _forms(wrong)[_FORMS.index(form)]
            if self._tries(lambda: self._client.put(key, b"3", if_match=stale)) is not None:
                raise self._refused("it ignored If-Match: a write with a stale ETag was made")
            self._race(f"{key}-race")
            return form
        finally:
            for each in (key, f"{key}-race"):
                with suppress(Exception):  # what went wrong before is what counts; a probe left behind is never listed
                    self._client.delete(each)

    def _accepted_form(self, key: str, etag: str) -> ETagForm:
        quoted, unquoted = _forms(etag)
        if self._tries(lambda: self._client.put(key, b"4", if_match=quoted), expected=True) is not None:
            return "quoted"
        if self._tries(lambda: self._client.put(key, b"4", if_match=unquoted), expected=True) is not None:
            return "unquoted"
        raise self._refused("it refused If-Match with the ETag that it had given")

    def _race(self, key: str) -> None:
        barrier = Barrier(_RIVALS)

        def write(number: int) -> bool:
            barrier.wait()
            # Some services answer 500 to whom they let lose a race.
            return self._tries(lambda: self._client.put(key, b"%d" % number, if_none_match=True), race=True) is not None

        for _ in range(_ROUNDS):
            with ThreadPoolExecutor(_RIVALS) as pool:
                winners = sum(pool.map(write, range(_RIVALS)))
            if winners == 1:
                return
            if winners > 1:
                raise self._refused(f"of {_RIVALS} create-only writes at the same time {winners} won, not one")
            self._client.delete(key)  # the winner's answer was lost, or nobody got through
        raise self._refused(f"of {_RIVALS} create-only writes at the same time none won, {_ROUNDS} times")

    def _tries(
        self, write: Callable[[], StoredObject], *, expected: bool = False, race: bool = False
    ) -> StoredObject | None:
        """What was written; ``None`` if the condition, or a rival, forbade it.

        A conflict (409) is how some services tell who has lost; where nobody can have lost, it only says: later.
        """
        try:
            return write()
        except Exception as exc:
            kind = classify(exc)
            conflict = http_status(exc) == _CONFLICT and not expected
            lost = kind is not None and (issubclass(kind, _REFUSED) or conflict)
            if lost or (race and kind is BackendUnavailableError):
                return None
            raise

    def _refused(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            "the bucket cannot hold a registry or a tracker",
            where=self._where,
            why=f"conditional writes do not hold there: {why}",
            hint="use a service that honours If-None-Match and If-Match; of a versioned bucket, try an unversioned one",
        )

    def _recall(self) -> ETagForm | None:
        if self._memory is None:
            return None
        try:
            found = cast("dict[str, object]", json.loads(self._memory.read_text("utf-8")))
            form, asked_at = found["etag_form"], found["asked_at"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        recent = isinstance(asked_at, (int, float)) and 0 <= self._clock() - asked_at < _REMEMBERED_FOR
        return next((each for each in _FORMS if recent and each == form), None)

    def _remember(self, form: ETagForm) -> None:
        if self._memory is None:
            return
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            unfinished = self._memory.with_suffix(f".{uuid4().hex}")
            unfinished.write_text(json.dumps({"etag_form": form, "asked_at": self._clock()}), "utf-8")
            unfinished.replace(self._memory)
        except OSError:
            return  # the next process asks again


def _forms(etag: str) -> tuple[str, str]:
    return f'"{etag}"', etag
