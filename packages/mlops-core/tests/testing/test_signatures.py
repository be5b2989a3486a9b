"""What the comparison of an adapter's methods with a protocol finds, one drift at a time."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import pytest
from mlops_core.ports.model_registry import ModelRegistry
from mlops_core.stores.memory.model_registry import MemoryModelRegistry
from mlops_core.testing.signatures import compare_with_protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Method = TypeVar("_Method", bound="Callable[..., object]")


class Port(Protocol):
    @property
    def size(self) -> int: ...

    def put(self, key: str, data: bytes, /, *, if_absent: bool = False, tags: Mapping[str, str] = ...) -> None: ...

    def get(self, key: str, /, start: int, stop: int | None = None) -> bytes: ...


class Good:
    @property
    def size(self) -> int:
        return 0

    def put(self, key: str, data: bytes, /, *, tags: Mapping[str, str] | None = None, if_absent: bool = False) -> None:
        pass

    def get(self, key: str, /, start: int, stop: int | None = None, *, of_its_own: int = 0) -> bytes:
        return b""


def _through(method: _Method) -> _Method:
    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> object:
        return method(*args, **kwargs)

    return cast("_Method", call)


def _put(self: object, key: str, data: bytes, /, *, if_absent: bool = False, tags: object = None) -> None: ...
def _put_without_slash(self: object, key: str, data: bytes, *, if_absent: bool = False, tags: object = 0) -> None: ...
def _put_in_other_order(
    self: object, data: bytes, key: str, /, *, if_absent: bool = False, tags: object = 0
) -> None: ...
def _put_positionally(self: object, key: str, data: bytes, /, if_absent: bool = False, tags: object = 0) -> None: ...
def _put_otherwise_named(self: object, key: str, data: bytes, /, *, absent: bool = False, tags: object = 0) -> None: ...
def _put_by_default(self: object, key: str, data: bytes, /, *, if_absent: bool = True, tags: object = 0) -> None: ...
def _put_without_default(self: object, key: str, data: bytes, /, *, if_absent: bool, tags: object = 0) -> None: ...
def _put_anything(self: object, key: str, data: bytes, /, **options: object) -> None: ...
async def _put_later(self: object, key: str, data: bytes, /, *, if_absent: bool = False, tags: object = 0) -> None: ...
def _get_with_default(self: object, key: str, /, start: int = 0, stop: int | None = None) -> None: ...
def _get_between(self: object, key: str, /, own: int = 0, start: int = 0, stop: int | None = None) -> None: ...
def _get_more(self: object, key: str, /, start: int, stop: int | None = None, *, own: int) -> None: ...


def _size(self: object) -> int:
    return 0


def test_what_differs_in_nothing_that_matters_is_no_difference() -> None:
    assert compare_with_protocol(Good(), Port) == []
    assert compare_with_protocol(MemoryModelRegistry(), ModelRegistry) == []
    wrapped = type("Wrapped", (Good,), {"put": _through(Good.put)})
    assert compare_with_protocol(wrapped(), Port) == []


@pytest.mark.parametrize(
    ("name", "member", "says"),
    [
        ("put", _put_without_slash, "parameter 'key' is not positional only"),
        ("put", _put_in_other_order, "the order is data, key, not key, data"),
        ("put", _put_positionally, "parameter 'if_absent' is not by keyword only"),
        ("put", _put_otherwise_named, "parameter 'if_absent' is missing"),
        ("put", _put_by_default, "the default of 'if_absent' is True, not False"),
        ("put", _put_without_default, "parameter 'if_absent' has no default"),
        ("put", _put_anything, "hides a misspelt argument"),
        ("put", _put_later, "asynchronous"),
        ("put", property(_size), "put is a property, not a method"),
        ("put", None, "put is a property, not a method"),
        ("get", _get_with_default, "parameter 'start' has a default"),
        ("get", _get_between, "the order is key, own, start, stop, not key, start, stop"),
        ("get", _get_more, "parameter 'own' is not the port's and has no default"),
        ("size", _size, "size is a method, not a property"),
    ],
)
def test_each_drift_is_told(name: str, member: object, says: str) -> None:
    drifted = type("Drifted", (Good,), {name: member})
    (difference, *_) = found = compare_with_protocol(drifted(), Port)
    assert difference.startswith(name)
    assert any(says in each for each in found), found


def test_a_missing_method_is_told() -> None:
    class Half:
        put = _put

    assert compare_with_protocol(Half(), Port) == ["size is missing", "get is missing"]


def test_what_inherits_from_the_protocol_is_refused_whatever_it_has() -> None:
    class Heir(Good, Port):
        pass

    (difference,) = compare_with_protocol(Heir(), Port)
    assert difference.startswith("Heir inherits from Port")
