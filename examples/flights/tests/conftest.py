"""The example's tables and its demo, made once for all tests by the very commands that a reader types."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("flights") / "data"
    subprocess.run([sys.executable, HERE / "prepare.py", "--data", data], check=True, stdout=subprocess.DEVNULL)
    return data


@pytest.fixture(scope="session")
def tables(prepared: Path) -> dict[str, pl.DataFrame]:
    return {path.stem: pl.read_parquet(path) for path in prepared.glob("*.parquet")}


def commands_of_the_demo() -> list[str]:
    recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    lines = [line.strip(" \t;\\'") for line in recipe.group(1).splitlines()]
    return [line for line in lines if line.startswith(("python ", "mlops "))]


@pytest.fixture(scope="session")
def run_demo(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, str]]:
    """Runs the demo's commands in a copy of the example; gives the copy, and what was printed."""

    def run(*wrapper: str, data: Path | None = None, **settings: str) -> tuple[Path, str]:
        folder = tmp_path_factory.mktemp("demo") / "flights"
        shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("data", "out", ".mlops*", "tests", "__pycache__"))
        if data is not None:
            (folder / "data").symlink_to(data, target_is_directory=True)
        environment = {
            **os.environ,
            "MLOPS_CACHE__PATH": str(folder / "cache"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            **settings,
        }
        commands = commands_of_the_demo()
        assert len(commands) == 5
        done = subprocess.run(
            [*wrapper, "bash", "-euc", "\n".join(commands)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return folder, done.stdout

    return run


@pytest.fixture(scope="session")
def demo(run_demo: Callable[..., tuple[Path, str]]) -> Path:
    """The demo as it is, on a folder."""
    folder, _ = run_demo()
    return folder
