"""What each verb answers, in words and as JSON."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Mlops, Register


def test_init_writes_a_file_that_works_and_never_overwrites(mlops: Mlops, project: Path) -> None:
    outcome = mlops("init")
    assert (outcome.code, outcome.out) == (0, f"{project / 'mlops.toml'}\n")
    assert mlops("ls").code == 0
    (project / "mlops.toml").write_text("# mine\n")
    assert mlops("init").code == 1
    assert (project / "mlops.toml").read_text() == "# mine\n"


def test_inits_commented_lines_are_settings_that_load(mlops: Mlops, project: Path) -> None:
    mlops("init")
    lines = (project / "mlops.toml").read_text().splitlines()
    head = next(index for index, line in enumerate(lines) if line.startswith("# [cache]"))
    (project / "mlops.toml").write_text("\n".join([*lines[:head], *(line.removeprefix("# ") for line in lines[head:])]))
    outcome = mlops("ls")
    assert outcome.code == 0, outcome.err


def test_init_into_another_folder(mlops: Mlops, project: Path) -> None:
    outcome = mlops("init", "new/one", "--json")
    assert outcome.data == {"schema": 1, "created": str(project / "new" / "one" / "mlops.toml")}


def test_ls_of_an_empty_registry_says_so_on_stderr(mlops: Mlops) -> None:
    outcome = mlops("ls")
    assert (outcome.code, outcome.out) == (0, "")
    assert "no models yet" in outcome.err
    assert mlops("ls", "--json").data == {"schema": 1, "models": []}


def test_ls_lists_models_and_versions_newest_first(mlops: Mlops, register: Register) -> None:
    first = register("churn", "a", auc=0.8)
    second = register("churn", "b", auc=0.81)
    mlops("promote", "churn:1", "--alias", "champion")
    assert mlops("ls").out.splitlines() == ["MODEL  ALIASES", "churn  champion -> 1"]
    assert mlops("ls", "--json").data["models"] == [{"name": "churn", "aliases": {"champion": 1}, "url": None}]
    lines = mlops("ls", "churn").out.splitlines()
    assert lines[0].split() == ["VERSION", "CREATED", "ALIASES", "METRICS", "SIZE", "DIGEST"]
    assert [line.split()[0] for line in lines[1:]] == ["2", "1"]
    assert [line.split()[-1] for line in lines[1:]] == [second.digest[:12], first.digest[:12]]
    data = mlops("ls", "churn", "--json").data
    assert [(each["version"], each["metrics"]) for each in data["versions"]] == [(2, {"auc": 0.81}), (1, {"auc": 0.8})]
    assert data["complete"] is True


def test_ls_says_when_there_is_more(mlops: Mlops, register: Register) -> None:
    for content in "abc":
        register("churn", content)
    outcome = mlops("ls", "churn", "--limit", "2")
    assert len(outcome.out.splitlines()) == 3
    assert "--limit" in outcome.err
    assert mlops("ls", "churn", "--limit", "2", "--json").data["complete"] is False


def test_show_tells_all(mlops: Mlops, register: Register) -> None:
    version = register("churn", "a", auc=0.8125)
    mlops("promote", "churn", "--alias", "champion")
    text = mlops("show", "churn@champion").out
    for word in ["churn:1", version.digest, "champion", "auc", "0.8125", "team", "depth", "text==1", "label late"]:
        assert word in text
    assert "delay" in text
    assert "model.txt" in text
    data = mlops("show", "churn:1", "--json").data
    assert data["schema"] == 1
    assert data["digest"] == version.digest
    assert data["aliases"] == ["champion"]
    assert data["tags"] == {"team": "ops"}
    assert data["files"] == [
        {"path": "model.txt", "size": 1, "sha256": version.manifest.files[0].sha256},
    ]
    assert data["signature"]["features"][0]["name"] == "delay"
    assert data["created_at"].endswith("+00:00")


def test_metrics_that_json_has_no_word_for_are_text(mlops: Mlops, register: Register) -> None:
    register("churn", "a", nan=math.nan, up=math.inf, down=-math.inf)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    data = json.loads(mlops("show", "churn", "--json").out, parse_constant=refuse)
    assert data["metrics"] == {"nan": "NaN", "up": "Infinity", "down": "-Infinity"}


def test_resolve_prints_version_and_digest(mlops: Mlops, register: Register) -> None:
    version = register("churn", "a")
    assert mlops("resolve", "churn").out == f"churn:1 {version.digest}\n"
    expected = {"schema": 1, "model": "churn", "version": 1, "digest": version.digest}
    assert mlops("resolve", "churn:1", "--json").data == expected


@pytest.mark.parametrize("reference", ["churn:9", "churn@nobody", "nope", "churn@latest", "churn:"])
def test_what_does_not_resolve_fails(mlops: Mlops, register: Register, reference: str) -> None:
    register("churn", "a")
    outcome = mlops("resolve", reference)
    assert (outcome.code, outcome.out) == (1, "")


@pytest.mark.parametrize("verb", ["show", "resolve"])
def test_what_looks_like_a_version_and_is_no_number_is_told_how_versions_are_written(
    mlops: Mlops, register: Register, verb: str
) -> None:
    register("churn", "a")
    assert "a number, as in churn:1" in mlops(verb, "churn:x").err
    assert "a number" not in mlops(verb, "chrun").err


def test_report_without_a_job_speaks_of_reports(mlops: Mlops) -> None:
    assert mlops("report").err.startswith("error: there is no job to report\n")


def test_promote_says_from_and_to(mlops: Mlops, register: Register) -> None:
    register("churn", "a", auc=0.8)
    register("churn", "b", auc=0.81, loss=1.0)
    assert mlops("promote", "churn:1", "--alias", "champion").out.startswith("churn@champion: nothing -> 1\n")
    lines = mlops("promote", "churn:2", "--alias", "champion").out.splitlines()
    assert lines[0] == "churn@champion: 1 -> 2"
    assert lines[1].split() == ["auc", "0.8", "->", "0.81"]
    assert lines[2].split() == ["loss", "-", "->", "1"]
    assert lines[3:] == ["  training data the same", "  signature the same"]
    data = mlops("promote", "churn@champion", "--alias", "old", "--json").data
    assert (data["before"], data["after"]["version"], data["alias"]) == (None, 2, "old")


def test_promote_with_expect_has_one_winner(mlops: Mlops, register: Register) -> None:
    register("churn", "a")
    register("churn", "b")
    assert mlops("promote", "churn:1", "--alias", "champion", "--expect", "none").code == 0
    outcome = mlops("promote", "churn:2", "--alias", "champion", "--expect", "none")
    assert outcome.code == 1
    assert mlops("resolve", "churn@champion").out.startswith("churn:1 ")
    assert mlops("promote", "churn:2", "--alias", "champion", "--expect", "1").code == 0
    assert mlops("resolve", "churn@champion").out.startswith("churn:2 ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--alias", "latest"], 1),
        (["--alias", "V"], 1),
        (["--alias", "ok", "--expect", "one"], 2),
        (["--alias", "ok", "--expect", "-1"], 2),
    ],
)
def test_promote_refuses_bad_aliases_and_expectations(
    mlops: Mlops, register: Register, arguments: list[str], code: int
) -> None:
    register("churn", "a")
    assert mlops("promote", "churn", *arguments).code == code
    assert mlops("ls").out.splitlines()[1:] == ["churn"]
