"""The artifact store port: named bytes, with conditional writes where the vendor has them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class ArtifactStoreCapability(enum.Flag):
    """What an instance of a store can do beyond the port's promises. Declared means it works; else it is refused."""

    NONE = 0
    CONDITIONAL_PUT = enum.auto()
    """``put`` with ``if_absent`` or ``if_match`` has exactly one winner under concurrency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactInfo:
    """A stored object.

    Attributes:
        key: Its key, compared exactly.
        size: Bytes.
        etag: Changes whenever the content changes; opaque.
        modified_at: When it was stored, by the store's own clock, aware UTC.
    """

    key: str
    size: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A stored object with its bytes, read in one step: ``info.etag`` is the etag of ``data``."""

    info: ArtifactInfo
    data: bytes


class ArtifactStore(Protocol):
    """Named bytes.

    Keys are relative POSIX paths (``models/churn/head.json``), compared exactly: no empty part, no ``.`` or ``..``, no
    control character, at most 900 bytes of UTF-8. A write is seen whole or not at all, and by every later read.
    """

    @property
    def capabilities(self) -> ArtifactStoreCapability:
        """What this instance can do beyond the port's promises."""
        ...

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        """Store bytes under a key, replacing what was there unless a condition forbids it.

        Args:
            key: Where.
            data: Bytes, or a stream that is read to its end. Conditional writes take bytes only.
            if_absent: Create only: exactly one of several concurrent writers succeeds.
            if_match: Replace only if the stored object still has this etag.

        Raises:
            InvalidNameError: The key breaks the grammar.
            AlreadyExistsError: ``if_absent``, and the key exists.
            ConflictError: ``if_match``, and the stored object has another etag or is gone.
            UnsupportedOperationError: A condition without ``CONDITIONAL_PUT``, or a stream or more than
                5 GiB with a condition.
        """
        ...

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        """Bytes of an object, whole or from ``start`` up to but without ``stop``, cut at its end.

        Raises:
            ArtifactNotFoundError: No object has this key.
        """
        ...

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        """A stream of an object's bytes, to be closed by the caller.

        Raises:
            ArtifactNotFoundError: No object has this key.
        """
        ...

    def stat(self, key: str, /) -> ArtifactInfo:
        """Size, etag and time of an object.

        Raises:
            ArtifactNotFoundError: No object has this key.
        """
        ...

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        """Every object whose key begins with ``prefix``, in order of the keys' UTF-8 bytes, read as it is consumed."""
        ...

    def delete(self, key: str, /) -> None:
        """Remove an object; removing what is not there is fine."""
        ...
