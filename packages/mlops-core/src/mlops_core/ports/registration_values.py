"""What every registry does with the input of ``register`` before any request: checks, and the one form that is kept."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.errors import IntegrityError, InvalidNameError
from mlops_core.json_values import LARGEST_EXACT_INTEGER
from mlops_core.manifest import MANIFEST_FILE, Manifest, PackageFile
from mlops_core.naming import check_log_key, check_model_name, check_tags, check_text, check_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.ports.model_registry import Origin

_OPERATION_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_CHOICES: Final = ("return", "new")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What one call of ``register`` asks for, checked, in copies that the caller cannot change any more.

    Attributes:
        model: The model's name.
        manifest: What the package holds.
        digest: The manifest's digest.
        operation_id: The call's id.
        tags: First tags.
        metrics: Metrics as doubles, finite or not.
        run: Id of the tracker's run.
        commit: Commit of the code.
        origin: Where it was copied from.
    """

    model: str
    manifest: Manifest
    digest: str
    operation_id: str
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    run: str | None
    commit: str | None
    origin: Origin | None

    @property
    def files(self) -> tuple[PackageFile, ...]:
        """Every file to store, ``package.json`` first, with the size and the SHA-256 that it must have."""
        size = len(self.manifest.to_bytes())
        return PackageFile(path=MANIFEST_FILE, size=size, sha256=self.digest), *self.manifest.files


def checked_registration(
    model: str,
    manifest: Manifest,
    *,
    operation_id: str,
    if_exists: str,
    tags: Mapping[str, str],
    metrics: Mapping[str, float],
    run: str | None,
    commit: str | None,
    origin: Origin | None,
) -> Registration:
    """Check the arguments of ``register``; they mean what they mean there.

    Raises:
        InvalidNameError: The model's name, a metric's or a tag breaks the grammar; the operation id is none;
            ``if_exists`` is no choice; a metric is no number; or the run, the commit or the origin cannot be stored.
        IntegrityError: The manifest is none that a package can have: it could not be read back.
    """
    check_model_name(model)
    check_tags(tags)
    check_text("the operation id", operation_id)
    if not _OPERATION_ID.fullmatch(operation_id):
        why = "an operation id is 1 to 64 letters, digits and dashes"
        raise InvalidNameError(f"{operation_id!r:.80} is no operation id", why=why, hint="uuid.uuid4().hex")
    if if_exists not in _CHOICES:
        why = f"what to do if the package exists is 'return' or 'new', not {if_exists!r:.60}"
        raise InvalidNameError(f"cannot register a version of {model!r}", why=why, hint='if_exists="return"')
    for name, value in (("the run", run), ("the commit", commit)):
        if value is not None:
            check_text(name, value)
    if origin is not None:
        _check_origin(origin)
    whole = _whole_manifest(manifest, model)
    return Registration(
        model=model,
        manifest=whole,
        digest=hashlib.sha256(whole.to_bytes()).hexdigest(),
        operation_id=operation_id,
        tags=dict(tags),
        metrics={name: _metric(name, value) for name, value in metrics.items()},
        run=run,
        commit=commit,
        origin=origin,
    )


def _metric(name: str, value: object) -> float:
    check_log_key("a metric's name", name)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    why = f"a metric is a number that a double can hold, not {value!r:.60}"
    raise InvalidNameError(f"the metric {name!r} cannot be stored", why=why, hint="float(value)")


def _check_origin(origin: Origin) -> None:
    check_text("the origin's backend", origin.backend)
    check_text("the origin's model", origin.model)
    check_text("the origin's digest", origin.digest)
    check_version(origin.version)
    if origin.version > LARGEST_EXACT_INTEGER:
        why = f"it is above {LARGEST_EXACT_INTEGER:,}, up to which every JSON reader counts exactly"
        raise InvalidNameError("the origin's version cannot be stored", why=why, hint="leave the origin out")


def _whole_manifest(manifest: Manifest, model: str) -> Manifest:
    where = f"the package to be registered as {model!r}"
    try:
        data = manifest.to_bytes()
    except ValueError as exc:
        hint = "build the package again: Unicode text and finite numbers"
        raise IntegrityError("the package's manifest cannot be written", where=where, why=str(exc), hint=hint) from exc
    read = Manifest.from_bytes(data, where=where)
    if read.to_bytes() != data:
        why = "what is read back differs from what was given"
        raise IntegrityError("the package's manifest cannot be read back", where=where, why=why)
    return read
