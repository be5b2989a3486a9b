"""The page for authors of adapters shows excerpts of an adapter that passes its contracts, and names what exists."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACME = ROOT / "tests" / "third_party" / "acme-adapter"
PAGE = (ROOT / "docs" / "write-an-adapter.md").read_text()
BLOCKS: list[str] = re.findall(r"^```(?:python|toml)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXCERPTS = [block for block in BLOCKS if block.startswith("# ")]
PROGRAMMES = [block for block in BLOCKS if block not in EXCERPTS]


@pytest.mark.parametrize("excerpt", EXCERPTS, ids=lambda block: block.splitlines()[0])
def test_an_excerpt_stands_in_the_file_that_it_names(excerpt: str) -> None:
    head, _, body = excerpt.partition("\n")
    rest = (ACME / head.removeprefix("# ")).read_text()
    for part in body.split("# ...\n"):
        assert part in rest, f"{head} does not hold, after what was shown before:\n{part}"
        rest = rest.partition(part)[2]


def test_what_is_no_excerpt_runs() -> None:
    assert PROGRAMMES
    for block in PROGRAMMES:
        exec(compile(block, "write-an-adapter.md", "exec"), {})


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("mlops_core.ports.registration_values", ["checked_registration"]),
        ("mlops_core.ports.run_values", ["metric_points", "parameter_texts", "run_files"]),
        ("mlops_core.naming", ["check_alias", "check_tags", "check_version", "check_experiment_name", "check_text"]),
        ("mlops_core.manifest", ["open_verified"]),
        ("mlops_core.settings.options", ["read_options"]),
        ("mlops_core.errors", ["translating_errors"]),
        ("mlops_core.secret", ["Secret"]),
        ("mlops_core.testing", ["compare_with_protocol", "BackendContract"]),
        ("mlops_core.stores.registry", ["StoreModelRegistry"]),
        ("mlops_core.stores.tracker", ["StoreExperimentTracker"]),
    ],
)
def test_the_functions_that_it_names_are_there(module: str, names: list[str]) -> None:
    for name in names:
        assert f"`{name}`" in PAGE or f".{name}`" in PAGE
        assert callable(getattr(import_module(module), name))


def test_the_gap_that_it_shows_names_a_contract_test() -> None:
    from mlops_core.testing import ModelRegistryContract

    names = re.findall(r'test="(\w+)(?:\[\w+\])?"', PAGE)
    assert len(names) == 2
    for name in names:
        assert callable(getattr(ModelRegistryContract, name))


def test_the_rules_that_it_leaves_out_are_rules() -> None:
    from mlops_core.testing.state_machines import ModelRegistryMachine
    from mlops_core.testing.state_machines.running import rules_of

    (name,) = re.findall(r'without=\("(\w+)",\)', PAGE)
    assert name in rules_of(ModelRegistryMachine)
