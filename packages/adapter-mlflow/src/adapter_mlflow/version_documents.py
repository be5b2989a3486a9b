"""What MLflow says of a version, and what the port says of it: the record of a version lies in its tags."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_core.errors import IntegrityError
from mlops_core.json_values import as_mapping, as_mappings, as_sequence, as_text
from mlops_core.manifest import Manifest
from mlops_core.ports.model_registry import ModelVersion, Origin

from adapter_mlflow.run_documents import time_of
from adapter_mlflow.tags import DIGEST, OPERATION_ID, RUN, pairs, users_own

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mlops_core.json_values import JsonValue
    from mlops_core.ports.registration_values import Registration

_MANIFEST: Final = "mlops.manifest"
_METRICS: Final = "mlops.metrics"
_COMMIT: Final = "mlops.commit"
_ORIGIN: Final = "mlops.origin"
_PROMPT: Final = "mlflow.prompt.is_prompt"
_LONGEST: Final = 16_000
"""Characters of one tag: at most 64,000 bytes, which every database that MLflow knows can keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """A version as MLflow stores it.

    Attributes:
        model: The model's name.
        number: The version's number.
        created_at: Aware UTC.
        source: Where its files are, in one of several ways of saying so.
        run_id: The run that it belongs to; ``""`` for none.
        tags: All tags, ours among them.
        aliases: The aliases that point at it, sorted; only some answers tell them.
    """

    model: str
    number: int
    created_at: datetime
    source: str
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]

    @property
    def is_prompt(self) -> bool:
        """Whether it is a version of a prompt."""
        return _is_prompt(self.tags)

    @property
    def digest(self) -> str | None:
        """The digest of its package; ``None`` for what was registered without this library."""
        return self.tags.get(DIGEST)

    @property
    def operation_id(self) -> str:
        """The call that registered it; ``""`` for what was registered without this library."""
        return self.tags.get(OPERATION_ID, "")

    @property
    def manifest_bytes(self) -> bytes:
        """The content of ``package.json``, as the tags hold it now; empty if they hold none."""
        return (_joined(self.tags, _MANIFEST) or "").encode()

    def manifest(self, *, where: str) -> Manifest:
        """What its package holds.

        Raises:
            IntegrityError: Somebody has changed its tags.
        """
        data = self.manifest_bytes
        actual = hashlib.sha256(data).hexdigest()
        if actual != self.digest:
            raise IntegrityError(
                "the manifest of a version is not the one that was registered",
                where=where,
                why=f"SHA-256 is {actual}, the tag {DIGEST} says {self.digest!r:.80}",
                hint="register the model again with if_exists='new'; nothing was loaded",
            )
        return Manifest.from_bytes(data, where=where)

    def record(self, manifest: Manifest, *, where: str, url: str) -> ModelVersion:
        """What the port says of it.

        Args:
            manifest: What its package holds.
            where: The backend and the version, for messages.
            url: Its page.

        Raises:
            IntegrityError: Somebody has changed its tags.
        """
        try:
            metrics = json.loads(_joined(self.tags, _METRICS) or "{}")
            origin = json.loads(_joined(self.tags, _ORIGIN) or "null")
            return ModelVersion(
                model=self.model,
                version=self.number,
                digest=manifest.digest,
                manifest=manifest,
                created_at=self.created_at,
                operation_id=self.operation_id,
                aliases=self.aliases,
                tags=users_own(self.tags),
                metrics={key: float(value) for key, value in metrics.items()},
                run=_joined(self.tags, RUN) if self.digest else self.run_id or None,
                commit=_joined(self.tags, _COMMIT),
                origin=origin and Origin(**origin),
                url=url,
            )
        except (AttributeError, TypeError, ValueError, OverflowError, RecursionError) as exc:
            why = f"one of its tags that begin with mlops. is not what was written: {type(exc).__name__}: {exc}"
            hint = "register the model again with if_exists='new'"
            raise IntegrityError("the record of a version cannot be read", where=where, why=why, hint=hint) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """A model, or a prompt, as MLflow stores it.

    Attributes:
        name: Its name.
        is_prompt: Whether it is a prompt.
        aliases: What its aliases point at.
        newest: Its newest live version of each stage; empty if it has none.
    """

    name: str
    is_prompt: bool
    aliases: Mapping[str, int]
    newest: Sequence[StoredVersion]

    def aliases_of(self, version: int) -> tuple[str, ...]:
        """The aliases that point at a version, sorted."""
        return tuple(sorted(alias for alias, number in self.aliases.items() if number == version))


def version_from_json(value: JsonValue) -> StoredVersion:
    """Read a version of an answer.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    version = as_mapping(value)
    return StoredVersion(
        model=as_text(version["name"]),
        number=int(str(version["version"])),
        created_at=time_of(version.get("creation_timestamp", 0)),
        source=as_text(version.get("source", "")),
        run_id=as_text(version.get("run_id", "")),
        tags=pairs(version.get("tags", [])),
        aliases=tuple(sorted(as_text(each) for each in as_sequence(version.get("aliases", [])))),
    )


def model_from_json(value: JsonValue) -> StoredModel:
    """Read a model of an answer.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    model = as_mapping(value)
    aliases = {as_text(each["alias"]): int(str(each["version"])) for each in as_mappings(model.get("aliases", []))}
    return StoredModel(
        name=as_text(model["name"]),
        is_prompt=_is_prompt(pairs(model.get("tags", []))),
        aliases=dict(sorted(aliases.items())),
        newest=[version_from_json(each) for each in as_mappings(model.get("latest_versions", []))],
    )


def version_tags(asked: Registration) -> dict[str, str]:
    """The tags of a version that is to be made: the user's own, and the record that MLflow has no fields for."""
    tags = {**asked.tags, DIGEST: asked.digest, OPERATION_ID: asked.operation_id}
    documents: dict[str, str | None] = {
        _MANIFEST: asked.manifest.to_bytes().decode(),
        _METRICS: _json(asked.metrics) if asked.metrics else None,
        RUN: asked.run,
        _COMMIT: asked.commit,
        _ORIGIN: None
        if asked.origin is None
        else _json(
            {
                "backend": asked.origin.backend,
                "model": asked.origin.model,
                "version": asked.origin.version,
                "digest": asked.origin.digest,
            }
        ),
    }
    for key, text in documents.items():
        if text is not None:
            tags |= _pieces(key, text)
    return tags


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value)  # Python's JSON writes NaN and the infinities, and reads them again


def _pieces(key: str, text: str) -> dict[str, str]:
    if len(text) <= _LONGEST:
        return {key: text}
    starts = range(0, len(text), _LONGEST)
    return {f"{key}.{number}": text[start : start + _LONGEST] for number, start in enumerate(starts, start=1)}


def _joined(tags: Mapping[str, str], key: str) -> str | None:
    if key in tags:
        return tags[key]
    pieces: list[str] = []
    while (piece := tags.get(f"{key}.{len(pieces) + 1}")) is not None:
        pieces.append(piece)
    return "".join(pieces) if pieces else None


def _is_prompt(tags: Mapping[str, str]) -> bool:
    return tags.get(_PROMPT, "").lower() == "true"
