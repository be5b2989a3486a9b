"""The guard of the contract suite: what an adapter's author may not do is refused, and gaps are held to what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from types import new_class
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from mlops_core.testing import CONTRACT_VERSION, Contract, KnownGap, StoreUnderTest
from mlops_core.testing.contract import contract_tests

if TYPE_CHECKING:
    from collections.abc import Callable


class Stub(Contract):
    """A contract of two tests, as if it were one of the suite's."""

    __module__ = "mlops_core.testing.stub"
    port = "artifact_store"
    many: ClassVar[int] = 30

    @pytest.fixture
    def subject(self, fresh_store: Callable[[], StoreUnderTest]) -> StoreUnderTest:
        return self._made(fresh_store, StoreUnderTest)

    def helper(self) -> int:
        return 2

    def make(self, fixture: Callable[[], StoreUnderTest]) -> StoreUnderTest:
        return self._made(fixture, StoreUnderTest)

    def test_promise(self) -> None:
        """If this fails: look here."""

    def test_promise__in_detail(self) -> None:
        """If this fails: look there."""

    def test_fixture_is_good(self) -> None:
        """If this fails: mend the fixture."""


def opt_in(*bases: type, **body: object) -> type:
    """Define an adapter's class, as a ``class`` statement would."""
    declared: dict[str, Any] = {
        "contract_version": CONTRACT_VERSION,
        "backend": "acme",
        "fresh_store": pytest.fixture(a_fixture, name="fresh_store"),
        **body,
    }
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
        "test_fixture_is_good",
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


def test_a_test_that_is_marked_for_every_adapter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = opt_in()
    shared = Stub.test_promise
    monkeypatch.setattr(shared, "pytestmark", [pytest.mark.xfail(reason="no").mark], raising=False)
    with pytest.raises(TypeError, match=r"hides 'test_promise' with a mark, from every adapter.*KnownGap"):
        setattr(cls, "test_promise", shared)  # noqa: B010 (what a decorator of the test does)
    with pytest.raises(TypeError, match="hides 'test_promise' with a mark"):
        opt_in()


def test_a_class_that_nobody_collects_is_refused() -> None:
    declared: dict[str, object] = {"contract_version": CONTRACT_VERSION, "backend": "acme", "__module__": "acme_tests"}
    declared["fresh_store"] = pytest.fixture(a_fixture, name="fresh_store")
    with pytest.raises(TypeError, match=r"pytest does not collect.*call it 'TestAcmeStore', or '_AcmeStore'"):
        new_class("AcmeStore", (Stub,), exec_body=lambda space: space.update(declared))
    base = new_class("_AcmeStore", (Stub,), exec_body=lambda space: space.update(declared))
    assert contract_tests(new_class("TestAcmeStore", (base,), exec_body=lambda space: space.update(declared)))


def test_gaps_are_a_tuple_of_errors() -> None:
    with pytest.raises(TypeError, match="declares known_gaps as a list"):
        opt_in(known_gaps=[GAP])
    with pytest.raises(TypeError, match="with BaseException, which is any end of a test"):
        opt_in(known_gaps=(replace(GAP, exception=BaseException),))


def test_a_fixture_that_skips_fails() -> None:
    def skipping() -> StoreUnderTest:
        pytest.skip("no server")

    with pytest.raises(pytest.fail.Exception, match=r"the fixture 'fresh_store' skips \(no server\).*proven nothing"):
        Stub().make(skipping)


def test_tests_cannot_be_hidden_from_collection() -> None:
    with pytest.raises(TypeError, match=r"hides contract tests with __test__.*KnownGap"):
        opt_in(__test__=False)
    with pytest.raises(TypeError, match="hides contract tests with __test__"):
        setattr(opt_in(), "__test__", False)  # noqa: B010 (an attribute that no class of this test declares)


@pytest.mark.parametrize(
    ("name", "meant"), [("known_gap", "known_gaps"), ("programs", "programmes"), ("version", "versions")]
)
def test_a_misspelt_attribute_is_told(name: str, meant: str) -> None:
    with pytest.raises(TypeError, match=f"sets '{name}', which its contract does not know: did you mean '{meant}'"):
        opt_in(**{name: ()})
    with pytest.raises(TypeError, match=f"did you mean '{meant}'"):
        opt_in(type("Mixin", (), {name: ()}))


def test_an_authors_own_attributes_are_fine() -> None:
    opt_in(url="https://acme.test", MANY=3, _many=4, server_version="1", region="eu", page=lambda: 1)


@pytest.mark.parametrize("programmes", [0, -3, "5", None])
def test_programmes_are_a_number(programmes: object) -> None:
    with pytest.raises(TypeError, match=r"sets programmes to .*: it is a whole number above 0"):
        opt_in(programmes=programmes)


