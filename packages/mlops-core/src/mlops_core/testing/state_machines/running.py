"""Runs a state machine as part of an ordinary test, and prints of a failure what an adapter's author can use."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar, cast

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RULE_MARKER, RuleBasedStateMachine, run_state_machine_as_test

from mlops_core.errors import ConfigurationError, near_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

PROGRAMMES: Final = "MLOPS_TEST_PROGRAMMES"
"""The environment variable that says how many programmes each machine tries, whatever the test asks for."""
_STEPS: Final = 30
_MACHINERY: Final = (f"{Path(hypothesis.__file__).parent}{os.sep}", f"{Path(__file__).parents[1]}{os.sep}")
"""Where the frames are of which a traceback says nothing about the adapter."""


class ComparingMachine(RuleBasedStateMachine):
    """Base of the machines, which compare once more when a programme has ended well."""

    def __init__(self) -> None:
        super().__init__()
        self._outside = sys.exc_info()[1]

    @property
    def failed(self) -> bool:
        """In ``teardown``: whether the programme has failed, so that another difference would only hide the first."""
        return sys.exc_info()[1] is not self._outside


_Machine = TypeVar("_Machine", bound=ComparingMachine)


def rules_of(machine: type[ComparingMachine]) -> frozenset[str]:
    """The names of the methods that are a machine's rules, as opposed to its beginning and its invariants."""
    return frozenset(name for name, value in vars(machine).items() if hasattr(value, RULE_MARKER))


def leaving_out(machine: type[_Machine], rules: Collection[str]) -> type[_Machine]:
    """A machine that never applies some of its rules.

    Args:
        machine: The whole machine.
        rules: The names of the methods that are left out.

    Raises:
        ValueError: A name is that of no rule.
    """
    known = rules_of(machine)
    for rule in rules:
        if rule not in known:
            raise ValueError(f"{rule!r} is no rule of {machine.__name__}; {near_matches(rule, known)}")
    without = dict.fromkeys(rules)
    return cast("type[_Machine]", type(machine.__name__, (machine,), without)) if without else machine


def run_machine(make: Callable[[], ComparingMachine], *, programmes: int) -> None:
    """Try random programmes on fresh machines; a failure prints the shortest one that was found.

    Args:
        make: Makes a machine on an empty subject.
        programmes: How many programmes, unless ``MLOPS_TEST_PROGRAMMES`` says it.

    Raises:
        ConfigurationError: The number of programmes is none.
    """
    __tracebackhide__ = True
    count = _count(programmes)
    failure: Exception | None = None
    try:
        run_state_machine_as_test(
            cast("type[RuleBasedStateMachine]", make),  # typed as a class, and only called
            settings=settings(
                max_examples=count,
                stateful_step_count=_STEPS,
                deadline=None,
                phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],  # explaining takes long
                derandomize=False,
                print_blob=False,  # there is no function here that its decorator could be written above
                report_multiple_bugs=False,  # a group of errors is no AssertionError, which known gaps expect
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
            ),
        )
    except Exception as exc:  # noqa: BLE001 (whatever it is, it is raised again)
        failure = exc
    if failure is not None:
        raise _readable(failure)


def _count(programmes: int) -> int:
    given = os.environ.get(PROGRAMMES)
    if given:
        what, count = f"{PROGRAMMES} is {given!r}", int(given) if given.isdecimal() else 0
    else:
        what, count = f"programmes is {programmes!r}", programmes
    if count < 1:
        why = "it says how many random programmes each state machine tries"
        hint = "give a whole number above 0, such as 60, or leave it away"
        raise ConfigurationError(what, where="the contract's state machines", why=why, hint=hint)
    return count


def _readable(failure: Exception) -> Exception:
    """The failure with the adapter's part of its traceback, and a programme that ends with the call that failed."""
    frames = list(_frames(failure.__traceback__))
    at_the_end = any(each.tb_frame.f_code.co_name == "teardown" for each in frames)
    lines = [line for note in getattr(failure, "__notes__", []) for line in note.splitlines()]
    if lines and not at_the_end:
        lines = [line for line in lines if line != "state.teardown()"]
    if lines:
        failure.__notes__ = ["\n".join(lines)]
    theirs: TracebackType | None = None
    for each in reversed(frames):
        if not each.tb_frame.f_code.co_filename.startswith(_MACHINERY):
            theirs = TracebackType(theirs, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return failure.with_traceback(theirs)


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next
