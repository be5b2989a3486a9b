"""The whole program (train, promote, score, report), killed anywhere and run again, ends where an unkilled one ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import polars as pl
import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("killed program")]

PROGRAM = """
import sys
from mlops_core.cli import main
for arguments in (["train", "--alias", "challenger"], ["promote", "late-flight@challenger", "--alias", "champion"], ["score"], ["report"]):
    code = main(arguments)
    if code:
        sys.exit(code)
"""
DEFINITIONS = """
import polars as pl
from mlops_core import Source, feature, window

EVENTS = Source("events", "events.parquet", event_time="at")

@feature()
def distance_band() -> pl.Expr:
    return pl.col("distance") // 500

@feature(source=EVENTS)
def delay(by: tuple[str, ...] = ("carrier",), over: str = "7d"):
    return window("mean", "minutes", by=by, over=over, closed="left")
"""
SETTINGS = """
use = "home"

[backends.home]
adapter = "local"
path = ".mlops"

[backends.other]
adapter = "local"
path = ".mlops-other"

[cache]
path = "cache"

[train.late-flight]
definitions = "features.py"
spine = "flights.parquet"
at = "departs"
label = "late"
features = ["distance_band", "delay"]
valid_from = 2013-02-01
test_from = 2013-02-15
baselines = ["carrier"]
candidates = [
  { estimator = "hist_gradient_boosting_classifier", parameters = { max_iter = 5, random_state = 0, early_stopping = false } },
  { estimator = "dummy_classifier" },
]

[score.today]
model = "late-flight@champion"
definitions = "features.py"
input = "today.parquet"
key = "flight"
checks = [
  { reason = "is near", accept = "distance < 2000" },
  { reason = "has a history", accept = "delay IS NOT NULL" },
]
"""


def make_project(folder: Path) -> Path:
    chance = random.Random(7)
    start = 1_356_998_400_000_000  # 2013-01-01, UTC
    hour = 3_600_000_000
    rows = [
        {
            "flight": number,
            "departs": start + number * hour,
            "carrier": chance.choice(["AA", "UA", "B6"]),
            "distance": chance.randrange(100, 2500),
            "minutes": chance.gauss(0, 20),
        }
        for number in range(1_400)
    ]
    flights = pl.DataFrame(rows).with_columns(pl.col("departs").cast(pl.Datetime("us", "UTC")))
    flights.select(
        "flight", "departs", "carrier", "distance", late=pl.col("minutes") + pl.col("distance") / 100 > 15
    ).write_parquet(folder / "flights.parquet")
    flights.select("carrier", "minutes", at=pl.col("departs") + pl.duration(hours=3)).write_parquet(
        folder / "events.parquet"
    )
    today = flights.tail(300).drop("minutes")
    pl.concat([today, today.head(3)]).write_parquet(folder / "today.parquet")
    (folder / "features.py").write_text(DEFINITIONS)
    (folder / "mlops.toml").write_text(SETTINGS)
    (folder / "program.py").write_text(textwrap.dedent(PROGRAM))
    return folder


def start(folder: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "program.py"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(folder: Path, **environment: str) -> str:
    process = start(folder, **environment)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    return out


def state(folder: Path, **environment: str) -> dict[str, object]:
    """All that the program leaves for others to read."""
    mlops = [sys.executable, "-c", "import sys; from mlops_core.cli import main; sys.exit(main())"]
    listed = subprocess.run(
        [*mlops, "show", "late-flight@champion", "--json"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    shown = json.loads(listed.stdout)
    versions = subprocess.run(
        [*mlops, "ls", "late-flight", "--json"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return {
        "digest": shown["digest"],
        "version": shown["version"],
        "aliases": shown["aliases"],
        "metrics": shown["metrics"],
        "versions": [each["digest"] for each in json.loads(versions.stdout)["versions"]],
        "scores": (folder / "out" / "today-scores.parquet").read_bytes(),
        "rejects": (folder / "out" / "today-rejects.parquet").read_bytes(),
        "left in out": sorted(path.name for path in (folder / "out").iterdir()),
        "page": (folder / "out" / "report.html").read_text().count("<section"),
    }


@pytest.fixture(scope="module")
def unkilled(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], float]:
    folder = make_project(tmp_path_factory.mktemp("unkilled"))
    began = time.monotonic()
    run(folder)
    return state(folder), time.monotonic() - began


@pytest.mark.parametrize("seed", range(6))
def test_killed_anywhere_and_run_again_it_ends_in_the_same_state(
    seed: int, unkilled: tuple[dict[str, object], float], tmp_path: Path
) -> None:
    expected, seconds = unkilled
    folder = make_project(tmp_path)
    chance = random.Random(seed)
    for _ in range(2):
        process = start(folder)
        try:
            process.wait(timeout=chance.uniform(0.15, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    run(folder)
    assert state(folder) == expected


def test_one_word_moves_the_unchanged_program_to_another_backend(
    unkilled: tuple[dict[str, object], float], tmp_path: Path
) -> None:
    folder = make_project(tmp_path)
    out = run(folder, MLOPS_USE="other")
    assert "'other'" in out
    assert not (folder / ".mlops").exists()
    assert state(folder, MLOPS_USE="other") == unkilled[0]
    assert run(folder)
    assert state(folder) == unkilled[0]