def test_a_missing_fixture_is_told_once_with_an_example() -> None:
    body = {"__module__": "acme_tests", "contract_version": CONTRACT_VERSION, "backend": "acme"}
    with pytest.raises(TypeError, match=r"needs the fixture 'fresh_store'(?s:.*)return lambda: StoreUnderTest\("):
        type("TestAcme", (Stub,), body)
    with pytest.raises(TypeError, match=r"lacks @pytest.fixture above 'fresh_store'"):
        opt_in(fresh_store=nothing)
    fixture = pytest.fixture(a_fixture, name="fresh_store")
    type("TestAcme", (type("_AcmeBase", (Stub,), body),), {"__module__": "acme_tests", "fresh_store": fixture})


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
        (KnownGap(test="helper[get]", kind="never", reason="x"), "is no test of its contract"),
        (KnownGap(test="test_promise[get", kind="never", reason="x"), "is no test of its contract"),
        (KnownGap(test="test_fixture_is_good", kind="never", reason="x"), "which tests the fixture: mend that"),
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
    one, other = (replace(GAP, test=f"test_promise[{each}]") for each in ("get", "open"))
    opt_in(known_gaps=(one, other))
    for twice in ((one, one), (GAP, one), (one, GAP)):
        with pytest.raises(TypeError, match="keep one"):
            opt_in(known_gaps=twice)


INNER = """
import pytest
from mlops_core.testing import CONTRACT_VERSION, Contract, KnownGap, StoreUnderTest

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

    @pytest.mark.parametrize("read", ["get", "open"])
    def test_each(self, read: str) -> None:
        assert read != "get"

    def test_of_a_subject(self, fresh_store: object) -> None:
        self._made(fresh_store, StoreUnderTest)

def gaps(**more: object) -> tuple[KnownGap, ...]:
    tests = ("test_good", "test_bad", "test_did_not_raise", "test_other_error")
    return tuple(KnownGap(test=each, reason="because", **more) for each in tests)

class _Declared(Inner):
    contract_version = CONTRACT_VERSION
    backend = "acme"

    @pytest.fixture
    def fresh_store(self) -> object:
        return lambda: StoreUnderTest(store=None, another=None, back_door=None)

class TestNone(_Declared):
    known_gaps = ()

class TestNotYet(_Declared):
    known_gaps = gaps(kind="not_yet")

class TestNever(_Declared):
    known_gaps = gaps(kind="never")

class TestOfAnError(_Declared):
    known_gaps = gaps(kind="not_yet", exception=KeyError)

class TestLenient(_Declared):
    known_gaps = gaps(kind="not_yet", strict=False)

class TestUnproven(_Declared):
    known_gaps = gaps(kind="unproven")

class TestOneParameter(_Declared):
    known_gaps = (KnownGap(test="test_each[get]", kind="never", reason="because"),)

class TestAllParameters(_Declared):
    known_gaps = (KnownGap(test="test_each", kind="never", reason="because"),)

class TestGivesNoCallable(_Declared):
    @pytest.fixture
    def fresh_store(self) -> object:
        return StoreUnderTest(store=None, another=None, back_door=None)

class TestMakesSomethingElse(_Declared):
    @pytest.fixture
    def fresh_store(self) -> object:
        return dict
"""
ALL_COUNT = {"good": "PASSED", "bad": "FAILED", "did_not_raise": "FAILED", "other_error": "FAILED"}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the run of the inner contract printed."""
    folder = tmp_path_factory.mktemp("inner")
    (folder / "test_inner.py").write_text(INNER)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-v", "-ra", "-p", "no:cacheprovider", "test_inner.py"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr


@pytest.fixture(scope="module")
def outcomes(output: str) -> dict[str, dict[str, str]]:
    """How each test of the inner contract ended, by class; those of ``test_each`` and of the fixture apart."""
    found: dict[str, dict[str, str]] = {}
    for cls, test, outcome in re.findall(r"::Test(\w+)::test_([a-z_]+) ([A-Z]+)", output):
        if test in ALL_COUNT:
            found.setdefault(cls, {})[test] = outcome
    assert found, output
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


def ended(output: str, cls: str, parameter: str) -> str:
    return re.findall(rf"::Test{cls}::test_each\[{parameter}\] ([A-Z]+)", output)[0]


def test_a_gap_may_be_of_one_parameter(output: str) -> None:
    assert (ended(output, "OneParameter", "get"), ended(output, "OneParameter", "open")) == ("XFAIL", "PASSED")
    assert (ended(output, "AllParameters", "get"), ended(output, "AllParameters", "open")) == ("XFAIL", "FAILED")
    assert "once it passes, remove it from known_gaps; once only some parameters fail, name those, such as" in output
    assert "such as 'test_each[open]')" in output


def test_another_error_than_the_gaps_is_told(output: str) -> None:
    assert "the known gap of 'test_other_error' expects AssertionError, got KeyError: declare" in output


def test_a_fixture_that_gives_something_else_is_told_in_a_sentence(output: str) -> None:
    assert "'fresh_store' gives StoreUnderTest: it gives a callable without arguments" in output
    assert "'fresh_store' makes dict: it gives a callable without arguments, which makes one StoreUnderTest" in output
