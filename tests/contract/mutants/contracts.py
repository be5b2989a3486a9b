"""Opts mutants in: each gets a class of its own, as an adapter's author would write one."""

from __future__ import annotations

import inspect
from types import new_class
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from mlops_core.testing.contract import CONTRACT_VERSION, contract_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping
    from types import ModuleType

    from mlops_core.testing import Contract

_Mutant = TypeVar("_Mutant")
_Subject = TypeVar("_Subject")


def mutants_of(base: type[_Mutant], *modules: ModuleType) -> list[type[_Mutant]]:
    """The mutants that modules define, as they stand there; what begins with an underscore is a part of one."""
    return [
        each
        for module in modules
        for each in vars(module).values()
        if inspect.isclass(each)
        and issubclass(each, base)
        and each.__module__ == module.__name__
        and each.__name__[0] != "_"
    ]


def contract_classes(
    contract: type[Contract],
    mutants: Iterable[type[_Mutant]],
    *,
    fixture: str,
    subject: Callable[[type[_Mutant]], _Subject],
    beyond: type[Contract] | None = None,
) -> Mapping[str, type]:
    """A test class for each mutant, by name.

    Args:
        contract: The contract that they are held to.
        mutants: The mutants, and the honest class that they are made of.
        fixture: The fixture that an author gives, such as ``"fresh_registry"``.
        subject: Makes an empty instance of a mutant.
        beyond: Only the tests that this contract does not have are run.
    """
    left_out = contract_tests(beyond) if beyond else {}
    return {f"Test{each.__name__}": _contract_class(contract, each, fixture, subject, left_out) for each in mutants}


def _contract_class(
    contract: type[Contract],
    mutant: type[_Mutant],
    fixture: str,
    subject: Callable[[type[_Mutant]], _Subject],
    left_out: Container[str],
) -> type:
    def fresh(_: object) -> Callable[[], _Subject]:
        return lambda: subject(mutant)

    body: dict[str, Any] = {
        "__module__": mutant.__module__,
        "contract_version": CONTRACT_VERSION,
        "backend": mutant.__name__,
        fixture: pytest.fixture(fresh, name=fixture),
        "left_out": left_out,
    }
    return new_class(f"Test{mutant.__name__}", (contract,), exec_body=lambda space: space.update(body))
