"""What a process has only once, and what an adapter therefore leaves alone."""

from __future__ import annotations

import decimal
import locale
import logging
import os
import signal
import socket
import sys
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    import pytest


def process_state() -> Mapping[str, object]:
    """What is looked at, by name; equal before and after calls that leave the process as it was."""
    loggers = [logging.getLogger(), *(each for each in _named_loggers() if each.handlers or each.level)]
    return {
        "environment": dict(os.environ),
        "working folder": os.getcwd(),  # noqa: PTH109 (compared as text)
        "file mode mask": _mask(),
        "logging": sorted((each.name, each.level, [*map(repr, each.handlers)], each.propagate) for each in loggers),
        "logging switched off below": logging.root.manager.disable,
        "warnings filters": list(warnings.filters),
        "signal handlers": {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)},
        "exception hooks": (sys.excepthook, sys.unraisablehook),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "import path": list(sys.path),
        "socket time-out": socket.getdefaulttimeout(),
        "locale": locale.setlocale(locale.LC_ALL),
        "time zone": (time.timezone, time.tzname),
        "decimal context": repr(decimal.getcontext()),
    }


def lasting_state() -> Mapping[str, object]:
    """What outlasts a call and no import of a vendor's library changes for good reasons, by name; quick to look at."""
    root = logging.getLogger()
    environment = {f"environment variable {name}": value for name, value in os.environ.items()}
    environment.pop("environment variable PYTEST_CURRENT_TEST", None)
    return {
        **environment,
        "working folder": os.getcwd(),  # noqa: PTH109 (compared as text)
        "level of the root logger": root.level,
        "handlers of the root logger": list(map(repr, root.handlers)),
        "handler of SIGINT": signal.getsignal(signal.SIGINT),
        "handler of SIGTERM": signal.getsignal(signal.SIGTERM),
    }


def changes_since(before: Mapping[str, object]) -> list[str]:
    """The names of what differs now from an earlier :func:`lasting_state`; values may be secrets."""
    now = lasting_state()
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


@contextmanager
def unchanged_process(output: pytest.CaptureFixture[str], *, earlier: Sequence[str] = ()) -> Generator[None]:
    """Checks that what happens in a ``with`` leaves the process as it was, and prints nothing.

    Args:
        output: The fixture ``capfd`` of the test.
        earlier: What was changed before it, by name; see ``Contract.changes_so_far``.
    """
    assert list(earlier) == [], "changed by an earlier test of this contract, or when the instance was opened"
    output.readouterr()
    before = process_state()
    yield
    after = process_state()
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    assert changed == {}, "left otherwise than found, by name: before and after"
    printed = output.readouterr()
    assert (printed.out, printed.err) == ("", ""), "something was printed"


def _named_loggers() -> list[logging.Logger]:
    return [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
