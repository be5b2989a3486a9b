"""The demo's own commands, as `make demo` types them, on the whole year in a copy of the example."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest

if TYPE_CHECKING:
    from pathlib import Path

MEMORY_LIMIT = 2_000_000_000  # bytes

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]  # one worker runs the demo once


def test_it_beats_the_baselines_on_november_and_december(demo: Path) -> None:
    document = json.loads((demo / "out" / "train-late-flight.json").read_text())
    assert document["metrics"]["test"]["roc_auc"] >= 0.76
    baselines = {each["name"]: each["metrics"]["test"]["roc_auc"] for each in document["baselines"]}
    assert baselines == {"base rate": 0.5, "carrier's mean": pytest.approx(0.566, abs=0.002)}
    assert {each["name"]: each["rows"] for each in document["parts"]} == {
        "train": 244_646,
        "valid": 28_635,
        "test": 54_065,
    }
    assert document["dropped"] == [{"reason": "'late' is null", "rows": 9_430}]


def test_every_flight_of_december_is_scored_or_rejected(demo: Path) -> None:
    scores = pl.read_parquet(demo / "out" / "december-scores.parquet")
    rejects = pl.read_parquet(demo / "out" / "december-rejects.parquet")
    december = pl.read_parquet(demo / "data" / "december.parquet")
    assert scores.height + rejects.height == december.height
    assert dict(rejects.group_by("reason").len().iter_rows()) == {
        "duplicate key": 40,
        "has a tail number": 270,
        "destination is a known airport": 732,
        "weather is fresh": 737,
    }
    assert set(scores["flight_id"]) | set(rejects["flight_id"]) == set(december["flight_id"])
    assert scores["probability"].is_between(0, 1).all()


def test_it_stays_under_two_gigabytes(demo: Path) -> None:
    assert (demo / "out" / "report.html").is_file()
    # The largest child of this process so far, and every command of the demo was one.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < MEMORY_LIMIT


SAME_FEATURES = """
import polars as pl
from polars.testing import assert_frame_equal
from mlops_core import DatasetBuilder, FeatureFactory, Signature
from mlops_core.datasets import plan_from_signature
import json

factory = FeatureFactory()
factory.load_definitions("features.py")
trained = Signature.from_json(json.load(open("out/train-late-flight.json"))["signature"])
flights = pl.read_parquet("data/flights.parquet")
names = trained.feature_names
builder = DatasetBuilder(flights, at="scheduled_departure", factory=factory).with_features(*[each.feature for each in trained.features])
in_training = builder.with_label("late").build().frame.select("flight_id", *names)
december = pl.read_parquet("data/december.parquet").unique("flight_id").sample(fraction=1.0, shuffle=True, seed=1)
plan = plan_from_signature(trained, factory=factory, at="scheduled_departure", spine_schema=december.schema)
in_scoring = december.select("flight_id").hstack(plan.compute(december))
same_rows = december.select("flight_id").join(in_training, on="flight_id", how="left", maintain_order="left")
assert_frame_equal(in_scoring, same_rows, check_exact=True)
print(in_scoring.height, "rows,", len(names), "features")
"""


def test_scoring_sees_the_features_that_training_saw_for_the_same_rows(demo: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SAME_FEATURES], cwd=demo, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "28135 rows, 29 features\n"
