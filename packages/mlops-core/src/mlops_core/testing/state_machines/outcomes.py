"""What a call came to, a value or an error, in a form in which an adapter and the memory backend can be compared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from mlops_core.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    assert adapter == memory, f"{what}\n  the adapter: {adapter}\n  the memory backend: {memory}"


def comparable(value: float) -> float | str:
    """A double that is equal to itself: NaN as text. Zeros of both signs are equal."""
    return "NaN" if math.isnan(value) else value


def comparable_metrics(metrics: Mapping[str, float]) -> dict[str, float | str]:
    """Metrics of which NaN is equal to itself."""
    return {name: comparable(value) for name, value in metrics.items()}
