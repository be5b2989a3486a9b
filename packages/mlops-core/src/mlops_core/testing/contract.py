"""What every contract class shares: its version, its fixture, and the guard that keeps its tests as they are."""

from __future__ import annotations

import difflib
import inspect
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias, TypeVar, cast

import pytest

from mlops_core.testing.known_gaps import KnownGap, check_gaps, expect_failure, gap_of
from mlops_core.testing.process_state import changes_since, lasting_state

if TYPE_CHECKING:
    import enum
    from collections.abc import Callable, Generator, Mapping

    from mlops_core.ports.backend import PortName

ContractName: TypeAlias = "PortName | Literal['backend']"
"""What a contract is of: a port, or the factory that makes the ports."""
CONTRACT_VERSION: Final = 1
"""The version of the contracts of this ``mlops-core``; an adapter declares the one that it was written for."""
PROPERTY: Final = "mlops-contract"
"""Under this name a contract test leaves what it proves in its report: JSON with backend, port and test."""
_FIXTURES: Final[Mapping[ContractName, tuple[str, str]]] = {
    "model_registry": ("fresh_registry", "RegistryUnderTest"),
    "artifact_store": ("fresh_store", "StoreUnderTest"),
    "experiment_tracker": ("fresh_tracker", "TrackerUnderTest"),
    "backend": ("fresh_backend", "BackendUnderTest"),
}
"""What an adapter's author defines, and what it makes: everything else that a contract defines stays as it is."""
_OURS: Final = "mlops_core.testing."
_MARKS_THAT_HIDE: Final = frozenset({"skip", "skipif", "xfail"})
_DECLARED: Final = frozenset({"contract_version", "backend"})
"""What an author has to set, beside what has a default."""
_SUGGESTED_FROM: Final = 0.75
"""How near a name has to be to one that is known to be taken for misspelt, from 0 to 1."""
_Subject = TypeVar("_Subject")
_INSTANCES: Final[Mapping[ContractName, str]] = {
    "model_registry": "registry",
    "artifact_store": "store",
    "experiment_tracker": "tracker",
}
_INSTEAD: Final = (
    "a contract test is the same for every adapter. Declare KnownGap(test={test!r}, ...) in known_gaps instead"
)


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
        port: The port whose contract it is, or ``"backend"``; set by the contract.
        contract_version: The version that the adapter was written for; must be :data:`CONTRACT_VERSION`.
        backend: The name of the column in the compatibility table, such as ``"local"``.
        against: What the tests ran against, in words for the same table. What stands in for a vendor is said to, and
            never called the vendor.
        versions: Versions of what it ran against, by name, such as those of a server and of its client.
        known_gaps: The tests that the adapter is known to fail.
        programmes: How many programmes each state machine tries; ``MLOPS_TEST_PROGRAMMES`` overrides it.
    """

    port: ClassVar[ContractName]
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
        item: pytest.Function = cast("Any", request).node  # which has no type before pytest 9.2
        test = request.function.__name__
        proves = self._proves(test)
        gap = gap_of(self.known_gaps, item)
        if gap is not None:
            proves["gap"] = {"kind": gap.kind, "reason": gap.reason, "link": gap.link}
            if gap.kind != "unproven":
                expect_failure(gap, item)
        if test.startswith("test_capability_"):
            proves["capabilities"] = self._capabilities(request.getfixturevalue("subject"))
        # Not by record_property, which warns in runs that write JUnit's newer format.
        item.user_properties.append((PROPERTY, json.dumps(proves)))
        yield
        self._changes.extend(changes_since(self._before))

    def changes_so_far(self) -> list[str]:
        """What the contract's tests have changed in this process up to now, by name; see ``lasting_state``.

        What is written when the first instance is opened looks unchanged ever after; so every test is watched.
        """
        return [*self._changes, *changes_since(self._before)]

    def _made(self, make: Callable[[], _Subject], kind: type[_Subject]) -> _Subject:
        """What the author's fixture makes, or a sentence about what it gives instead."""
        name, _ = _FIXTURES[self.port]
        try:
            made = make() if callable(make) else make
        except pytest.skip.Exception as skipped:
            pytest.fail(
                f"the fixture {name!r} skips ({skipped}): a contract that was not run has proven nothing. Define the "
                "class only where what it needs is there",
                pytrace=False,
            )
        if not callable(make) or not isinstance(made, kind):
            gives = "gives" if made is make else "makes"
            pytest.fail(
                f"the fixture {name!r} {gives} {type(made).__name__}: it gives a callable without arguments, which "
                f"makes one {kind.__name__} each time, as in: return lambda: {kind.__name__}(...)",
                pytrace=False,
            )
        return made

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


