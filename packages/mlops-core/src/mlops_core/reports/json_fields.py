"""How a report document is spelled in JSON, and typed reading of what was spelled so.

Moments are ISO 8601 in UTC, durations are seconds, and the three numbers that JSON lacks are the texts ``NaN``,
``Infinity`` and ``-Infinity``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from mlops_core.errors import IntegrityError
from mlops_core.json_values import as_integer, as_mapping, as_mappings, as_sequence, as_text
from mlops_core.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.json_values import JsonValue

Document = TypeVar("Document")
Record = TypeVar("Record")
_NUMBERS_WITHOUT_JSON = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def written(value: object) -> JsonValue:
    """The JSON form of a record, or of a value that records hold.

    Args:
        value: A record (dataclass), a signature, a moment, a duration, or JSON values, also inside mappings and
            sequences. Numbers that are not finite become texts.

    Raises:
        ValueError: A moment has no time zone.
        TypeError: The value has no JSON form.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _name_of(value)
    if isinstance(value, datetime):
        return _utc(value).isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Signature):
        return written(value.to_json())
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: written(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): written(each) for key, each in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Sequence):
        return [written(each) for each in cast("Sequence[object]", value)]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def read_document(
    value: JsonValue, read: Callable[[Mapping[str, JsonValue]], Document], *, kind: str, schema: int
) -> Document:
    """Read a whole document, after a look at its kind and schema number.

    Args:
        value: What :func:`written` gave, perhaps through a file.
        read: Makes the document from its fields.
        kind: The document's kind, such as ``"training"``.
        schema: The newest schema number that ``read`` understands.

    Raises:
        IntegrityError: It is another kind of document, of a newer schema, or of another shape.
    """
    what, where = f"cannot read a {kind} document", f"{kind} document"
    hint = "write the report again from its run"
    try:
        found = as_mapping(value)
        _check_header(found, kind, schema)
        return read(found)
    except IntegrityError as exc:
        why = f"{exc.what}: {exc.why}" if exc.why else exc.what
        raise IntegrityError(what, where=where, why=why, hint=exc.hint or hint) from exc
    except KeyError as exc:
        raise IntegrityError(what, where=where, why=f"the field {exc} is missing", hint=hint) from exc
    except (TypeError, ValueError, OverflowError) as exc:
        raise IntegrityError(what, where=where, why=str(exc), hint=hint) from exc


def _check_header(found: Mapping[str, JsonValue], kind: str, schema: int) -> None:
    if found["kind"] != kind:
        raise TypeError(f"it is a document of kind {found['kind']!r}")
    number = as_integer(found["schema"])
    if number > schema:
        why = f"its schema is {number}, this library reads up to {schema}"
        raise IntegrityError("the document is too new", why=why, hint="upgrade mlops-core")


def as_number(value: JsonValue) -> float:
    """The value, which must be a number or the text of one that is not finite; else ``TypeError``."""
    if isinstance(value, str) and value in _NUMBERS_WITHOUT_JSON:
        return _NUMBERS_WITHOUT_JSON[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"a number expected, not {value!r}")
    return float(value)


def as_flag(value: JsonValue) -> bool:
    """The value, which must be true or false; else ``TypeError``."""
    if not isinstance(value, bool):
        raise TypeError(f"true or false expected, not {value!r}")
    return value


def as_moment(value: JsonValue) -> datetime:
    """The aware UTC moment; ``ValueError`` for one without a zone."""
    return _utc(datetime.fromisoformat(as_text(value)))


def as_duration(value: JsonValue) -> timedelta:
    """The duration, stored in seconds."""
    return timedelta(seconds=as_number(value))


def as_moments(value: JsonValue) -> tuple[datetime, ...]:
    """A list of moments."""
    return tuple(as_moment(each) for each in as_sequence(value))


def as_texts(value: JsonValue) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(as_text(each) for each in as_sequence(value))


def as_numbers_by_name(value: JsonValue) -> dict[str, float]:
    """Numbers by name."""
    return {name: as_number(each) for name, each in as_mapping(value).items()}


def as_records(value: JsonValue, read: Callable[[Mapping[str, JsonValue]], Record]) -> tuple[Record, ...]:
    """A list of records, each made by ``read``."""
    return tuple(read(each) for each in as_mappings(value))


def optional(value: JsonValue, read: Callable[[JsonValue], Record]) -> Record | None:
    """``None`` stays ``None``; anything else is read."""
    return None if value is None else read(value)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"a moment with a time zone expected, not {moment.isoformat()}")
    return moment.astimezone(UTC)


def _name_of(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"
