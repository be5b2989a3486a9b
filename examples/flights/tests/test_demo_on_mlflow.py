"""The demo on an MLflow server: the same commands, another word in the configuration, the same results."""

from __future__ import annotations

import json
import os
import re
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
import os
print(os.environ["MLOPS_BACKENDS__MLFLOW__TRACKING_URI"])
raise SystemExit(7)
"""


@pytest.fixture(scope="session")
def on_mlflow(demo: Path, run_demo: Callable[..., tuple[Path, str]]) -> tuple[Path, str]:
    return run_demo(sys.executable, "with_mlflow.py", data=demo / "data", MLOPS_USE="mlflow")


def report(folder: Path) -> dict[str, object]:
    return cast("dict[str, object]", json.loads((folder / "out" / "train-late-flight.json").read_text()))


def test_the_model_is_registered_on_the_server_and_nothing_beside_it(on_mlflow: tuple[Path, str]) -> None:
    folder, printed = on_mlflow
    assert "late-flight is registered as version 1 in 'mlflow'" in printed
    assert not list(folder.glob(".mlops*"))
    assert not list(folder.glob("ml*.db"))
    assert not (folder / "mlruns").exists()


def test_mlflow_sees_the_version_its_aliases_and_its_record_and_loads_it(on_mlflow: tuple[Path, str]) -> None:
    _, printed = on_mlflow
    seen = printed.partition("MLflow's own client, at ")[2]
    assert "late-flight, version 1, challenger and champion\n" in seen
    model = "HistGradientBoostingClassifier"
    assert f"mlflow.sklearn.load_model('models:/late-flight@champion') is a {model}\n" in seen
    for line in ("parameter estimator = hist_gradient_boosting_classifier", "metric    test_roc_auc = 0.7"):
        assert line in seen, "the run of the training has them"
    digest = re.search(r"registered as version 1 in 'mlflow' \((\w{12})\)", printed)
    assert digest
    assert f"mlops.digest = {digest[1]}" in seen


def test_metrics_are_the_same_to_the_last_digit(demo: Path, on_mlflow: tuple[Path, str]) -> None:
    here, there = report(demo), report(on_mlflow[0])
    for part in ("metrics", "baselines", "parts", "dropped", "signature"):
        assert there[part] == here[part], part


def test_predictions_and_rejects_are_the_same_to_the_last_digit(demo: Path, on_mlflow: tuple[Path, str]) -> None:
    for name in ("december-scores", "december-rejects"):
        here, there = (pl.read_parquet(each / "out" / f"{name}.parquet") for each in (demo, on_mlflow[0]))
        assert_frame_equal(there, here, check_exact=True)


def test_make_demo_takes_the_backend_as_a_word() -> None:
    command = ["make", "--dry-run", "--no-print-directory", "demo", "USE=mlflow"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "env MLOPS_USE=mlflow python with_mlflow.py " in printed


def test_a_server_without_the_promoted_version_is_no_error() -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MLOPS_"))}
    command = [sys.executable, HERE / "with_mlflow.py", sys.executable, "-c", "print('done')"]
    done = subprocess.run(command, env=inherited, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no late-flight@champion" in done.stdout


def run_with_mlflow(**environment: str) -> tuple[int, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "MLOPS_"))}
    done = subprocess.run(
        [sys.executable, HERE / "with_mlflow.py", sys.executable, "-c", SHOW],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_server_runs_for_the_time_of_the_command_whose_exit_code_is_handed_on() -> None:
    code, printed = run_with_mlflow()
    assert code == 7
    address = printed.strip()
    assert address.startswith("http://127.0.0.1:"), "and MLflow's client shows nothing of a command that failed"
    curl = [sys.executable, "-c", f"import urllib.request; urllib.request.urlopen({address!r}, timeout=5)"]
    gone = subprocess.run(curl, capture_output=True, text=True, check=False)
    assert "refused" in gone.stderr


def test_a_server_that_is_named_is_used_as_it_is() -> None:
    named = "http://127.0.0.1:1"
    assert run_with_mlflow(MLOPS_DEMO_MLFLOW_URI=named) == (7, f"{named}\n")
