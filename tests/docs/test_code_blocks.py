"""Every Python block of the documentation runs, on small tables of the same columns as the example's."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from mlops_core.settings import load_settings

ROOT = Path(__file__).parents[2]
# Pages that build on each other are read in order, as a reader does.
READINGS = [["README.md"], ["docs/features.md", "docs/models.md", "docs/tracking.md", "docs/scoring.md"]]
START = datetime(2013, 7, 1, tzinfo=UTC)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    chance = random.Random(0)
    flights = pl.DataFrame(
        [
            {
                "flight_id": f"f{hour}",
                "scheduled_departure": START + timedelta(hours=hour),
                "carrier": chance.choice(["AA", "UA"]),
                "origin": chance.choice(["EWR", "JFK"]),
                "dest": "IAH",
                "tailnum": chance.choice(["N1", "N2", None]),
                "distance": chance.randrange(100, 3000),
                "late": chance.choice([True, False, None]),
            }
            for hour in range(180 * 24)
        ],
        schema_overrides={"scheduled_departure": pl.Datetime("us", "UTC")},
    )
    flights.write_parquet(tmp_path / "flights.parquet")
    flights.drop("late").tail(200).write_parquet(tmp_path / "today.parquet")
    flights.select(
        "carrier",
        "origin",
        "dest",
        landed_at=pl.col("scheduled_departure") + pl.duration(hours=4),
        arr_delay=pl.col("distance") % 60,
    ).write_parquet(tmp_path / "landed.parquet")
    flights.gather_every(2).select(
        "origin", reported_at="scheduled_departure", wind_gust=pl.lit(None, pl.Float64), wind_speed=pl.lit(9.0)
    ).write_parquet(tmp_path / "weather.parquet")
    pl.DataFrame({"tailnum": ["N1"], "built": [1999]}).write_parquet(tmp_path / "planes.parquet")
    pl.DataFrame({"faa": ["IAH"], "lat": [29.9]}).write_parquet(tmp_path / "airports.parquet")
    return tmp_path


@pytest.mark.parametrize("pages", READINGS, ids=lambda pages: pages[0])
def test_the_code_blocks_run_as_written(pages: list[str], tables: Path) -> None:
    written = [block for page in pages for block in blocks(page, "python")]
    assert len(written) >= len(pages)
    # One file, as a reader's would be: features are read from their source.
    (tables / "reader.py").write_text("\n".join(written))
    environment = {**os.environ, "MLOPS_CACHE__PATH": str(tables / "cache")}
    command = [sys.executable, "-W", "error", "reader.py"]
    done = subprocess.run(command, cwd=tables, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tables / "scores.parquet").is_file()


def test_the_settings_of_the_documentation_are_settings(tables: Path) -> None:
    (whole,) = blocks("docs/settings.md", "toml")
    (tables / "mlops.toml").write_text(whole)
    settings = load_settings(config=tables / "mlops.toml")
    assert settings.train["late-flight"].features == ("risk", "far")
    assert settings.score["today"].checks[0].reason == "has a tail number"


def test_every_page_of_the_site_is_there_and_is_a_page() -> None:
    pages = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert len(pages) > 8
    for page in pages:
        assert len((ROOT / "docs" / page).read_text()) > 500, page
