"""What every contract class shares: its version, known gaps, and the guard that keeps its tests as they are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_core.ports.backend import PortName

CONTRACT_VERSION: Final = 1
"""The version of the contracts of this ``mlops-core``; an adapter declares the one that it was written for."""
PROPERTY: Final = "mlops-contract"
"""Under this name a contract test leaves what it proves in its report: JSON with backend, port and test."""
_OURS: Final = "mlops_core.testing."
_MARKS_THAT_HIDE: Final = frozenset({"skip", "skipif", "xfail"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGap:
    """A contract test that an adapter is known to fail, as data: it is run, and has to fail as described.

    Attributes:
        test: The name of the contract test.
        kind: ``"not_yet"``: will be mended; ``"never"``: the vendor cannot; ``"unproven"``: shown against a stand-in
            only, so the test is expected to pass.
        reason: Why, for the reader of the compatibility table.
        exception: What the test fails with.
        link: Where it is discussed.
        strict: Whether passing is an error too, so that a mended gap is noticed.
    """

    test: str
    kind: Literal["not_yet", "never", "unproven"]
    reason: str
    exception: type[BaseException] = AssertionError
    link: str = ""
    strict: bool = True


class Contract:
    """Base of the contracts. A subclass outside this package opts in; what it may not do is refused when it is defined.

    Attributes:
        port: The port whose contract it is; set by the contract.
        contract_version: The version that the adapter was written for; must be :data:`CONTRACT_VERSION`.
        backend: The name of the row in the compatibility table, such as ``"local"``.
        known_gaps: The tests that the adapter is known to fail.
        programmes: How many programmes each state machine tries; ``MLOPS_TEST_PROGRAMMES`` overrides it.
    """

    port: ClassVar[PortName]
    contract_version: ClassVar[int]
    backend: ClassVar[str]
    known_gaps: ClassVar[tuple[KnownGap, ...]] = ()
    programmes: ClassVar[int] = 60

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not cls.__module__.startswith(_OURS):
            _check_opt_in(cls)

    @pytest.fixture(autouse=True)
    def _contract_test(self, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
        """Applies a known gap, and says in the test's report what it proves."""
        test = request.function.__name__
        proves: dict[str, object] = {"backend": self.backend, "port": self.port, "test": test}
        for gap in self.known_gaps:
            if gap.test != test:
                continue
            proves["gap"] = {"kind": gap.kind, "reason": gap.reason, "link": gap.link}
            if gap.kind != "unproven":
                mark = pytest.mark.xfail(reason=f"{gap.kind}: {gap.reason}", raises=gap.exception, strict=gap.strict)
                request.applymarker(mark)
        record_property(PROPERTY, json.dumps(proves))


def contract_tests(contract: type) -> dict[str, object]:
    """The tests that a contract class inherits from this package, by name."""
    found: dict[str, object] = {}
    for each in reversed(contract.__mro__):
        if each.__module__.startswith(_OURS):
            found.update((name, value) for name, value in vars(each).items() if name.startswith("test_"))
    return found


def _check_opt_in(cls: type[Contract]) -> None:
    tests = contract_tests(cls)
    _check_tests(cls, tests)
    for each in cls.__mro__:
        if issubclass(each, Contract) and not each.__module__.startswith(_OURS):
            _check_not_hidden(each)
    declared = getattr(cls, "contract_version", None)
    if declared != CONTRACT_VERSION:
        raise TypeError(
            f"{cls.__name__} declares contract_version {declared}, this mlops-core has {CONTRACT_VERSION}: read what "
            "changed in its changelog, then declare the new version"
        )
    if not getattr(cls, "backend", ""):
        raise TypeError(f"{cls.__name__} needs backend = '<name of its row in the compatibility table>'")
    for gap in cls.known_gaps:
        if gap.test not in tests:
            raise TypeError(f"{cls.__name__} declares a gap of {gap.test!r}, which is no test of its contract")
        if not gap.reason:
            raise TypeError(f"{cls.__name__} declares a gap of {gap.test!r} without a reason")


def _check_tests(cls: type[Contract], tests: Mapping[str, object]) -> None:
    for name, test in tests.items():
        if getattr(cls, name, None) is not test:
            raise TypeError(
                f"{cls.__name__} replaces the contract test {name!r}: a contract test is the same for every adapter. "
                f"Declare KnownGap(test={name!r}, ...) in known_gaps instead"
            )


def _check_not_hidden(cls: type[Contract]) -> None:
    for name in ("_contract_test", "__init_subclass__"):
        if name in vars(cls):
            raise TypeError(f"{cls.__name__} replaces {name}, which keeps the contract's tests as they are")
    found = cast("object", vars(cls).get("pytestmark", []))
    for mark in cast("list[object]", found) if isinstance(found, list) else [found]:
        if getattr(mark, "name", "") in _MARKS_THAT_HIDE:
            raise TypeError(f"{cls.__name__} hides contract tests with a mark; declare known_gaps instead")
