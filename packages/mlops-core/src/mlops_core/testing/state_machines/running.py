"""Runs a state machine as part of an ordinary test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, cast

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.stateful import RuleBasedStateMachine

PROGRAMMES: Final = "MLOPS_TEST_PROGRAMMES"
"""The environment variable that says how many programmes each machine tries, whatever the test asks for."""
_STEPS: Final = 30


def run_machine(make: Callable[[], RuleBasedStateMachine], *, programmes: int) -> None:
    """Try random programmes on fresh machines; a failure prints the shortest one that was found.

    Args:
        make: Makes a machine on an empty subject.
        programmes: How many programmes, unless ``MLOPS_TEST_PROGRAMMES`` says it.
    """
    count = int(os.environ.get(PROGRAMMES) or programmes)
    run_state_machine_as_test(
        cast("type[RuleBasedStateMachine]", make),  # typed as a class, and only called
        settings=settings(
            max_examples=count,
            stateful_step_count=_STEPS,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],  # explaining a programme takes long
            derandomize=False,
            print_blob=True,
            report_multiple_bugs=False,  # a group of errors is no AssertionError, which known gaps expect
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
