"""The contract suite keeps its own rules: tests are named after promises, say what to look at, and hide nothing."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import mlops_core.errors
import mlops_core.testing
import pytest
from mlops_core.errors import MlopsError
from mlops_core.testing.artifact_store import ArtifactStoreContract, ConnectedArtifactStoreContract
from mlops_core.testing.backend import BackendContract
from mlops_core.testing.contract import Contract, contract_tests
from mlops_core.testing.experiment_tracker import ConnectedExperimentTrackerContract, ExperimentTrackerContract
from mlops_core.testing.model_registry import ModelRegistryContract
from mlops_core.testing.model_registry.connected import ConnectedModelRegistryContract
from mlops_core.testing.promises import CHECKS, PORTS, PortDescription, promise_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
SUITE: Final = Path(str(mlops_core.testing.__file__)).parent
VENDORS: Final = re.compile(
    r"mlflow|wandb|weights.{0,3}biases|boto|minio|ceph|amazon|\baws\b|\bs3\b|azure|databricks|sagemaker|vertex|neptune"
)
"""Vendors; ``mlflow.`` is also a prefix of tags that the grammar reserves on every vendor."""
RESERVED: Final = re.compile(r"""["'`]mlflow\.""")
OF_PORTS: Final[list[type[Contract]]] = [
    ModelRegistryContract,
    ConnectedModelRegistryContract,
    ArtifactStoreContract,
    ConnectedArtifactStoreContract,
    ExperimentTrackerContract,
    ConnectedExperimentTrackerContract,
]
ALL: Final = [*OF_PORTS, BackendContract]


def sources() -> Iterator[tuple[str, str]]:
    """The suite's own files: name and text."""
    for path in sorted(SUITE.rglob("*.py")):
        yield path.relative_to(SUITE).as_posix(), path.read_text(encoding="utf-8")


def described(contract: type[Contract]) -> PortDescription:
    """What is said of the port whose contract it is."""
    assert contract.port != "backend"
    return PORTS[contract.port]


def test_every_contract_is_looked_at() -> None:
    defined = {
        each for each in vars(mlops_core.testing).values() if inspect.isclass(each) and issubclass(each, Contract)
    }
    assert defined - {Contract} == set(ALL)


@pytest.mark.parametrize("contract", OF_PORTS, ids=lambda each: each.__name__)
def test_every_promise_has_tests_of_its_name(contract: type[Contract]) -> None:
    promised = set(described(contract).promises)
    proven = {promise_of(test) for test in contract_tests(contract)} - {None}
    assert promised - proven == set(), "promises without a test of their name"
    assert proven - promised == set(), "tests of what the port's docstring does not promise"


@pytest.mark.parametrize("contract", OF_PORTS, ids=lambda each: each.__name__)
def test_every_capability_has_one_test_of_its_name_and_every_check_is_there(contract: type[Contract]) -> None:
    tests = contract_tests(contract)
    declarable = {f"test_capability_{each.name}".lower() for each in described(contract).capabilities}
    assert {test.split("__")[0] for test in tests if test.startswith("test_capability_")} == declarable
    assert declarable <= tests.keys()
    for check in CHECKS:
        assert any(test.startswith(f"test_{check}") for test in tests), check


@pytest.mark.parametrize("contract", ALL, ids=lambda each: each.__name__)
def test_every_docstring_ends_with_what_to_look_at(contract: type[Contract]) -> None:
    silent = [name for name, test in contract_tests(contract).items() if not _says_where_to_look(inspect.getdoc(test))]
    assert silent == []


def _says_where_to_look(doc: str | None) -> bool:
    last = (doc or "").rpartition("\n\n")[2].strip()
    return last.startswith("If this fails: ") and last.endswith((".", "?", "!"))


def test_the_suite_skips_nothing() -> None:
    found = [
        name
        for name, text in sources()
        if re.search(r"pytest\.(skip|xfail|importorskip)\(|mark\.skip|import unittest", text)
    ]
    assert found == [], "a test that cannot be run is a known gap, declared by the adapter"


def test_the_suite_names_no_vendor() -> None:
    found = {
        f"{name}: {line.strip()}"
        for name, text in sources()
        for line in text.splitlines()
        if VENDORS.search(RESERVED.sub("", line.lower()))
    }
    assert found == set()


def test_nothing_of_the_suite_is_collected_by_itself() -> None:
    assert [name for name, _ in sources() if Path(name).name.startswith("test_") or name.endswith("_test.py")] == []


def test_every_error_is_raised_and_caught_somewhere() -> None:
    tree = {
        name
        for name, value in vars(mlops_core.errors).items()
        if inspect.isclass(value) and issubclass(value, MlopsError) and value.__module__ == mlops_core.errors.__name__
    }
    tested: set[str] = set()
    for folder in ("packages", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "tests" in path.parts or SUITE in path.parents:
                tested |= _expected_errors(ast.parse(path.read_text(encoding="utf-8")))
    # What only others derive from is told apart from them by nobody.
    abstract = {"MlopsError", "BackendError", "NotFoundError"}
    assert tree - abstract - tested == set()


def _expected_errors(tree: ast.Module) -> set[str]:
    """The names of the classes that a module expects: ``pytest.raises``, ``raised_by(...) is``, and ``except``."""
    expected: list[ast.expr] = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="raises"), args=[first, *_]):
                expected.append(first)
            case ast.Compare(comparators=others):
                expected += others
            case _:
                pass
    return {each.id for root in expected for each in ast.walk(root) if isinstance(each, ast.Name)}
