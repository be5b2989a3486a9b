"""The example's tables, written once for all tests by the very command that a reader types."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

PREPARE = Path(__file__).parents[1] / "prepare.py"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("flights") / "data"
    subprocess.run([sys.executable, PREPARE, "--data", data], check=True, stdout=subprocess.DEVNULL)
    return data


@pytest.fixture(scope="session")
def tables(prepared: Path) -> dict[str, pl.DataFrame]:
    return {path.stem: pl.read_parquet(path) for path in prepared.glob("*.parquet")}
