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

    Promises, each with a contract test of the same name in ``mlops_core.testing``:

    * ``bytes_round_trip``: what was put is what is got, whole or any range of it; empty objects and streams too. A
      range ends where the object does, and is empty where there is nothing of it.
    * ``keys_obey_one_grammar``: relative POSIX paths (``models/churn/head.json``), compared exactly; no empty part, no
      ``.`` or ``..``, no control character, at most 900 bytes of UTF-8; checked before any request, never altered.
    * ``keys_are_never_merged``: two keys are two objects, be they twins that differ by case or by Unicode's normal form
      only. A key that a store cannot hold as it is, or not beside those that it holds, is refused with
      ``InvalidNameError`` when it is put, and missing for everyone who reads. Every store takes keys of parts of at
      most 255 bytes, none of which is ``tmp`` or a folder of another (``a`` beside ``a/b``); file systems take no more,
      and some take no twins.
    * ``a_write_is_seen_whole_or_not_at_all``: and by every later read, stat and listing; a stream that fails leaves
      what was there before. What was opened goes on as it was when it was opened.
    * ``etags_name_contents``: an etag changes whenever the content does; ``get`` reads etag and bytes in one step. It
      names no write: the same bytes, put again, may have the same etag, so who must tell two writes apart puts a nonce
      into the bytes.
    * ``find_is_in_key_order``: every key of a prefix, literally, in the order of the keys' UTF-8 bytes, however many,
      each with what ``stat`` says. What is there all the while is found once, whatever else is written meanwhile. A
      prefix that no key can have finds nothing.
    * ``folders_are_the_next_parts``: of the keys below a prefix, each once, in the order in which ``find`` comes to
      them. A folder is there as long as it has a key.
    * ``deleting_is_idempotent``: removing what is not there is fine; what was removed is gone for every later call.
    * ``missing_is_an_error_of_its_own``: ``ArtifactNotFoundError``, never empty bytes.
    * ``a_condition_has_one_winner``: ``if_absent`` and ``if_match`` with ``CONDITIONAL_PUT``, under concurrency too;
      refused without. What is refused has changed nothing. ``if_match`` never brings back what was deleted.
    * ``times_are_the_stores_own``: ``modified_at`` is aware UTC by the store's clock, to the second at least.
    * ``the_process_stays_as_it_was``: no environment writes, no logging set-up; several threads at once.
    * ``vendor_errors_arrive_as_ours``: with the original as ``__cause__``; secrets appear nowhere. A write whose reply
      is lost is ``BackendUnavailableError`` whether it was made or not, never a refusal: a store does not try a write
      under a condition again, since it would find its own. Bugs of ours pass through untouched, and so does whatever
      the stream that is put raises, an ``OSError`` too.

    Every method may raise ``AuthenticationError``, ``AccessDeniedError`` and ``BackendUnavailableError``. A method that
    gives an iterator may raise at its first step instead of at the call.
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
            data: Bytes, or a stream that is read from where it stands to its end, in pieces of any size, and is left
                open. Conditional writes take bytes only.
            if_absent: Create only: exactly one of several concurrent writers succeeds.
            if_match: Replace only if the stored object still has this etag.

        Returns:
            What ``stat`` says of the new object; the time may be that of the reply.

        Raises:
            InvalidNameError: The key breaks the grammar, or the store cannot hold it.
            ValueError: Both conditions at once.
            AlreadyExistsError: ``if_absent``, and the key exists.
            ConflictError: ``if_match``, and the stored object has another etag or is gone.
            UnsupportedOperationError: A condition without ``CONDITIONAL_PUT``, or a stream or more than
                5 GiB with a condition.
        """
        ...

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        """Bytes of an object, whole or from ``start`` up to but without ``stop``, cut at its end.

        Raises:
            InvalidNameError: The key breaks the grammar.
            ValueError: ``start`` or ``stop`` is negative.
            ArtifactNotFoundError: No object has this key.
        """
        ...

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        """A stream of an object's bytes from ``start`` to its end, to be closed by the caller.

        Raises:
            InvalidNameError: The key breaks the grammar.
            ValueError: ``start`` is negative.
            ArtifactNotFoundError: No object has this key.
        """
        ...

    def stat(self, key: str, /) -> ArtifactInfo:
        """Size, etag and time of an object.

        Raises:
            InvalidNameError: The key breaks the grammar.
            ArtifactNotFoundError: No object has this key.
        """
        ...

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        """Every object whose key begins with ``prefix``, in order of the keys' UTF-8 bytes, read as it is consumed."""
        ...

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        """The distinct next parts of the keys below a prefix, in order of those keys, read as it is consumed.

        With the keys ``a/b/1``, ``a/b/2``, ``a/c/1`` and ``a/d``, the folders of ``a/`` are ``b`` and ``c``. It costs
        about as much as there are folders, not as there are keys. In order of the keys ``b-c`` comes before ``b``,
        since ``-`` sorts before ``/``.

        Args:
            prefix: ``""``, or a key and a slash.

        Raises:
            InvalidNameError: The prefix is neither.
        """
        ...

    def delete(self, key: str, /) -> None:
        """Remove an object; removing what is not there is fine.

        Raises:
            InvalidNameError: The key breaks the grammar.
        """
        ...
