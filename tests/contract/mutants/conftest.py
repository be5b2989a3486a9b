"""Ends the tests of a mutant when enough of them have caught it: all of them, on every mutant, would take minutes."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

_ENOUGH = int(os.environ.get("MLOPS_TEST_CATCHERS") or 1)
_MACHINE = "test_state_machine"
_caught: Counter[str] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [each for each in items if each.name.partition("[")[0] not in getattr(_class(each), "left_out", ())]
    # A mutant's state machine comes last, and only if no test of its own has caught it: it takes its time.
    items.sort(key=lambda item: (_mutant(item.nodeid), item.name == _MACHINE))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if _caught[_mutant(item.nodeid)] >= (1 if item.name == _MACHINE else _ENOUGH):
        pytest.skip("caught already")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _caught[_mutant(report.nodeid)] += 1


@pytest.fixture(autouse=True)
def nothing_loses_power(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Nothing has to wait for the disk, and the folder that a mutant has left is left."""
    monkeypatch.setattr(os, "fsync", _no_sync)
    folder = os.getcwd()  # noqa: PTH109 (given back as it was)
    yield
    os.chdir(folder)


def _class(item: pytest.Item) -> object:
    return getattr(item, "cls", None)


def _mutant(test: str) -> str:
    return test.split("::")[1]


def _no_sync(_: int) -> None:
    return
