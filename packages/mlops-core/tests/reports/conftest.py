from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from mlops_core.reports.documents import (
    Baseline,
    CalibrationBin,
    Candidate,
    DroppedRows,
    Importance,
    Part,
    ScoreBin,
    ScoringDocument,
    SourceSight,
    Step,
    Timeline,
    TopShare,
    TrainingDocument,
)
from mlops_core.signature import FeatureColumn, InputColumn, Signature

MOMENT = datetime(2013, 12, 5, 20, 15, tzinfo=UTC)


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(
        row="UA 1545, EWR to IAH",
        moment=MOMENT,
        label=True,
        probability=0.71,
        sights=(
            SourceSight(
                source="weather",
                rule="last row of the same origin, at most 6h old",
                used=(MOMENT - timedelta(minutes=15),),
                used_count=1,
                reach=timedelta(hours=6),
                excluded=(MOMENT + timedelta(minutes=45), MOMENT + timedelta(minutes=105)),
                values={"wind_gusts": 38.0},
            ),
            SourceSight(
                source="landed",
                rule="rows of the same carrier in the 7d before the moment",
                used=(MOMENT - timedelta(minutes=20), MOMENT - timedelta(minutes=4)),
                used_count=1093,
                oldest=MOMENT - timedelta(days=6),
                reach=timedelta(days=7),
                excluded=(MOMENT + timedelta(minutes=2),),
                unrecorded=(MOMENT - timedelta(minutes=1),),
            ),
            SourceSight(source="planes", rule="row of the same tailnum", used_count=1, values={"plane_age": 11}),
        ),
    )


@pytest.fixture
def training(timeline: Timeline) -> TrainingDocument:
    return TrainingDocument(
        model="late-flight",
        version=3,
        digest="9f2c" * 16,
        backend="home",
        created_at=datetime(2026, 11, 23, 18, 5, tzinfo=UTC),
        label="late",
        label_meaning="the flight arrives more than 15 minutes after its schedule",
        noun="flights",
        parts=(
            Part(name="train", rows=243_561, until=datetime(2013, 10, 1, tzinfo=UTC), positive_rate=0.243),
            Part(
                name="test",
                rows=54_780,
                since=datetime(2013, 11, 1, tzinfo=UTC),
                until=datetime(2014, 1, 1, tzinfo=UTC),
                positive_rate=0.232,
            ),
        ),
        dropped=(DroppedRows(reason="the label is null", rows=9_430),),
        metric="roc_auc",
        losses=("log_loss",),
        metrics={"train": {"roc_auc": 0.82, "log_loss": 0.41}, "test": {"roc_auc": 0.7712, "log_loss": 0.455}},
        baselines=(
            Baseline(name="carrier", meaning="the carrier's mean", metrics={"test": {"roc_auc": 0.571}}),
            Baseline(name="base rate", metrics={"test": {"roc_auc": 0.5, "log_loss": 0.543}}),
        ),
        calibration=(
            CalibrationBin(predicted=0.1, observed=0.12, rows=40_000),
            CalibrationBin(predicted=0.6, observed=0.55, rows=14_780),
        ),
        top=(TopShare(share=0.1, rows=5_478, precision=0.616, recall=0.266),),
        importance_of="drop of ROC AUC when the column is shuffled",
        importances=(Importance(name="wind_gusts", value=0.02), Importance(name="hour", value=-0.001)),
        candidates=(
            Candidate(name="logistic_regression", score=0.72),
            Candidate(
                name="hist_gradient_boosting_classifier",
                score=0.77,
                chosen=True,
                seconds=7.9,
                parameters={"max_iter": 200, "categories": ["a", "b"]},
            ),
        ),
        signature=Signature(
            inputs=(InputColumn(name="origin", dtype="string"),),
            features=(
                FeatureColumn(name="hour", dtype="int8", feature="hour"),
                FeatureColumn(
                    name="wind_gusts",
                    dtype="float64",
                    feature="wind_gusts",
                    source="weather",
                    rule="last row, at most 6h",
                ),
                FeatureColumn(
                    name="rough_day", dtype="float64", feature="rough_day", needs=("wind_gusts",), fingerprint="ab" * 32
                ),
            ),
            label="late",
            label_dtype="bool",
            at="scheduled_departure",
        ),
        aliases=("champion",),
        tags={"team": "operations"},
        timelines=(timeline,),
        dataset_digest="51c0" * 16,
        run="run-1",
        commit="2f17d38",
    )


@pytest.fixture
def scoring() -> ScoringDocument:
    return ScoringDocument(
        reference="late-flight@champion",
        model="late-flight",
        version=3,
        digest="9f2c" * 16,
        input="data/december.parquet",
        rows=28_135,
        steps=(
            Step(handler="key", reason="duplicate key", rejected=25, examples=("UA-1545",)),
            Step(handler="check", reason="has a tail number", rejected=181, nulls=181),
            Step(handler="check", reason="weather is fresh", rejected=312, nulls=300, examples=("EV-1", "EV-2")),
            Step(handler="Predict", reason="prediction is not a number", rejected=0),
        ),
        scored=27_617,
        passed=True,
        started=datetime(2026, 11, 23, 18, 6, tzinfo=UTC),
        finished=datetime(2026, 11, 23, 18, 6, 4, tzinfo=UTC),
        out="out/scores.parquet",
        rejects="out/rejects.parquet",
        max_reject_rate=0.2,
        key="flight_id",
        noun="flights",
        score="probability",
        bins=(ScoreBin(lower=0, upper=0.5, rows=20_000), ScoreBin(lower=0.5, upper=1, rows=7_617)),
        resumed_parts=1,
    )
