"""The model registry port: numbered versions of packages, aliases and tags."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from mlops_core.manifest import Manifest, Package


class ModelRegistryCapability(enum.Flag):
    """What an instance of a registry can do beyond the port's promises. Declared means that it works under concurrency.

    Undeclared means refused for ``ALIAS_COMPARE_AND_SET``. The other two are weaker then: their calls still work, one
    after the other.
    """

    NONE = 0
    ALIAS_COMPARE_AND_SET = enum.auto()
    """``set_alias(expected=...)`` has exactly one winner under concurrency; without the flag it is refused."""
    ATOMIC_DEDUP = enum.auto()
    """``register(if_exists="return")`` makes one version of one digest also when several call it at once."""
    ATOMIC_TAG_MERGE = enum.auto()
    """``set_tags`` never loses a key that another writer sets at the same time; without the flag it may."""


class Unchecked(enum.Enum):
    """The type of :data:`UNCHECKED`."""

    UNCHECKED = "unchecked"


UNCHECKED: Final = Unchecked.UNCHECKED
"""``set_alias`` without a condition on what the alias points at."""
IfExists: TypeAlias = Literal["return", "new"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a copied version first came from."""

    backend: str
    model: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedVersion:
    """A version that cannot move: what an alias points at, at the moment of asking.

    Attributes:
        model: The model's name, verbatim.
        version: The vendor's number.
        digest: The package's digest; the key of every cache.
    """

    model: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion(PinnedVersion):
    """A version's record: everything that is known about it beyond its bytes.

    Attributes:
        manifest: What the package holds.
        created_at: When it was registered, by the backend's clock, aware UTC.
        operation_id: The call that registered it.
        aliases: The aliases that point at it, sorted.
        tags: Mutable key and value pairs.
        metrics: Metrics given at registration, by name; immutable.
        run: Id of the tracker's run that made it.
        commit: Commit of the code that made it.
        origin: Where it was first copied from.
        url: The vendor's page, where there is one.
        reused: True only on the answer of a ``register`` that gave back a version that another call had made.
    """

    manifest: Manifest
    created_at: datetime
    operation_id: str
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    run: str | None = None
    commit: str | None = None
    origin: Origin | None = None
    url: str | None = None
    reused: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    """A model of a registry: its name, verbatim, and its aliases with the versions that they point at."""

    name: str
    aliases: Mapping[str, int]
    url: str | None = None


