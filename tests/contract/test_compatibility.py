"""The compatibility table: what a run writes, that a partial run writes nothing, and that the committed page is current."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import pytest
from mlops_core.testing.contract import PROPERTY
from mlops_core.testing.promises import PORTS, promise_of

from ..servers.postgres import has_postgres
from ..servers.s3_servers import has_ceph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.ports.backend import PortName

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "compatibility.md"
_SERVERS: Final = {"s3 (Ceph)": has_ceph(), "mlflow (PostgreSQL)": has_postgres()}
NOT_ON_THIS_HOST: Final = frozenset(name for name, installed in _SERVERS.items() if not installed)
"""Backends of the page whose server is not installed here; CI installs it."""
INNER = """
import pytest
from types import SimpleNamespace
from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.testing import CONTRACT_VERSION, Contract, KnownGap

class Inner(Contract):
    __module__ = "mlops_core.testing.inner"
    port = "artifact_store"

    @pytest.fixture
    def subject(self, fresh_store: object) -> object:
        return SimpleNamespace(store=fresh_store)

    def test_bytes_round_trip(self) -> None: ...

    def test_bytes_round_trip__in_ranges(self) -> None: ...

    def test_deleting_is_idempotent(self) -> None:
        assert self.backend != "acme"

    def test_etags_name_contents(self) -> None:
        assert self.backend != "bolt"

    def test_capability_conditional_put(self) -> None: ...

class TestAcme(Inner):
    contract_version = CONTRACT_VERSION
    backend = "acme"
    against = "a server | of our own"
    versions = {"server": "4.2"}
    known_gaps = (
        KnownGap(test="test_deleting_is_idempotent", kind="never", reason="it asks twice", link="https://acme.test/1"),
        KnownGap(test="test_bytes_round_trip__in_ranges", kind="unproven", reason="a stand-in"),
    )

    @pytest.fixture
    def fresh_store(self) -> object:
        return SimpleNamespace(capabilities=ArtifactStoreCapability.CONDITIONAL_PUT)

class TestBolt(Inner):
    contract_version = CONTRACT_VERSION
    backend = "bolt"

    @pytest.fixture
    def fresh_store(self) -> object:
        return SimpleNamespace(capabilities=ArtifactStoreCapability.NONE)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_inner.py").write_text(INNER)
    (tmp_path / "test_other.py").write_text("def test_other(): ...\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "mlops_core.testing.compatibility"]
    return subprocess.run(
        [*command, "--compatibility", "table.md", *arguments],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def rows(page: str, first: str) -> list[list[str]]:
    """The rows of a table of the page, by the first word of its header."""
    lines = page.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    found: list[list[str]] = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]], ids=["alone", "xdist"])
def test_a_run_writes_what_it_has_proven(folder: Path, workers: list[str]) -> None:
    done = run(folder, "-W", "error", "--junitxml", "junit.xml", *workers)
    page = (folder / "table.md").read_text()
    assert "compatibility: table.md was written, of 10 contract tests" in done.stdout
    assert rows(page, "backend")[2:] == [
        ["`acme`", "artifact store", "a server \\| of our own", "server 4.2", "5"],
        ["`bolt`", "artifact store", "-", "-", "5"],
    ]
    header, _, *promises = rows(page, "promise")
    assert header == ["promise", "`acme`", "`bolt`"]
    cells = {promise: (acme, bolt) for promise, acme, bolt in promises}
    assert cells["`bytes_round_trip`"] == (
        "of 2 tests: `test_bytes_round_trip__in_ranges`: unproven: a stand-in",
        "kept, 2 tests",
    )
    assert cells["`deleting_is_idempotent`"] == (
        "of 1 test: `test_deleting_is_idempotent`: never: it asks twice ([more](https://acme.test/1))",
        "kept, 1 test",
    )
    assert cells["`etags_name_contents`"] == ("kept, 1 test", "of 1 test: **failed**: `test_etags_name_contents`")
    assert cells["`folders_are_the_next_parts`"] == ("not tested", "not tested")
    assert [name.strip("`") for name in list(cells)[:-1]] == list(PORTS["artifact_store"].promises)
    assert rows(page, "capability")[2:] == [["`CONDITIONAL_PUT`", "declared", "refused"]]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-k", "round or TestBolt"], "-k left tests out"),
        (["test_inner.py::TestBolt::test_bytes_round_trip"], "not every test of a contract ran"),
        (["--deselect", "test_other.py"], "--deselect left tests out"),
        (["-x"], "the run was broken off"),
        (["test_other.py"], "no contract test ran"),
    ],
)
def test_a_partial_run_writes_nothing_and_fails(folder: Path, arguments: list[str], says: str) -> None:
    (folder / "table.md").write_text("as it was")
    done = run(folder, *arguments)
    assert (folder / "table.md").read_text() == "as it was"
    assert f"compatibility: table.md was not written: {says}" in done.stdout
    assert done.returncode != 0


