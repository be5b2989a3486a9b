"""The registry's mutable documents as values: a model's head, a version's tags, the attempts at a digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_core.json_values import as_integer, as_mapping, as_sequence, as_text
from mlops_core.stores.sealed_documents import opening, seal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasTarget:
    """What an alias points at; the digest saves reading the record."""

    version: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The mutable state of a model: one compare-and-set changes all of it.

    Attributes:
        model: The model's name.
        incarnation: Which life of that name this is.
        nonce: Fresh with every write, because an etag may be the content's hash.
        aliases: What the aliases point at.
        deleting: Versions whose deletion is under way; for everyone who reads they are deleted already.
        deletions: How many deletions of versions have begun in this incarnation. As long as it stays the same, a
            version that was live is live.
        deleted: The model is deleted.
        closing: Somebody is about to delete the model if it has no versions. Any other write takes the flag back and
            so stops the deletion.
    """

    model: str
    incarnation: str
    nonce: str
    aliases: Mapping[str, AliasTarget] = field(default_factory=dict[str, AliasTarget])
    deleting: frozenset[int] = frozenset()
    deletions: int = 0
    deleted: bool = False
    closing: bool = False

    def to_bytes(self) -> bytes:
        """The document."""
        return seal(
            {
                "model": self.model,
                "incarnation": self.incarnation,
                "nonce": self.nonce,
                "aliases": {
                    alias: {"version": each.version, "digest": each.digest} for alias, each in self.aliases.items()
                },
                "deleting": sorted(self.deleting),
                "deletions": self.deletions,
                "deleted": self.deleted,
                "closing": self.closing,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, where: str, model: str) -> Head:
        """Read the document of a model.

        Raises:
            IntegrityError: The bytes are damaged, of another model, or of a newer format.
        """
        with opening(data, where=where, names={"model": model}) as content:
            aliases = {alias: as_mapping(each) for alias, each in as_mapping(content["aliases"]).items()}
            return cls(
                model=model,
                incarnation=as_text(content["incarnation"]),
                nonce=as_text(content["nonce"]),
                aliases={
                    alias: AliasTarget(version=as_integer(each["version"]), digest=as_text(each["digest"]))
                    for alias, each in aliases.items()
                },
                deleting=frozenset(as_integer(each) for each in as_sequence(content["deleting"])),
                deletions=as_integer(content.get("deletions", 1)),  # the first documents did not count them
                deleted=content["deleted"] is True,
                closing=content["closing"] is True,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionTags:
    """The tags of a version, once they differ from the record's.

    Attributes:
        model: The model's name.
        version: The version's number.
        nonce: Fresh with every write.
        tags: All of them.
    """

    model: str
    version: int
    nonce: str
    tags: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """The document.

        Raises:
            InvalidNameError: A value is not Unicode.
        """
        return seal({"model": self.model, "version": self.version, "nonce": self.nonce, "tags": self.tags})

    @classmethod
    def from_bytes(cls, data: bytes, *, where: str, model: str, version: int) -> VersionTags:
        """Read the document of a version.

        Raises:
            IntegrityError: The bytes are damaged, of another version, or of a newer format.
        """
        with opening(data, where=where, names={"model": model, "version": version}) as content:
            tags = {key: as_text(each) for key, each in as_mapping(content["tags"]).items()}
            return cls(model=model, version=version, nonce=as_text(content["nonce"]), tags=tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """The numbers at which registrations of a digest were tried; those that succeeded are among them.

    Attributes:
        model: The model's name.
        digest: The package's digest.
        nonce: Fresh with every write.
        tried: Numbers, each with the operation that was to have it.
    """

    model: str
    digest: str
    nonce: str
    tried: frozenset[tuple[int, str]]

    def to_bytes(self) -> bytes:
        """The document."""
        tried = [[number, operation] for number, operation in sorted(self.tried)]
        return seal({"model": self.model, "digest": self.digest, "nonce": self.nonce, "tried": tried})

    @classmethod
    def from_bytes(cls, data: bytes, *, where: str, model: str, digest: str) -> Attempts:
        """Read the document of a digest.

        Raises:
            IntegrityError: The bytes are damaged, of another digest, or of a newer format.
        """
        with opening(data, where=where, names={"model": model, "digest": digest}) as content:
            pairs = [as_sequence(each) for each in as_sequence(content["tried"])]
            tried = frozenset((as_integer(number), as_text(operation)) for number, operation in pairs)
            return cls(model=model, digest=digest, nonce=as_text(content["nonce"]), tried=tried)
