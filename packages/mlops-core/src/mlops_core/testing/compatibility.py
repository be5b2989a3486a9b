"""Writes the compatibility table at the end of a run of contract tests: ``--compatibility PATH``.

A pytest plugin, to be named by whoever wants it: ``pytest -p mlops_core.testing.compatibility``, or
``pytest_plugins = ["mlops_core.testing.compatibility"]`` in the root ``conftest.py``. It changes no test.

Each contract test leaves what it proves in its report (:data:`~mlops_core.testing.contract.PROPERTY`); reports reach
the process that writes the table from the workers of pytest-xdist too. A run that leaves something out writes nothing.
"""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from mlops_core.testing.compatibility_table import Proof, Surroundings, markdown
from mlops_core.testing.contract import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.testing.compatibility_table import Outcome

_OPTION: Final = "--compatibility"
_SELECTIONS: Final = {
    "-k": "keyword",
    "-m": "markexpr",
    "--lf": "lf",
    "--sw": "stepwise",
    "--deselect": "deselect",
    "--ignore": "ignore",
    "--ignore-glob": "ignore_glob",
    "--collect-only": "collectonly",
}
_COMPLETE: Final = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    help_ = "write a table of what the contract tests have proven, as Markdown, unless the run was partial"
    parser.addoption(_OPTION, metavar="PATH", type=Path, help=help_)


def pytest_configure(config: pytest.Config) -> None:
    """Record the run, in the one process that sees every report."""
    path: Path | None = config.getoption(_OPTION)
    if path is None or hasattr(config, "workerinput"):
        return
    path = config.invocation_params.dir / path
    if not path.parent.is_dir():
        raise pytest.UsageError(f"{_OPTION}: {path.parent} is no folder")
    config.pluginmanager.register(Recorder(path))


class Recorder:
    """Collects what the reports of contract tests say, and writes the table when nothing is missing.

    Args:
        path: The file to write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._proves: dict[str, Mapping[str, Any]] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._not_collected: list[str] = []
        self._said = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what could not be collected."""
        if not report.passed:
            self._not_collected.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a test proves and how it went; the worst of its phases counts."""
        for name, value in report.user_properties:
            if name == PROPERTY:
                self._proves[report.nodeid] = json.loads(str(value))
        if report.failed:
            self._outcomes[report.nodeid] = "failed"
        elif report.skipped:
            self._outcomes.setdefault(report.nodeid, "gap" if hasattr(report, "wasxfail") else "skipped")
        elif report.when == "call":
            self._outcomes.setdefault(report.nodeid, "passed")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int | pytest.ExitCode) -> None:
        """Write the table; a run that was partial fails instead, so that nobody takes an old table for its own."""
        missing = self._missing(session, exitstatus)
        if missing:
            self._said = f"{self._path.name} was not written: {missing}"
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            return
        text = markdown(self.proofs(), surroundings())
        self._path.write_text(text, encoding="utf-8")
        self._said = f"{self._path.name} was written, of {len(self._proves):,} contract tests"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what became of the table."""
        if self._said:
            terminalreporter.write_line(f"compatibility: {self._said}")

    def proofs(self) -> list[Proof]:
        """What was proven so far, in order of the tests' ids."""
        return [_proof(proves, self._outcomes.get(test, "failed")) for test, proves in sorted(self._proves.items())]

    def _missing(self, session: pytest.Session, exitstatus: int | pytest.ExitCode) -> str:
        """What makes the run a partial one, in words; ``""`` for a whole one."""
        options = session.config.option
        selecting = [name for name, attribute in _SELECTIONS.items() if getattr(options, attribute, None)]
        if selecting:
            return f"{', '.join(selecting)} left tests out"
        if self._not_collected:
            return f"could not collect {', '.join(sorted(set(self._not_collected)))}"
        if exitstatus not in _COMPLETE or session.shouldfail or session.shouldstop:
            return "the run was broken off"
        skipped = sorted(test for test, outcome in self._outcomes.items() if outcome == "skipped")
        if skipped:
            return f"{len(skipped)} tests were skipped, such as {skipped[0]}: what was not run has proven nothing"
        if not self._proves:
            return "no contract test ran"
        return self._missing_tests()

    def _missing_tests(self) -> str:
        expected: dict[str, int] = {}
        found: dict[str, set[str]] = {}
        for proves in self._proves.values():
            expected[proves["class"]] = proves["tests"]
            found.setdefault(proves["class"], set()).add(proves["test"])
        short = [
            f"{each}: {len(found[each])} of {expected[each]}" for each in found if len(found[each]) < expected[each]
        ]
        return f"not every test of a contract ran ({'; '.join(sorted(short))})" if short else ""


def surroundings() -> Surroundings:
    """Now, and the versions of what runs here."""
    versions = {"Python": platform.python_version(), "on": f"{platform.system()} {platform.machine()}"}
    versions |= {name: version(name) for name in ("mlops-core", "pytest", "hypothesis")}
    return Surroundings(at=datetime.now(UTC), versions=versions)


def _proof(proves: Mapping[str, Any], outcome: Outcome) -> Proof:
    gap = proves.get("gap")
    words = ""
    if gap is not None:
        words = f"{gap['kind'].replace('_', ' ')}: {gap['reason']}" + (
            f" ([more]({gap['link']}))" if gap["link"] else ""
        )
    capabilities = proves.get("capabilities")
    return Proof(
        backend=proves["backend"],
        port=proves["port"],
        test=proves["test"],
        # Without a gap of its own, an expected failure was marked from outside the contract: it is a failure.
        outcome="failed" if outcome == "gap" and gap is None else outcome,
        gap=words,
        capabilities=None if capabilities is None else frozenset(capabilities),
        against=proves["against"],
        versions=proves["versions"],
    )
