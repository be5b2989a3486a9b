"""The command as a whole: exit codes, where output goes, global options, what an error looks like."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from mlops_core import __version__
from mlops_core.cli import app as app_module
from mlops_core.cli.output import print_error, printable, size_text, table
from mlops_core.errors import IntegrityError, MlopsError, TooManyRejectsError, UnsupportedOperationError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Mlops, Register

OTHER = (
    'use = "{use}"\n[backends.one]\nadapter = "local"\npath = "one"\n[backends.two]\nadapter = "local"\npath = "two"\n'
)


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["ls", "--nonsense"], ["show"], ["promote", "a"], ["ls", "--limit", "0"], ["--use"], []],
)
def test_wrong_usage_is_2_and_leaves_stdout_empty(mlops: Mlops, arguments: list[str]) -> None:
    outcome = mlops(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err


def test_help_and_version_are_0(mlops: Mlops) -> None:
    assert mlops("--version").out == f"{__version__}\n"
    outcome = mlops("--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert all(f"\n  {verb.__name__} " in outcome.out for verb in app_module.VERBS)


@pytest.mark.parametrize("verb", [each.__name__ for each in app_module.VERBS])
def test_every_verb_has_help_and_json(mlops: Mlops, verb: str) -> None:
    outcome = mlops(verb, "--help")
    assert outcome.code == 0
    assert "--json" in outcome.out


def test_an_error_has_four_parts_on_stderr_and_no_traceback(mlops: Mlops) -> None:
    outcome = mlops("ls", "nope")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("error: ")
    assert "where: backend 'home'" in outcome.err
    assert "next:" in outcome.err
    assert "Traceback" not in outcome.err


def test_an_error_is_json_too_for_whoever_reads_that(mlops: Mlops) -> None:
    error = mlops("show", "nope", "--json").data["error"]
    assert error["kind"] == "ModelNotFoundError"
    assert error["exit_code"] == 1
    assert set(error) == {"kind", "what", "where", "why", "next", "exit_code"}


def test_debug_shows_the_traceback(mlops: Mlops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_DEBUG", "1")
    outcome = mlops("ls", "nope")
    assert outcome.code == 1
    assert "Traceback" in outcome.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MlopsError("x"), 1),
        (IntegrityError("x"), 3),
        (UnsupportedOperationError("x"), 4),
        (TooManyRejectsError("x"), 5),
    ],
)
def test_exit_codes_tell_failures_apart(
    mlops: Mlops, monkeypatch: pytest.MonkeyPatch, error: MlopsError, code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("mlops_core.models.references.pin", fail)
    assert mlops("resolve", "a").code == code


def test_global_options_may_stand_anywhere(mlops: Mlops, register: Register, project: Path) -> None:
    (project / "mlops.toml").write_text(OTHER.format(use="one"))
    register("churn", "content")
    assert "churn" in mlops("ls").out
    assert mlops("--use", "two", "ls").out == ""
    assert mlops("ls", "--use", "two").out == ""
    assert mlops("ls", "--use=two").out == ""
    assert "no backend 'three'" in mlops("ls", "--use", "three").err


def test_config_names_another_file(mlops: Mlops, register: Register, project: Path) -> None:
    register("churn", "content")
    other = project / "sub" / "other.toml"
    other.parent.mkdir()
    other.write_text(OTHER.format(use="one"))
    assert "churn" in mlops("ls").out
    assert mlops("ls", "--config", "sub/other.toml").out == ""
    assert "does not exist" in mlops("ls", "--config", "nowhere.toml").err


def test_wrong_settings_fail_with_the_place(mlops: Mlops, project: Path) -> None:
    (project / "mlops.toml").write_text("use = 'home'\n[backend.home]\n")
    outcome = mlops("ls")
    assert outcome.code == 1
    assert "did you mean 'backends'?" in outcome.err


def test_without_typer_the_line_that_installs_it_is_shown() -> None:
    code = "import sys; sys.modules['typer'] = None\nfrom mlops_core.cli import main\nsys.exit(main(['ls']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'mlops-core[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_from_a_registry_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert printable("a\x1b[2Jb\r\u202ec\n") == "a\\x1b[2Jb\\r\\u202ec\n"
    assert "\x1b" not in table(["name"], [["\x1b]0;title\x07"]])
    print_error(MlopsError("\x1b[31m"), exit_code=1, as_json=False)
    assert "\x1b" not in capsys.readouterr().err


def test_tables_are_aligned_and_sizes_readable() -> None:
    assert table(["a", "bc"], [["xyz", "1"], ["", "2"]]) == "A    BC\nxyz  1\n     2"
    sizes = [0, 999, 1_000, 1_440_000, 3 * 10**12]
    assert [size_text(each) for each in sizes] == ["0 B", "999 B", "1.0 kB", "1.4 MB", "3.0 TB"]
