"""The guard of the contract suite: what an adapter's author may not do is refused, and gaps are held to what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from types import new_class
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from mlops_core.testing.contract import CONTRACT_VERSION, Contract, KnownGap, contract_tests

if TYPE_CHECKING:
    from collections.abc import Callable


class Stub(Contract):
    """A contract of two tests, as if it were one of the suite's."""

    __module__ = "mlops_core.testing.stub"
    port = "artifact_store"
    many: ClassVar[int] = 30

    @pytest.fixture
    def subject(self) -> int:
        return 1

    def helper(self) -> int:
        return 2

    def test_promise(self) -> None:
        """If this fails: look here."""

    def test_promise__in_detail(self) -> None:
        """If this fails: look there."""


def opt_in(*bases: type, **body: object) -> type:
    """Define an adapter's class, as a ``class`` statement would."""
    declared: dict[str, Any] = {"contract_version": CONTRACT_VERSION, "backend": "acme", **body}
    return new_class(
        "TestAcme", (*bases, Stub), exec_body=lambda space: space.update(__module__="acme_tests", **declared)
    )


def nothing(*_: object) -> None:
    pass


def a_fixture() -> Callable[[], object]:
    return int


GAP = KnownGap(test="test_promise", kind="never", reason="the vendor has no such thing")


def test_an_honest_class_is_taken() -> None:
    assert contract_tests(opt_in(known_gaps=(GAP,), many=5, programmes=3, versions={"server": "1"})).keys() == {
        "test_promise",
        "test_promise__in_detail",
    }


def test_the_author_defines_fixtures_helpers_and_tests_of_his_own() -> None:
    cls = opt_in(fresh_store=pytest.fixture(a_fixture), own_helper=lambda: 1, test_of_my_own=nothing)
    assert "test_of_my_own" not in contract_tests(cls)


@pytest.mark.parametrize(
    "value",
    [nothing, None, "", 0, staticmethod(nothing), property(nothing)],
    ids=["function", "none", "text", "number", "static", "property"],
)
def test_a_contract_test_cannot_be_replaced(value: object) -> None:
    with pytest.raises(TypeError, match=r"replaces the contract test 'test_promise'.*KnownGap\(test='test_promise'"):
        opt_in(test_promise=value)


def test_a_contract_test_cannot_be_replaced_by_a_mixin() -> None:
    mixin = type("Mixin", (), {"test_promise": nothing})
    with pytest.raises(TypeError, match="replaces the contract test 'test_promise'"):
        opt_in(mixin)


def test_a_contract_test_cannot_be_replaced_further_down() -> None:
    honest = opt_in()
    with pytest.raises(TypeError, match="replaces the contract test 'test_promise'"):
        type("TestAcmeAgain", (honest,), {"__module__": "acme_tests", "test_promise": None})


def test_a_contract_test_cannot_be_replaced_later() -> None:
    cls = opt_in()
    with pytest.raises(TypeError, match="replaces the contract test 'test_promise'"):
        setattr(cls, "test_promise", None)  # noqa: B010 (an attribute that no class of this test declares)


@pytest.mark.parametrize("name", ["subject", "helper", "_contract_test", "_capabilities", "__init_subclass__"])
def test_what_the_tests_rely_on_cannot_be_replaced(name: str) -> None:
    with pytest.raises(TypeError, match=f"replaces '{name}', which its contract's tests rely on"):
        opt_in(**{name: nothing})


@pytest.mark.parametrize(
    "mark", [pytest.mark.skip, pytest.mark.xfail(reason="no"), pytest.mark.skipif(True, reason="")]
)
def test_tests_cannot_be_hidden_by_a_mark(mark: pytest.MarkDecorator) -> None:
    for hidden in (mark, [pytest.mark.timeout(5), mark], (mark,)):
        with pytest.raises(TypeError, match=r"hides contract tests with a mark.*KnownGap"):
            opt_in(pytestmark=hidden)
    with pytest.raises(TypeError, match="hides contract tests with a mark"):
        opt_in(type("Mixin", (), {"pytestmark": mark}))
    with pytest.raises(TypeError, match="hides contract tests with a mark"):
        mark(opt_in())


