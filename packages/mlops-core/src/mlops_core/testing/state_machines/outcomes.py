"""What a call came to, a value or an error, in a form in which an adapter and the memory backend can be compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from mlops_core.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_Value = TypeVar("_Value")
_ERRORS = "mlops_core.errors"


@dataclass(frozen=True)
class Gave(Generic[_Value]):
    """The call gave a value."""

    value: _Value


@dataclass(frozen=True)
class Raised:
    """The call raised one of our errors: its class of :mod:`mlops_core.errors`, whatever subclass an adapter has."""

    kind: str


def outcome(call: Callable[[], _Value]) -> Gave[_Value] | Raised:
    """What a call comes to; an exception that is none of ours goes through."""
    try:
        return Gave(call())
    except MlopsError as exc:
        return Raised(next(each.__name__ for each in type(exc).__mro__ if each.__module__ == _ERRORS))


def check_same(what: str, adapter: object, memory: object) -> None:
    """Fail if two outcomes differ.

    Args:
        what: The call, for the message.
        adapter: The adapter's outcome.
        memory: That of the memory backend.
    """
    if adapter == memory:
        return
    lines = [what, f"  the adapter: {adapter}", f"  the memory backend: {memory}"]
    one, other = _difference(adapter, memory)
    if (one, other) != (adapter, memory):
        lines.append(f"  where they differ: {one} is not {other}")
    # Not by an assert statement, of which pytest would print both values again.
    raise AssertionError("\n".join(lines))


def _difference(one: object, other: object) -> tuple[object, object]:
    """The innermost parts in which two values differ first."""
    ours, theirs = _parts(one), _parts(other)
    if not ours or len(ours) != len(theirs):
        return one, other
    return next((_difference(a, b) for a, b in zip(ours, theirs, strict=True) if a != b), (one, other))


def _parts(value: object) -> Sequence[object]:
    if isinstance(value, Gave):
        return [cast("Gave[object]", value).value]
    return cast("Sequence[object]", value) if isinstance(value, (list, tuple)) else []


def comparable(value: float) -> float | str:
    """A double that is equal to itself: NaN as text. Zeros of both signs are equal."""
    return "NaN" if math.isnan(value) else value


def comparable_metrics(metrics: Mapping[str, float]) -> dict[str, float | str]:
    """Metrics of which NaN is equal to itself."""
    return {name: comparable(value) for name, value in metrics.items()}
