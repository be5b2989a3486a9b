"""The contracts catch deliberate bugs: every mutant by a test of its own, while what the mutants are made of passes.

``make mutants`` prints which tests catch which mutant, up to three of each; otherwise the first one is enough.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).parents[2]
MACHINE: Final = "test_state_machine"
HONEST: Final = {
    "registry_run": {"RegistryMutant"},
    "store_run": {"StoreMutant"},
    "tracker_run": {"TrackerMutant", "RunMutant", "RunChangesPoints"},
    "connection_run": {"RegistryOnAConnection", "StoreOnAConnection", "TrackerOnAConnection"},
}
"""The runs, and in each what the mutants are made of."""
FEW_PROGRAMMES: Final[Mapping[str, str]] = {"MLOPS_TEST_PROGRAMMES": "5"}
"""The machines run on what has no bug, and on a mutant that nothing else has caught."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("run", HONEST)
def test_every_mutant_is_caught_by_a_test_of_its_own(run: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    caught = catchers_in(run, tmp_path / "junit.xml")
    honest = {name: caught.pop(name) for name in HONEST[run]}
    mutants = {name: [test for test in tests if test != MACHINE] for name, tests in caught.items()}
    width = max(map(len, mutants))
    table = [f"{name:{width}}  {', '.join(tests) or 'NOT CAUGHT'}" for name, tests in sorted(mutants.items())]
    survivors = [name for name, tests in mutants.items() if not tests]
    summary = f"{run}: {len(mutants) - len(survivors)} of {len(mutants)} mutants caught"
    item: pytest.Item = cast("Any", request).node  # which has no type before pytest 9.2
    item.user_properties.append(("mutants", "\n".join([summary, *table])))
    assert honest == {name: [] for name in HONEST[run]}, "without a bug, every test passes"
    assert survivors == [], "caught by no test of its own"


def catchers_in(run: str, report: Path) -> dict[str, list[str]]:
    """The tests that fail on each mutant of a run, by its name."""
    command = [sys.executable, "-m", "pytest", f"tests/contract/mutants/{run}.py", f"--junitxml={report}"]
    options = ["--import-mode=importlib", "--disable-socket", "-q", "--tb=no", "--no-header", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, "-o", f"addopts={' '.join(options)}", "-p", "no:xdist", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, **FEW_PROGRAMMES},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout[-3_000:] + done.stderr
    caught: dict[str, list[str]] = {}
    for test in ET.parse(report).getroot().iter("testcase"):
        found = caught.setdefault(test.attrib["classname"].rpartition(".Test")[2], [])
        name = test.attrib["name"].partition("[")[0]
        if (test.find("failure") is not None or test.find("error") is not None) and name not in found:
            found.append(name)
    return caught
