"""What every test of the repository shares."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# The option --compatibility, and servers that tests of several folders share; see the modules.
pytest_plugins = ["mlops_core.testing.compatibility", "tests.servers.mlflow_fixtures"]

# How long an example takes says something about the machine, nothing about the code.
settings.register_profile("here", deadline=None, print_blob=True)
settings.load_profile("here")

_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print which contract test catches which mutant; of a quiet run, how many were caught."""
    ended = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    for name, value in (each for report in ended for each in report.user_properties):
        if name == "mutants":
            lines = str(value).splitlines()
            terminalreporter.write_line("\n".join(lines if terminalreporter.verbosity >= 0 else lines[:1]))


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own MLOPS_ variables decide nothing in a test."""
    for name in list(os.environ):
        if name.startswith("MLOPS_") and not name.startswith("MLOPS_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture
def ordinary_rights() -> Iterator[None]:
    """Root obeys the modes of files for the time of the test, as everybody else does."""
    if sys.platform != "linux" or os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    held = (ctypes.c_uint32 * 6)()
    if libc.capget(header, held):
        raise OSError(ctypes.get_errno(), "capget")
    fewer = (ctypes.c_uint32 * 6)(*held)
    fewer[0] &= ~(1 << _CAP_DAC_OVERRIDE | 1 << _CAP_DAC_READ_SEARCH)
    if libc.capset(header, fewer):
        raise OSError(ctypes.get_errno(), "capset")
    try:
        yield
    finally:
        libc.capset(header, held)
