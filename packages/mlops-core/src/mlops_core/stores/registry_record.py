"""The registry's immutable documents: the record of a version, whose existence is the version's, and the fence.

A fence takes a number and makes no version of it: whoever was about to use that number has to look again. It stands
where a record would, since only there can it be created instead of one; :mod:`mlops_core.stores.collection` says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mlops_core.errors import IntegrityError
from mlops_core.json_values import as_integer, as_mapping, as_text, canonical_json, read_json_object
from mlops_core.manifest import Manifest
from mlops_core.ports.model_registry import Origin
from mlops_core.stores.sealed_documents import opening, seal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.json_values import JsonValue

_WORDS: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "-0.0": "-0"}
_NUMBERS: Final = {word: float(number) for number, word in _WORDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The record of a version.

    Attributes:
        model: The model's name.
        incarnation: The life of the model that it belongs to.
        version: Its number.
        digest: The package's digest.
        folder: The folder below ``packages/<model>/`` that holds the files, of this record alone.
        manifest: What the package holds.
        created_at: When it was written, aware UTC.
        operation_id: The call that wrote it.
        tags: First tags; a tags document, once there is one, replaces them.
        metrics: Metrics by name, finite or not.
        run: Id of the tracker's run that made it.
        commit: Commit of the code that made it.
        origin: Where it was copied from.
    """

    model: str
    incarnation: str
    version: int
    digest: str
    folder: str
    manifest: Manifest
    created_at: datetime
    operation_id: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    run: str | None
    commit: str | None
    origin: Origin | None

    def to_bytes(self) -> bytes:
        """The document.

        Raises:
            InvalidNameError: A text is not Unicode.
        """
        return seal(
            {
                "model": self.model,
                "incarnation": self.incarnation,
                "version": self.version,
                "digest": self.digest,
                "folder": self.folder,
                "manifest": read_json_object(self.manifest.to_bytes(), what="a manifest", where=self.model),
                "created_at": self.created_at.astimezone(UTC).isoformat(),
                "operation_id": self.operation_id,
                "tags": self.tags,
                "metrics": {name: _metric_to_json(each) for name, each in self.metrics.items()},
                "run": self.run,
                "commit": self.commit,
                "origin": _origin_to_json(self.origin),
            }
        )


def fence(model: str, incarnation: str, version: int) -> bytes:
    """The document of a fence; shorter than any record, so that a listing tells which objects may be fences."""
    return seal({"model": model, "incarnation": incarnation, "version": version, "fence": True})


def read_record(data: bytes, *, where: str, model: str, incarnation: str, version: int) -> Record | None:
    """Read what stands at the number of a version; ``None`` for a fence.

    Raises:
        IntegrityError: The bytes are damaged, of another version, or of a newer format.
    """
    names: Mapping[str, JsonValue] = {"model": model, "incarnation": incarnation, "version": version}
    with opening(data, where=where, names=names) as content:
        if content.get("fence") is True:
            return None
        record = Record(
            model=model,
            incarnation=incarnation,
            version=version,
            digest=as_text(content["digest"]),
            folder=as_text(content["folder"]),
            manifest=Manifest.from_bytes(canonical_json(content["manifest"]), where=where),
            created_at=datetime.fromisoformat(as_text(content["created_at"])).astimezone(UTC),
            operation_id=as_text(content["operation_id"]),
            tags={key: as_text(each) for key, each in as_mapping(content["tags"]).items()},
            metrics={name: _metric_from_json(each) for name, each in as_mapping(content["metrics"]).items()},
            run=_text_or_none(content["run"]),
            commit=_text_or_none(content["commit"]),
            origin=_origin_from_json(content["origin"]),
        )
    if record.manifest.digest != record.digest:
        why = f"the manifest's digest is {record.manifest.digest}, the record says {record.digest}"
        raise IntegrityError("a version's record contradicts itself", where=where, why=why)
    return record


def _metric_to_json(value: float) -> JsonValue:
    # JSON has no word for three of these, and canonical JSON writes -0.0 as 0.
    return _WORDS.get(repr(float(value)), value)


def _metric_from_json(value: JsonValue) -> float:
    if isinstance(value, str):
        return _NUMBERS[value]
    return value if isinstance(value, float) else float(as_integer(value))


def _text_or_none(value: JsonValue) -> str | None:
    return None if value is None else as_text(value)


def _origin_to_json(origin: Origin | None) -> JsonValue:
    if origin is None:
        return None
    return {"backend": origin.backend, "model": origin.model, "version": origin.version, "digest": origin.digest}


def _origin_from_json(value: JsonValue) -> Origin | None:
    if value is None:
        return None
    found = as_mapping(value)
    return Origin(
        backend=as_text(found["backend"]),
        model=as_text(found["model"]),
        version=as_integer(found["version"]),
        digest=as_text(found["digest"]),
    )