def test_other_marks_are_fine() -> None:
    pytest.mark.usefixtures("tmp_path")(opt_in(pytestmark=[pytest.mark.timeout(5)]))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"contract_version": 0}, "declares contract_version 0, this mlops-core has 1: read what changed"),
        ({"contract_version": None}, "needs contract_version = 1"),
        ({"backend": ""}, "needs backend = "),
    ],
)
def test_what_is_declared_is_checked(body: dict[str, object], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        opt_in(**body)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(TypeError, match="TestAcme needs contract_version = 1"):
        type("TestAcme", (Stub,), {"__module__": "acme_tests", "backend": "acme"})
    with pytest.raises(TypeError, match="TestAcme needs backend = "):
        type("TestAcme", (Stub,), {"__module__": "acme_tests", "contract_version": CONTRACT_VERSION})


@pytest.mark.parametrize(
    ("gap", "says"),
    [
        (KnownGap(test="test_promis", kind="never", reason="x"), "is no test of its contract; did you mean 'test_prom"),
        (KnownGap(test="helper", kind="never", reason="x"), "is no test of its contract"),
        (KnownGap(test="test_promise", kind="never", reason=" "), "without a reason"),
        (KnownGap(test="test_promise", kind="sometimes", reason="x"), "of the kind 'sometimes'"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_a_gap_is_checked(gap: KnownGap, says: str) -> None:
    with pytest.raises(TypeError, match=re.escape(says)):
        opt_in(known_gaps=(gap,))


def test_a_gap_is_declared_once() -> None:
    with pytest.raises(TypeError, match="twice"):
        opt_in(known_gaps=(GAP, GAP))


INNER = """
import pytest
from mlops_core.testing.contract import CONTRACT_VERSION, Contract, KnownGap

class Inner(Contract):
    __module__ = "mlops_core.testing.inner"
    port = "artifact_store"

    def test_good(self) -> None: ...

    def test_bad(self) -> None:
        assert 1 == 2

    def test_did_not_raise(self) -> None:
        with pytest.raises(ValueError):
            pass

    def test_other_error(self) -> None:
        raise KeyError("other")

def gaps(**more: object) -> tuple[KnownGap, ...]:
    tests = ("test_good", "test_bad", "test_did_not_raise", "test_other_error")
    return tuple(KnownGap(test=each, reason="because", **more) for each in tests)

class Declared(Inner):
    contract_version = CONTRACT_VERSION
    backend = "acme"

class TestNone(Declared):
    known_gaps = ()

class TestNotYet(Declared):
    known_gaps = gaps(kind="not_yet")

class TestNever(Declared):
    known_gaps = gaps(kind="never")

class TestOfAnError(Declared):
    known_gaps = gaps(kind="not_yet", exception=KeyError)

class TestLenient(Declared):
    known_gaps = gaps(kind="not_yet", strict=False)

class TestUnproven(Declared):
    known_gaps = gaps(kind="unproven")
"""
ALL_COUNT = {"good": "PASSED", "bad": "FAILED", "did_not_raise": "FAILED", "other_error": "FAILED"}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """How each test of the inner contract ended, by class."""
    folder = tmp_path_factory.mktemp("inner")
    (folder / "test_inner.py").write_text(INNER)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "test_inner.py"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found: dict[str, dict[str, str]] = {}
    for cls, test, outcome in re.findall(r"::Test(\w+)::test_(\w+) ([A-Z]+)", run.stdout):
        found.setdefault(cls, {})[test] = outcome
    assert found, run.stdout + run.stderr
    return found


def test_without_gaps_every_test_counts(outcomes: dict[str, dict[str, str]]) -> None:
    assert outcomes["None"] == ALL_COUNT


@pytest.mark.parametrize("kind", ["NotYet", "Never"])
def test_a_gap_is_run_and_has_to_fail_as_it_says(outcomes: dict[str, dict[str, str]], kind: str) -> None:
    found = outcomes[kind]
    assert found["bad"] == found["did_not_raise"] == "XFAIL"
    assert found["good"] == "FAILED", "a strict gap that passes fails the run, so that a mended one is noticed"
    assert found["other_error"] == "FAILED", "another error than the one declared is no known gap"


def test_a_gap_names_its_exception(outcomes: dict[str, dict[str, str]]) -> None:
    assert outcomes["OfAnError"] == {**ALL_COUNT, "good": "FAILED", "other_error": "XFAIL"}


def test_a_gap_that_is_not_strict_may_pass(outcomes: dict[str, dict[str, str]]) -> None:
    assert outcomes["Lenient"] == {"good": "XPASS", "bad": "XFAIL", "did_not_raise": "XFAIL", "other_error": "FAILED"}


def test_what_is_unproven_has_to_pass(outcomes: dict[str, dict[str, str]]) -> None:
    assert outcomes["Unproven"] == ALL_COUNT
