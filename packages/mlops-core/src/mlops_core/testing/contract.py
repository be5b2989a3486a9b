"""What every contract class shares: its version, known gaps, and the guard that keeps its tests as they are."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, Literal, cast

import pytest

from mlops_core.errors import near_matches
from mlops_core.testing.process_state import changes_since, lasting_state

if TYPE_CHECKING:
    import enum
    from collections.abc import Generator, Mapping

    from mlops_core.ports.backend import PortName

CONTRACT_VERSION: Final = 1
"""The version of the contracts of this ``mlops-core``; an adapter declares the one that it was written for."""
PROPERTY: Final = "mlops-contract"
"""Under this name a contract test leaves what it proves in its report: JSON with backend, port and test."""
AUTHORS_FIXTURES: Final = frozenset({"fresh_registry", "fresh_store", "fresh_tracker"})
"""What an adapter's author defines: everything else that a contract defines stays as it is."""
_OURS: Final = "mlops_core.testing."
_MARKS_THAT_HIDE: Final = frozenset({"skip", "skipif", "xfail"})
_KINDS: Final = frozenset({"not_yet", "never", "unproven"})
_INSTANCES: Final[Mapping[PortName, str]] = {
    "model_registry": "registry",
    "artifact_store": "store",
    "experiment_tracker": "tracker",
}
_INSTEAD: Final = (
    "a contract test is the same for every adapter. Declare KnownGap(test={test!r}, ...) in known_gaps instead"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGap:
    """A contract test that an adapter is known to fail, as data: it is run, and has to fail as described.

    Attributes:
        test: The name of the contract test.
        kind: ``"not_yet"``: will be mended; ``"never"``: the vendor cannot; ``"unproven"``: shown against a stand-in
            only, so the test is expected to pass.
        reason: Why, for the reader of the compatibility table.
        exception: What the test fails with; an ``AssertionError`` stands for ``pytest.fail`` too, which is what
            ``pytest.raises`` fails with.
        link: Where it is discussed.
        strict: Whether passing is an error too, so that a mended gap is noticed.
    """

    test: str
    kind: Literal["not_yet", "never", "unproven"]
    reason: str
    exception: type[BaseException] = AssertionError
    link: str = ""
    strict: bool = True


class _Guard(type):
    """Checks a class again after every change, since a decorator changes a class that has been defined."""

    def __setattr__(cls, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if not _is_ours(cls):
            _check_opt_in(cast("type[Contract]", cls))


class Contract(metaclass=_Guard):
    """Base of the contracts. A subclass outside this package opts in; what it may not do is refused when it is defined.

    The guard is there against accidents and shortcuts; what it refuses says what to do instead.

    Attributes:
        port: The port whose contract it is; set by the contract.
        contract_version: The version that the adapter was written for; must be :data:`CONTRACT_VERSION`.
        backend: The name of the column in the compatibility table, such as ``"local"``.
        against: What the tests ran against, in words for the same table. What stands in for a vendor is said to, and
            never called the vendor.
        versions: Versions of what it ran against, by name, such as those of a server and of its client.
        known_gaps: The tests that the adapter is known to fail.
        programmes: How many programmes each state machine tries; ``MLOPS_TEST_PROGRAMMES`` overrides it.
    """

    port: ClassVar[PortName]
    contract_version: ClassVar[int]
    backend: ClassVar[str]
    against: ClassVar[str] = ""
    versions: ClassVar[Mapping[str, str]] = MappingProxyType({})
    known_gaps: ClassVar[tuple[KnownGap, ...]] = ()
    programmes: ClassVar[int] = 60

    _changes: ClassVar[list[str]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        type.__setattr__(cls, "_changes", [])
        if not _is_ours(cls):
            _check_opt_in(cls)

    @pytest.fixture(autouse=True)
    def _contract_test(self, request: pytest.FixtureRequest) -> Generator[None]:
        """Applies a known gap, says in the test's report what it proves, and notes what it has done to the process."""
        self._before = lasting_state()
        test = request.function.__name__
        proves = self._proves(test)
        for gap in self.known_gaps:
            if gap.test == test:
                proves["gap"] = {"kind": gap.kind, "reason": gap.reason, "link": gap.link}
                if gap.kind != "unproven":
                    request.applymarker(_expected_failure(gap))
        if test.startswith("test_capability_"):
            proves["capabilities"] = self._capabilities(request.getfixturevalue("subject"))
        # Not by record_property, which warns in runs that write JUnit's newer format.
        request.node.user_properties.append((PROPERTY, json.dumps(proves)))
        yield
        self._changes.extend(changes_since(self._before))

    def changes_so_far(self) -> list[str]:
        """What the contract's tests have changed in this process up to now, by name; see ``lasting_state``.

        What is written when the first instance is opened looks unchanged ever after; so every test is watched.
        """
        return [*self._changes, *changes_since(self._before)]

    def _proves(self, test: str) -> dict[str, object]:
        cls = type(self)
        return {
            "backend": self.backend,
            "port": self.port,
            "test": test,
            "class": f"{cls.__module__}.{cls.__qualname__}",
            "tests": len(contract_tests(cls)),
            "against": self.against,
            "versions": dict(self.versions),
        }

    def _capabilities(self, subject: object) -> list[str]:
        declared = getattr(subject, _INSTANCES[self.port]).capabilities
        return sorted(str(each.name) for each in cast("enum.Flag", declared))


def contract_tests(contract: type) -> dict[str, object]:
    """The tests that a contract class inherits from this package, by name."""
    return {name: value for name, value in _definitions(contract).items() if name.startswith("test_")}


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith(_OURS)


def _definitions(contract: type) -> dict[str, object]:
    """What the classes of this package define for a contract, by name."""
    found: dict[str, object] = {}
    for each in reversed(contract.__mro__):
        if _is_ours(each):
            found.update(vars(each))
    return found


def _expected_failure(gap: KnownGap) -> pytest.MarkDecorator:
    kinds = (AssertionError, pytest.fail.Exception) if gap.exception is AssertionError else gap.exception
    return pytest.mark.xfail(reason=f"{gap.kind}: {gap.reason}", raises=kinds, strict=gap.strict)


def _check_opt_in(cls: type[Contract]) -> None:
    _check_definitions(cls)
    for each in cls.__mro__:
        if not _is_ours(each):
            _check_marks(cls, each)
    declared = getattr(cls, "contract_version", None)
    if declared is None:
        raise TypeError(f"{cls.__name__} needs contract_version = {CONTRACT_VERSION}, what it was written for")
    if declared != CONTRACT_VERSION:
        raise TypeError(
            f"{cls.__name__} declares contract_version {declared}, this mlops-core has {CONTRACT_VERSION}: read what "
            "changed in its changelog, then declare the new version"
        )
    if not getattr(cls, "backend", ""):
        raise TypeError(f"{cls.__name__} needs backend = '<name of its column in the compatibility table>'")
    _check_gaps(cls)


def _check_definitions(cls: type[Contract]) -> None:
    for name, ours in _definitions(cls).items():
        is_test = name.startswith("test_")
        kept = is_test or name == "__init_subclass__" or (not name.startswith("__") and _is_code(ours))
        if not kept or name in AUTHORS_FIXTURES or inspect.getattr_static(cls, name, None) is ours:
            continue
        if is_test:
            raise TypeError(f"{cls.__name__} replaces the contract test {name!r}: {_INSTEAD.format(test=name)}")
        raise TypeError(f"{cls.__name__} replaces {name!r}, which its contract's tests rely on: use another name")


def _is_code(value: object) -> bool:
    return callable(value) or isinstance(value, (property, classmethod, staticmethod))


def _check_marks(cls: type[Contract], each: type) -> None:
    found = cast("object", vars(each).get("pytestmark", []))
    for mark in cast("list[object]", found) if isinstance(found, (list, tuple)) else [found]:
        if getattr(mark, "name", "") in _MARKS_THAT_HIDE:
            raise TypeError(f"{cls.__name__} hides contract tests with a mark: {_INSTEAD.format(test='...')}")


def _check_gaps(cls: type[Contract]) -> None:
    tests = contract_tests(cls)
    seen: set[str] = set()
    for gap in cls.known_gaps:
        what = f"{cls.__name__} declares a gap of {gap.test!r}"
        if gap.test not in tests:
            raise TypeError(f"{what}, which is no test of its contract; {near_matches(gap.test, tests)}")
        if gap.test in seen:
            raise TypeError(f"{what} twice: keep one")
        if gap.kind not in _KINDS:
            raise TypeError(f"{what} of the kind {gap.kind!r}: a gap is one of {', '.join(sorted(_KINDS))}")
        if not gap.reason.strip():
            raise TypeError(f"{what} without a reason: say why, for the reader of the compatibility table")
        seen.add(gap.test)
