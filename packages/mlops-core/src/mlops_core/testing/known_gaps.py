"""Known gaps: contract tests that an adapter is known to fail, as data that is checked and held to what it says."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import pytest

from mlops_core.errors import near_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

_KINDS: Final = frozenset({"not_yet", "never", "unproven"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGap:
    """A contract test that an adapter is known to fail, as data: it is run, and has to fail as described.

    Attributes:
        test: The name of the contract test, as ``"test_x"``; ``"test_x[get]"`` for one parameter of it.
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

    @property
    def function(self) -> str:
        """The name of the test without its parameter."""
        return self.test.partition("[")[0]


def gap_of(gaps: Iterable[KnownGap], item: pytest.Function) -> KnownGap | None:
    """The gap that is declared for a test, if there is one."""
    return next((gap for gap in gaps if gap.test in {item.name, item.originalname}), None)


def expect_failure(gap: KnownGap, item: pytest.Function) -> None:
    """Hold a test to its gap: it fails as described, or the run says what to change."""
    advice = "once it passes, remove it from known_gaps"
    if gap.test != item.name:
        advice += f"; once only some parameters fail, name those, such as {item.name!r}"
    raises = _raises(gap)
    item.add_marker(pytest.mark.xfail(reason=f"{gap.kind}: {gap.reason} ({advice})", raises=raises, strict=gap.strict))
    item.obj = _telling_other_errors(gap, item.obj)


def _raises(gap: KnownGap) -> tuple[type[BaseException], ...]:
    return (AssertionError, pytest.fail.Exception) if gap.exception is AssertionError else (gap.exception,)


def _telling_other_errors(gap: KnownGap, test: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(**fixtures: object) -> None:
        __tracebackhide__ = True
        try:
            test(**fixtures)
        except _raises(gap):
            raise
        except Exception as exc:
            expected, got = gap.exception.__name__, type(exc).__name__
            exc.add_note(
                f"the known gap of {gap.test!r} expects {expected}, got {got}: declare exception={got}, or mend"
            )
            raise

    return run


def check_gaps(name: str, gaps: Iterable[KnownGap], tests: Collection[str]) -> None:
    """Refuse gaps that mean nothing.

    Args:
        name: The name of the class that declares them.
        gaps: What it declares.
        tests: The names of its contract's tests.

    Raises:
        TypeError: A gap is of no test or of a check of the fixture, is declared twice, or says too little.
    """
    if not isinstance(gaps, tuple):
        raise TypeError(f"{name} declares known_gaps as a {type(gaps).__name__}: a tuple, which stays as it is checked")
    seen: set[str] = set()
    for gap in gaps:
        what = f"{name} declares a gap of {gap.test!r}"
        if gap.function not in tests or (gap.test != gap.function and not gap.test.endswith("]")):
            raise TypeError(f"{what}, which is no test of its contract; {near_matches(gap.function, tests)}")
        if gap.function.startswith("test_fixture_"):
            raise TypeError(f"{what}, which tests the fixture: mend that, since no other test means anything before")
        if gap.test in seen or gap.function in seen:
            raise TypeError(f"{what} twice: keep one")
        if gap.kind not in _KINDS:
            raise TypeError(f"{what} of the kind {gap.kind!r}: a gap is one of {', '.join(sorted(_KINDS))}")
        if not issubclass(gap.exception, Exception):
            raise TypeError(
                f"{what} with {gap.exception.__name__}, which is any end of a test: name what it fails with"
            )
        if not gap.reason.strip():
            raise TypeError(f"{what} without a reason: say why, for the reader of the compatibility table")
        seen.add(gap.test)
    whole = seen & {gap.function for gap in gaps if gap.test != gap.function}
    if whole:
        raise TypeError(f"{name} declares gaps of all and of single parameters of {', '.join(sorted(whole))}: keep one")