def test_a_run_that_could_not_import_everything_writes_nothing(folder: Path) -> None:
    (folder / "test_third.py").write_text("import no_such_module\n")
    for more in ([], ["--continue-on-collection-errors"], ["-p", "xdist", "-n", "2"]):
        assert "was not written: could not collect test_third.py" in run(folder, *more).stdout
        assert not (folder / "table.md").exists()


def test_tests_that_are_skipped_from_outside_are_missing(folder: Path) -> None:
    (folder / "test_inner.py").write_text(INNER + "\npytestmark = pytest.mark.skip\n")
    done = run(folder)
    assert "tests were skipped, such as test_inner.py::" in done.stdout
    assert done.returncode == pytest.ExitCode.TESTS_FAILED


def test_a_failure_that_is_expected_from_outside_is_a_failure(folder: Path) -> None:
    (folder / "test_inner.py").write_text(INNER + "\npytestmark = pytest.mark.xfail(reason='')\n")
    run(folder)
    cells = {row[0]: row[1:] for row in rows((folder / "table.md").read_text(), "promise")}
    assert cells["`etags_name_contents`"] == ["kept, 1 test", "of 1 test: **failed**: `test_etags_name_contents`"]


@pytest.mark.parametrize(("known", "words"), [(True, "declared, with a gap"), (False, "declared, **not proven**")])
def test_a_capability_that_fails_its_test_is_told(folder: Path, *, known: bool, words: str) -> None:
    inner = INNER.replace(
        "conditional_put(self) -> None: ...", 'conditional_put(self) -> None:\n        assert self.backend != "acme"'
    )
    gap = 'known_gaps = (\n        KnownGap(test="test_capability_conditional_put", kind="never", reason="it loses"),'
    (folder / "test_inner.py").write_text(inner.replace("known_gaps = (", gap) if known else inner)
    run(folder)
    assert rows((folder / "table.md").read_text(), "capability")[2:] == [["`CONDITIONAL_PUT`", words, "refused"]]


def test_a_path_in_no_folder_is_refused_at_the_start(folder: Path) -> None:
    done = run(folder, "--compatibility", "nowhere/table.md")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "nowhere is no folder" in done.stderr


@pytest.mark.parametrize(
    ("test", "promise"),
    [
        ("test_tags_merge", "tags_merge"),
        ("test_tags_merge__after_the_end", "tags_merge"),
        ("test_fixture_gives_empty_instances", None),
        ("test_signatures_are_those_of_the_port", None),
        ("test_capability_atomic_dedup", None),
        ("test_state_machine", None),
        ("test_fixtures_of_the_vendor", "fixtures_of_the_vendor"),
    ],
)
def test_a_test_is_about_the_promise_in_its_name(test: str, promise: str | None) -> None:
    assert promise_of(test) == promise


def test_every_port_promises_something() -> None:
    assert {port: len(described.promises) > 10 for port, described in PORTS.items()} == dict.fromkeys(PORTS, True)


@pytest.fixture(scope="session")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, set[str]]]:
    """What each backend declares now, by port and backend: told by the tests of capabilities, which are run alone."""
    report = tmp_path_factory.mktemp("declared") / "junit.xml"
    command = [sys.executable, "-m", "pytest", "tests/contract", "-k", "test_capability", f"--junitxml={report}"]
    options = ["-n0", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    found: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for said in ET.parse(report).getroot().iter("property"):
        if said.attrib["name"] == PROPERTY:
            proves = json.loads(said.attrib["value"])
            found[proves["port"]].setdefault(proves["backend"], set()).update(proves["capabilities"])
    return found


@pytest.mark.xdist_group("committed page")  # else each process of the run starts every server for it
@pytest.mark.parametrize("port", PORTS)
def test_the_committed_page_is_current(port: PortName, declared: Mapping[str, Mapping[str, set[str]]]) -> None:
    described = PORTS[port]
    section = PAGE.read_text(encoding="utf-8").partition(f"## {described.title}\n")[2].partition("\n## ")[0]
    promises, capabilities = rows(section, "promise"), rows(section, "capability")
    backends = [each.strip("`") for each in promises[0][1:]]
    again = "run make compatibility, and commit what it writes"
    assert backends == sorted({*declared[port], *NOT_ON_THIS_HOST}), again
    assert [row[0].strip("`") for row in promises[2:-1]] == list(described.promises), again
    here = sorted(declared[port])
    expected = [
        [f"`{each.name}`", *("declared" if each.name in declared[port][name] else "refused" for name in here)]
        for each in described.capabilities
    ]
    columns = [0, *(number for number, name in enumerate(backends, start=1) if name in here)]
    assert [[row[column].partition(",")[0] for column in columns] for row in capabilities[2:]] == expected, again
    assert "**" not in section, "what is committed is what passed"
