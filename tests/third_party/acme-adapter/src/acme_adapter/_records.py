"""Between the port's records and the vault's.

The ``checksum`` of a version in the vault is the package's digest, its ``external_id`` the operation id, and its
``notes`` hold the rest of the record, which the vault has no fields for, as JSON.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mlops_core.errors import IntegrityError
from mlops_core.manifest import Manifest, open_verified
from mlops_core.ports.model_registry import ModelVersion, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acme_vault import Version
    from mlops_core.manifest import Package
    from mlops_core.ports.registration_values import Registration

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_time(milliseconds: int) -> datetime:
    """A time of the vault, aware UTC. Integers all the way: a float of seconds would lose the last digit."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def to_milliseconds(time: datetime) -> int:
    """A time as the vault writes it."""
    return (time - _EPOCH) // timedelta(milliseconds=1)


def read_files(package: Package, asked: Registration) -> Iterator[tuple[str, bytes]]:
    """Every file of a package with its path, compared with the manifest while it is read.

    Raises:
        IntegrityError: A file is missing, or not what the manifest says.
    """
    where = f"the package to be registered as {asked.model!r}"
    for each in asked.files:
        with open_verified(package, each, where=where) as stream:
            yield each.path, stream.read()


def to_notes(asked: Registration) -> str:
    """The notes of a version that is to be made."""
    origin = asked.origin
    return json.dumps(
        {
            "manifest": asked.manifest.to_bytes().decode(),
            "metrics": dict(asked.metrics),  # Python's JSON writes NaN and the infinities, and reads them again
            "run": asked.run,
            "commit": asked.commit,
            "origin": origin and [origin.backend, origin.model, origin.version, origin.digest],
        }
    )


def to_record(found: Version, *, where: str) -> ModelVersion:
    """The port's record of a version of the vault.

    Raises:
        IntegrityError: The version was not made by this adapter, or somebody changed its notes.
    """
    try:
        notes: dict[str, Any] = json.loads(found.notes)
        manifest = Manifest.from_bytes(notes["manifest"].encode(), where=where)
        origin = notes["origin"]
        record = ModelVersion(
            model=found.model,
            version=found.number,
            digest=found.checksum,
            manifest=manifest,
            created_at=to_time(found.created_at),
            operation_id=found.external_id,
            aliases=tuple(sorted(found.aliases)),
            tags=found.tags,
            metrics=notes["metrics"],
            run=notes["run"],
            commit=notes["commit"],
            origin=origin and Origin(backend=origin[0], model=origin[1], version=origin[2], digest=origin[3]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        why = "its notes are not those of a package"
        hint = "it was made with other tools: register the package with this library"
        raise IntegrityError("a version cannot be read", where=where, why=why, hint=hint) from exc
    if manifest.digest != found.checksum:
        why = f"its manifest's digest is {manifest.digest}, its checksum {found.checksum}"
        raise IntegrityError("a version contradicts itself", where=where, why=why)
    return record
