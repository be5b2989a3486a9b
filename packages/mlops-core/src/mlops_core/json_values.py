"""JSON values: one spelling (RFC 8785), so that a digest names the content, and typed reading."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from mlops_core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Callable

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

LARGEST_EXACT_INTEGER: Final = 2**53 - 1
"""RFC 8785 numbers are doubles: beyond this, an integer and its neighbour would have one spelling."""


def canonical_json(value: JsonValue) -> bytes:
    """The one spelling of a JSON value: UTF-8, keys sorted, numbers as ECMAScript prints them (RFC 8785).

    Args:
        value: Built from ``None``, bool, int within ±(2**53 - 1), finite float, str, sequences and mappings.

    Raises:
        ValueError: A number is not finite or not exact in a double, or a text is not Unicode.
    """
    import rfc8785

    return rfc8785.dumps(cast("Any", plain(value)))  # its own alias wants dict and list by name


def digest_of(value: JsonValue) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal characters."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def plain(value: JsonValue) -> object:
    """The same value of plain dicts and lists, which :mod:`json` can write."""
    if isinstance(value, str) or value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value]


def read_json_object(data: bytes, *, what: str, where: str) -> Mapping[str, JsonValue]:
    """Parse stored bytes that must be one JSON object.

    Args:
        data: The stored bytes.
        what: What is being read, for the message.
        where: The file or key that it came from.

    Raises:
        IntegrityError: The bytes are not JSON, not an object, or name a key twice.
    """

    def number(text: str) -> int | float:
        # A large float without a fraction is spelled like an integer; it must read back as the float that it was.
        value = int(text)
        return value if abs(value) <= LARGEST_EXACT_INTEGER else float(text)

    def refuse_constant(name: str) -> float:
        raise ValueError(f"{name} is not JSON")

    def refuse_doubles(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key is named twice")
        return found

    hook: Callable[[list[tuple[str, JsonValue]]], dict[str, JsonValue]] = refuse_doubles
    try:
        value: JsonValue = json.loads(data, object_pairs_hook=hook, parse_int=number, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise IntegrityError(f"cannot read {what}", where=where, why=str(exc), hint="restore it from a copy") from exc
    if not isinstance(value, Mapping):
        raise IntegrityError(f"cannot read {what}", where=where, why="it is not a JSON object")
    return value


def to_json_value(value: object) -> JsonValue:
    """A JSON value for a person to read, from anything: what JSON cannot hold becomes its ``repr``.

    Used for parameters of estimators and features, whose exact state lives in the model file.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_EXACT_INTEGER else repr(value)
    if isinstance(value, float):
        return value if value - value == 0 else repr(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {str(key): to_json_value(each) for key, each in items}
    if isinstance(value, (list, tuple)):
        return [to_json_value(each) for each in cast("Sequence[object]", value)]
    if isinstance(value, (set, frozenset)):
        return sorted((to_json_value(each) for each in cast("frozenset[object]", value)), key=repr)
    return repr(value)


def as_text(value: JsonValue) -> str:
    """The value, which must be text; else ``TypeError``."""
    if not isinstance(value, str):
        raise TypeError(f"text expected, not {value!r}")
    return value


def as_integer(value: JsonValue) -> int:
    """The value, which must be an integer; else ``TypeError``."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"an integer expected, not {value!r}")
    return value


def as_mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    """The value, which must be an object; else ``TypeError``."""
    if not isinstance(value, Mapping):
        raise TypeError(f"an object expected, not {value!r}")
    return value


def as_sequence(value: JsonValue) -> Sequence[JsonValue]:
    """The value, which must be a list; else ``TypeError``."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"a list expected, not {value!r}")
    return value


def as_mappings(value: JsonValue) -> list[Mapping[str, JsonValue]]:
    """The value, which must be a list of objects; else ``TypeError``."""
    return [as_mapping(each) for each in as_sequence(value)]