def _check_opt_in(cls: type[Contract]) -> None:
    _check_definitions(cls)
    for each in cls.__mro__:
        if not _is_ours(each):
            _check_marks(cls, each)
            _check_attributes(cls, each)
    if getattr(cls, "__test__", True) is False:
        raise TypeError(f"{cls.__name__} hides contract tests with __test__: {_INSTEAD.format(test='...')}")
    if not cls.__name__.startswith(("Test", "_")):
        raise TypeError(
            f"pytest does not collect a class called {cls.__name__!r}, so nothing of the contract would run: call it "
            f"'Test{cls.__name__}', or '_{cls.__name__}' if it is a base of others"
        )
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
    programmes = cast("object", cls.programmes)
    if not isinstance(programmes, int) or programmes < 1:
        raise TypeError(f"{cls.__name__} sets programmes to {programmes!r}: it is a whole number above 0")
    check_gaps(cls.__name__, cls.known_gaps, contract_tests(cls))
    if cls.__name__.startswith("Test"):
        _check_fixture(cls)


def _check_definitions(cls: type[Contract]) -> None:
    authors = {fixture for fixture, _ in _FIXTURES.values()}
    for name, ours in _definitions(cls).items():
        is_test = name.startswith("test_")
        if is_test and _hiding_marks(ours):
            raise TypeError(
                f"{cls.__name__} hides {name!r} with a mark, from every adapter: {_INSTEAD.format(test=name)}"
            )
        kept = is_test or name == "__init_subclass__" or (not name.startswith("__") and _is_code(ours))
        if not kept or name in authors or inspect.getattr_static(cls, name, None) is ours:
            continue
        if is_test:
            raise TypeError(f"{cls.__name__} replaces the contract test {name!r}: {_INSTEAD.format(test=name)}")
        raise TypeError(f"{cls.__name__} replaces {name!r}, which its contract's tests rely on: use another name")


def _is_code(value: object) -> bool:
    return callable(value) or isinstance(value, (property, classmethod, staticmethod))


def _check_marks(cls: type[Contract], each: type) -> None:
    if _hiding_marks(each):
        raise TypeError(f"{cls.__name__} hides contract tests with a mark: {_INSTEAD.format(test='...')}")


def _hiding_marks(marked: object) -> bool:
    found = cast("object", vars(marked).get("pytestmark", []))
    marks = cast("list[object]", found) if isinstance(found, (list, tuple)) else [found]
    return any(getattr(mark, "name", "") in _MARKS_THAT_HIDE for mark in marks)


def _check_attributes(cls: type[Contract], each: type) -> None:
    """Refuse a misspelt attribute, which would do nothing; an author's own, which is like none of ours, is fine."""
    known = _DECLARED | {n for n, value in _definitions(cls).items() if not n.startswith("_") and not _is_code(value)}
    for name, value in vars(each).items():
        if name.startswith("_") or name in known or _is_code(value):
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=_SUGGESTED_FROM)
        if near:
            raise TypeError(
                f"{cls.__name__} sets {name!r}, which its contract does not know: did you mean {near[0]!r}? "
                "If it is your own, give it a name that is less like it"
            )


def _check_fixture(cls: type[Contract]) -> None:
    """Say once what each test would say: pytest collects the class, and has no subject."""
    name, kind = _FIXTURES[cls.port]
    fixture = cast("object", inspect.getattr_static(cls, name, None))
    if fixture is None or inspect.isfunction(fixture):
        missing = "needs the fixture" if fixture is None else "lacks @pytest.fixture above"
        raise TypeError(
            f"{cls.__name__} {missing} {name!r}, which gives a callable that makes an empty subject each time:\n\n"
            f"    @pytest.fixture\n    def {name}(self, tmp_path: Path) -> Callable[[], {kind}]:\n"
            f"        return lambda: {kind}(...)\n"
        )
