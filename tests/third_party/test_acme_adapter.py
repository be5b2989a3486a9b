"""A stranger's adapter, as its author would meet us: built as a wheel, installed beside ours alone, and proven there.

The environment holds the two wheels and what their metadata asks for, copied from the environment that runs this test:
so nothing is fetched, and what the metadata forgets is missing.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.xdist_group("acme-adapter")

ROOT = Path(__file__).parents[2]
ACME = Path(__file__).parent / "acme-adapter"
ALLOWED = {"ports", "errors", "naming", "manifest", "settings", "stores", "secret"}
"""The parts of the core that an adapter may import."""
EXTRAS = ("polars", "numpy", "pandas", "pyarrow", "sklearn", "skops", "typer", "rich")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment of the two wheels, and a copy of the adapter's tests."""

    folder: Path
    site_packages: Path
    tests: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # Isolated: neither the working folder nor PYTHONPATH nor the user's own packages are seen.
        command = [str(self.folder / "bin" / "python"), "-I", *arguments]
        return subprocess.run(command, cwd=self.tests, capture_output=True, text=True, check=False)

    def prints(self, code: str) -> str:
        done = self.run("-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("stranger")
    venv.create(folder / "env")
    site_packages = next((folder / "env" / "lib").glob("python3.*")) / "site-packages"
    python = folder / "env" / "bin" / "python"
    wheels = [build(project, folder / "dist") for project in (ROOT / "packages" / "mlops-core", ACME)]
    pip("--python", str(python), "install", "--no-index", "--no-deps", *map(str, wheels))
    for needed in required("acme-adapter", {"testing"}, site_packages):
        copy(needed, site_packages)
    tests = folder / "acme"
    shutil.copytree(ACME / "tests", tests / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ACME / "pyproject.toml", tests)
    return Environment(folder=folder / "env", site_packages=site_packages, tests=tests)


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def build(project: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "build", "--quiet", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, str(project)], check=True, capture_output=True)
    (wheel,) = folder.glob(f"{project.name.replace('-', '_')}-*.whl")
    return wheel


def required(name: str, extras: set[str], site_packages: Path) -> Iterator[Distribution]:
    """What an installed wheel needs beyond the wheels, itself and by way of others."""
    installed = {canonicalize_name(each.name): each for each in distributions(path=[str(site_packages)])}
    waiting = [(canonicalize_name(name), frozenset(extras))]
    seen = set(waiting)
    for wanted, wanted_extras in waiting:
        found = installed.get(wanted) or distribution(wanted)
        if wanted not in installed:
            yield found
        for line in found.requires or ():
            requirement = Requirement(line)
            marker = requirement.marker
            if marker and not any(marker.evaluate({"extra": extra}) for extra in ("", *wanted_extras)):
                continue
            following = (canonicalize_name(requirement.name), frozenset(requirement.extras))
            if following not in seen:
                seen.add(following)
                waiting.append(following)


def copy(needed: Distribution, site_packages: Path) -> None:
    for each in needed.files or ():
        if ".." not in each.parts and "__pycache__" not in each.parts:
            target = site_packages / each
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(each.locate(), target)


def test_the_core_and_the_adapter_are_those_of_the_wheels(environment: Environment) -> None:
    for module in ("mlops_core", "mlops_core.testing", "acme_adapter.backend"):
        assert str(environment.site_packages) in environment.prints(f"import {module}; print({module}.__file__)")


def test_nothing_but_the_base_and_the_suite_is_installed(environment: Environment) -> None:
    code = f"import importlib.util as u; print([name for name in {EXTRAS!r} if u.find_spec(name)])"
    assert environment.prints(code) == "[]"


def test_the_vendors_sdk_is_loaded_on_first_use(environment: Environment) -> None:
    code = "import sys, acme_adapter.backend, acme_adapter.settings; print('acme_vault' in sys.modules)"
    assert environment.prints(code) == "False"


def test_the_adapter_passes_its_tests_there_with_no_gap_and_no_skip(environment: Environment) -> None:
    done = environment.run("-m", "pytest", "--junitxml=report.xml", "-o", "junit_family=xunit2")
    assert done.returncode == 0, done.stdout + done.stderr
    suite = ET.parse(environment.tests / "report.xml").getroot().find("testsuite")
    assert suite is not None
    assert {name: suite.get(name) for name in ("errors", "failures", "skipped")} == {
        "errors": "0",
        "failures": "0",
        "skipped": "0",
    }
    ran = {(case.get("classname", "").rpartition(".")[2], case.get("name", "")) for case in suite.iter("testcase")}
    for contract in ("TestAcmeModelRegistry", "TestAcmeExperimentTracker"):
        assert len({name for kind, name in ran if kind == contract}) > 50, contract
    assert ("test_backend", "test_a_session_finds_the_adapter_by_its_entry_point") in ran


def test_the_adapter_imports_only_what_an_adapter_may() -> None:
    for path in (ACME / "src" / "acme_adapter").glob("*.py"):
        for module in imported(path):
            if module.startswith("mlops_core."):
                assert module.split(".")[1] in ALLOWED, f"{path.name} imports {module}"
            else:
                assert module != "mlops_core", f"{path.name} imports the whole core"


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
