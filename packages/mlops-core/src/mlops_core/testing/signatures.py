"""Compares an object's methods with a protocol's at run time; adapters do not inherit from protocols."""

from __future__ import annotations

import inspect
from inspect import Parameter
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_KINDS: Final = {
    Parameter.POSITIONAL_ONLY: "positional only (before a '/')",
    Parameter.POSITIONAL_OR_KEYWORD: "positional or by keyword",
    Parameter.KEYWORD_ONLY: "by keyword only (after a '*')",
}
_NOT_MEMBERS: Final = frozenset({"_abc_impl", "_is_protocol", "_is_runtime_protocol"})


def compare_with_protocol(instance: object, protocol: type) -> list[str]:
    """How an object differs from a protocol, one sentence for each difference.

    Names, kinds, order and defaults of parameters are compared; ``...`` as the protocol's default stands for any. What
    an adapter adds has a default. Annotations are the type checker's business.

    Args:
        instance: The object.
        protocol: The protocol.

    Returns:
        The differences; none for an object that can stand for any other of the protocol.
    """
    if protocol in type(instance).__mro__:
        name = type(instance).__name__
        return [f"{name} inherits from {protocol.__name__}: a method that it lacks would return None without a word"]
    return [each for name, member in _members(protocol).items() for each in _differences(instance, name, member)]


def _members(protocol: type) -> Mapping[str, object]:
    return {
        name: member
        for name, member in vars(protocol).items()
        if not name.startswith("__") and name not in _NOT_MEMBERS and (callable(member) or isinstance(member, property))
    }


def _differences(instance: object, name: str, member: object) -> Iterator[str]:
    missing = object()
    static = inspect.getattr_static(instance, name, missing)
    if static is missing:
        yield f"{name} is missing"
    elif isinstance(member, property):
        if inspect.isroutine(static) or isinstance(static, (staticmethod, classmethod)):
            yield f"{name} is a method, not a property"
    elif isinstance(static, property) or not callable(getattr(instance, name)):
        yield f"{name} is a property, not a method"
    else:
        ours = cast("Callable[..., object]", member)
        theirs = cast("Callable[..., object]", getattr(instance, name))
        if inspect.iscoroutinefunction(ours) != inspect.iscoroutinefunction(theirs):
            yield f"{name} is asynchronous on one side only"
        yield from (f"{name}: {each}" for each in _parameter_differences(_parameters(ours)[1:], _parameters(theirs)))


def _parameters(method: Callable[..., object]) -> list[Parameter]:
    return list(inspect.signature(method).parameters.values())


def _parameter_differences(ours: list[Parameter], theirs: list[Parameter]) -> Iterator[str]:
    expected = {each.name: each for each in ours}
    given = {each.name: each for each in theirs}
    for name, each in expected.items():
        difference = _difference(each, given.get(name))
        if difference:
            yield difference
    for name, each in given.items():
        if each.kind in {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}:
            yield f"it takes {each}, which hides a misspelt argument"
        elif name not in expected and each.default is Parameter.empty:
            yield f"parameter {name!r} is not the port's and has no default"
    order, found = _order(ours), _order(theirs)
    if found[: len(order)] != order and set(order) <= set(found):
        yield f"the order is {', '.join(found)}, not {', '.join(order)}"


def _difference(ours: Parameter, theirs: Parameter | None) -> str:
    if theirs is None:
        return f"parameter {ours.name!r} is missing"
    if theirs.kind is not ours.kind:
        return f"parameter {ours.name!r} is not {_KINDS[ours.kind]}"
    if (ours.default is Parameter.empty) != (theirs.default is Parameter.empty):
        return f"parameter {ours.name!r} has {'a' if ours.default is Parameter.empty else 'no'} default"
    if ours.default is not Parameter.empty and ours.default is not ... and theirs.default != ours.default:
        return f"the default of {ours.name!r} is {theirs.default!r}, not {ours.default!r}"
    return ""


def _order(parameters: list[Parameter]) -> list[str]:
    """The names whose order matters."""
    return [each.name for each in parameters if each.kind is not Parameter.KEYWORD_ONLY]