class ModelRegistry(Protocol):
    """Numbered versions of packages, under names, with aliases and tags.

    Promises, each with a contract test of the same name in ``mlops_core.testing``:

    * ``numbers_increase_and_are_never_reused``: versions are integers as the vendor prints them, strictly increasing
      in the order of registration, never used again while the model exists. Gaps are allowed; the first is any.
    * ``every_version_has_the_digest_of_its_package``: the digest, never (name, version), is the identity of caches;
      the manifest comes back equal.
    * ``records_hold_what_was_given``: operation id, tags, run, commit and origin exactly, metrics to the last bit, NaN
      and infinities too; what was not given is ``None`` or empty. ``created_at`` is aware UTC. A record says what was
      so when it was read, and sharing no mapping with the registry it stays so.
    * ``same_digest_is_given_back_or_made_anew``: ``if_exists="return"`` gives back the highest live version of the same
      digest, with nothing of it changed, ``"new"`` makes another, ``reused`` says which. Exact under concurrency with
      ``ATOMIC_DEDUP``, else one call after the other.
    * ``concurrent_registrations_all_count``: each succeeds or raises ``BackendUnavailableError``; numbers are unique
      and nothing is lost.
    * ``one_call_makes_one_version``: lost replies included; an unknown outcome is looked up by the operation id before
      anything is sent again. The same call again, one after the other, gives back its own version; see ``register``.
    * ``a_version_is_whole_or_absent``: ``register`` returns only after every file is stored; nobody sees a version
      before; a package that is not what its manifest says leaves none; a crash at any point leaves either no version
      or a whole one.
    * ``what_is_read_is_verified``: size and SHA-256 of every file, failing closed with ``IntegrityError`` before
      anything is deserialised; files that the manifest does not name are ignored.
    * ``tags_merge``: ``set_tags`` sets the keys that are given, ``None`` removes one, others stay. No other writer's
      key is lost under concurrency with ``ATOMIC_TAG_MERGE``, else one call after the other.
    * ``deleting_is_idempotent_and_final``: a deleted version never resolves; a model with live versions is deleted only
      with ``force=True``; a model made again shares nothing with the one that was deleted.
    * ``an_alias_points_at_one_version``: moving it is one step, and a race ends with one of the written values and no
      error. ``expected`` is compare-and-set with ``ALIAS_COMPARE_AND_SET``, refused without.
    * ``latest_is_a_method_and_no_alias``: it is the highest live version; ``latest``, ``v<n>`` and all-digit aliases
      are refused everywhere.
    * ``missing_things_are_told_apart``: ``ModelNotFoundError``, ``VersionNotFoundError``, ``AliasNotFoundError``, and
      ``ArtifactNotFoundError`` for a file; each names operation, subject, backend, why, and what to do next.
    * ``names_obey_one_grammar``: what creates a name obeys :mod:`mlops_core.naming`, checked before any request, never
      altered on the way. What reads, sets an alias or tags, or deletes takes any model that the vendor has, verbatim.
    * ``listings_are_complete_and_current``: iterators, models by name, versions newest first, aliases complete; what
      one call has done every later call sees.
    * ``the_process_stays_as_it_was``: no environment writes, no global address, no logging set-up; two registries of
      one vendor at once; several threads at once.
    * ``vendor_errors_arrive_as_ours``: with the original as ``__cause__``; bugs of ours pass through untouched; secrets
      appear nowhere.

    Every method may raise ``AuthenticationError``, ``AccessDeniedError`` and ``BackendUnavailableError``. Every method
    that takes a version raises ``InvalidNameError`` for what is no integer from 0 on; ``True`` is none. A method that
    gives an iterator may raise at its first step instead of at the call.
    """

    @property
    def capabilities(self) -> ModelRegistryCapability:
        """What this instance can do beyond the port's promises."""
        ...

    def register(
        self,
        model: str,
        package: Package,
        /,
        *,
        operation_id: str,
        if_exists: IfExists = "return",
        tags: Mapping[str, str] = ...,
        metrics: Mapping[str, float] = ...,
        run: str | None = None,
        commit: str | None = None,
        origin: Origin | None = None,
    ) -> ModelVersion:
        """Store a package as a version of a model, which is created if need be.

        One call makes one version, lost replies included: an unknown outcome is looked up by ``operation_id`` before
        anything is sent again. It returns only after every file is stored; a crash at any point leaves either no
        version or a whole one. A registration that fails may leave a model without versions, or none.

        The operation id, the model and the package's digest together name a call. Made again after an error or a kill,
        by any instance, it gives back the live version that it has made, with nothing changed and ``reused`` false,
        whatever ``if_exists`` says. With another package, or in a model that was made again, it is another call. If its
        version was deleted since, it makes another one or raises ``ConflictError``.

        Args:
            model: The model's name.
            package: What to store.
            operation_id: Names this call; 1 to 64 letters, digits and dashes.
            if_exists: What to do with a package that another call has registered. ``"return"`` gives back the highest
                live version of the same digest if there is one, with ``reused`` set and nothing of it changed;
                ``"new"`` makes another.
            tags: First tags.
            metrics: Metrics of the record, finite or not; their names obey :func:`mlops_core.naming.check_log_key`, as
                those of runs do.
            run: Id of the tracker's run that made it.
            commit: Commit of the code that made it.
            origin: Where it was copied from.

        Raises:
            InvalidNameError: A name, of a metric too, or a tag breaks the grammar, or another argument cannot be kept
                exactly; nothing was made, no model either. See
                :func:`mlops_core.ports.registration_values.checked_registration`.
            IntegrityError: A file of the package is not what its manifest says, or the manifest is none; no version was
                made.
            ConflictError: The version that this very call had made was deleted, or the model is being deleted.
        """
        ...

    def get(self, model: str, version: int, /) -> ModelVersion:
        """The record of one version.

        Raises:
            ModelNotFoundError: No such model.
            VersionNotFoundError: No such version, or it was deleted.
        """
        ...

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        """What an alias points at now; in one request where the vendor allows it.

        Raises:
            ModelNotFoundError: No such model.
            AliasNotFoundError: The model has no such alias.
        """
        ...

    def latest(self, model: str, /) -> PinnedVersion:
        """The highest live version.

        Raises:
            ModelNotFoundError: No such model.
            VersionNotFoundError: The model has no live version.
        """
        ...

    def models(self) -> Iterator[RegisteredModel]:
        """Every model, in order of name, aliases complete; read as it is consumed."""
        ...

    def versions(self, model: str, /) -> Iterator[ModelVersion]:
        """Every live version, newest first, aliases complete; read as it is consumed.

        Raises:
            ModelNotFoundError: No such model; at the call, or at the first step of the iterator.
        """
        ...

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        """Point an alias at one version, in one step; a race ends with one of the written values and no error.

        Args:
            model: The model's name.
            alias: The alias.
            version: The version that it shall point at.
            expected: Compare-and-set: the version that it must point at now, ``None`` for none.

        Raises:
            InvalidNameError: The alias breaks the grammar, or ``version`` or ``expected`` is no number of a version.
            ModelNotFoundError: No such model.
            VersionNotFoundError: No such version.
            ConflictError: ``expected`` does not hold.
            UnsupportedOperationError: ``expected`` without ``ALIAS_COMPARE_AND_SET``.
        """
        ...

    def delete_alias(self, model: str, alias: str, /) -> None:
        """Remove an alias; removing what is not there is fine.

        Raises:
            ModelNotFoundError: No such model.
        """
        ...

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        """Merge tags into a version's; a value of ``None`` removes the key, other keys stay.

        Raises:
            InvalidNameError: A key or value breaks the grammar.
            ModelNotFoundError: No such model.
            VersionNotFoundError: No such version.
        """
        ...

    def delete_version(self, model: str, version: int, /) -> None:
        """Delete a version with its aliases; deleting what is not there is fine. It never resolves again.

        Raises:
            ModelNotFoundError: No such model.
        """
        ...

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        """Delete a model; deleting what is not there is fine.

        Raises:
            ConflictError: It has live versions and ``force`` is not given.
        """
        ...

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        """A stream of one file of a version's package, to be closed by the caller; not verified yet.

        Args:
            version: The version; found by its number, and compared by its digest.
            path: A path of ``manifest.paths``: ``package.json`` itself, or a file that the manifest names.

        Raises:
            ModelNotFoundError: No such model.
            VersionNotFoundError: No such version, it was deleted, or its number is another package now.
            ArtifactNotFoundError: It is neither ``package.json`` nor a file that the version's manifest names.
            IntegrityError: The manifest names the file, and the backend has lost it.
        """
        ...
