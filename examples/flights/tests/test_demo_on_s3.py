"""The demo on a bucket: the same commands, another word in the configuration, the same results to the last digit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import polars as pl
import pytest
from polars.testing import assert_frame_equal

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]  # beside the demo that it is compared with

SHOW = """
import json, os
print(json.dumps([os.environ["MLOPS_BACKENDS__S3__ENDPOINT_URL"], os.environ["AWS_ACCESS_KEY_ID"]]))
raise SystemExit(7)
"""


@pytest.fixture(scope="session")
def on_s3(demo: Path, run_demo: Callable[..., tuple[Path, str]]) -> tuple[Path, str]:
    return run_demo(sys.executable, "with_s3.py", data=demo / "data", MLOPS_USE="s3")


def report(folder: Path) -> dict[str, object]:
    return cast("dict[str, object]", json.loads((folder / "out" / "train-late-flight.json").read_text()))


def test_the_model_is_registered_in_the_bucket_and_nothing_beside_the_bucket(on_s3: tuple[Path, str]) -> None:
    folder, printed = on_s3
    assert "late-flight is registered as version 1 in 's3'" in printed
    assert not list(folder.glob(".mlops*"))


def test_metrics_are_the_same_to_the_last_digit(demo: Path, on_s3: tuple[Path, str]) -> None:
    here, there = report(demo), report(on_s3[0])
    for part in ("metrics", "baselines", "parts", "dropped", "signature"):
        assert there[part] == here[part], part


def test_predictions_and_rejects_are_the_same_to_the_last_digit(demo: Path, on_s3: tuple[Path, str]) -> None:
    for name in ("december-scores", "december-rejects"):
        here, there = (pl.read_parquet(each / "out" / f"{name}.parquet") for each in (demo, on_s3[0]))
        assert_frame_equal(there, here, check_exact=True)


def test_make_demo_takes_the_backend_as_a_word() -> None:
    def printed(*words: str) -> str:
        command = ["make", "--dry-run", "--no-print-directory", "demo", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "env MLOPS_USE=s3 python with_s3.py " in printed("USE=s3")
    assert "env MLOPS_USE=other " in printed("USE=other")
    assert "with_s3.py" not in printed("USE=other")
    assert "MLOPS_USE" not in printed()


def run_with_s3(**environment: str) -> tuple[int, list[str]]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MLOPS_"))}
    done = subprocess.run(
        [sys.executable, HERE / "with_s3.py", sys.executable, "-c", SHOW],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, cast("list[str]", json.loads(done.stdout))


def test_a_server_runs_for_the_time_of_the_command_whose_exit_code_is_handed_on() -> None:
    code, (endpoint, _) = run_with_s3()
    assert code == 7
    assert endpoint.startswith("http://127.0.0.1:")
    curl = [sys.executable, "-c", f"import urllib.request; urllib.request.urlopen({endpoint!r}, timeout=5)"]
    gone = subprocess.run(curl, capture_output=True, text=True, check=False)
    assert "refused" in gone.stderr


def test_a_service_that_is_named_is_used_as_it_is() -> None:
    named = "http://127.0.0.1:1"
    assert run_with_s3(MLOPS_DEMO_S3_ENDPOINT=named, AWS_ACCESS_KEY_ID="mine") == (7, [named, "mine"])
