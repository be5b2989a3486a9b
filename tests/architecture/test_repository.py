"""Rules of the repository that no other tool checks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_the_lock_has_a_hash_for_everything_and_names_no_host() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert "--index" not in text
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert len(requirements) > 40
    assert [each for each in requirements if "--hash=sha256:" not in each] == []


def test_no_lock_that_records_hosts_is_tracked() -> None:
    assert [path for path in tracked_files() if path.name == "uv.lock"] == []


def test_the_readme_names_every_verb_that_a_newcomer_needs() -> None:
    readme = (ROOT / "README.md").read_text()
    for verb in ("make demo", "make test"):
        assert verb in readme


def test_every_target_of_the_makefile_is_described_by_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in phony.group(1).split():
        assert re.search(rf"make {target}\b", shown), target
