from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.errors import IntegrityError
from mlops_core.json_values import JsonValue, plain
from mlops_core.reports.documents import (
    CalibrationBin,
    Candidate,
    Part,
    ScoringDocument,
    SourceSight,
    Step,
    Timeline,
    TrainingDocument,
)
from mlops_core.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXTS = st.text(max_size=20)
NUMBERS = st.floats()
COUNTS = st.integers(0, 2**53)
MOMENTS = st.integers(-(10**15), 10**16).map(
    lambda micros: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)
SPANS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_500))
JSON_VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS
SIGHTS = st.builds(
    SourceSight,
    source=TEXTS,
    rule=TEXTS,
    used=st.lists(MOMENTS, max_size=3).map(tuple),
    used_count=COUNTS,
    oldest=st.none() | MOMENTS,
    reach=st.none() | SPANS,
    excluded=st.lists(MOMENTS, max_size=3).map(tuple),
    unrecorded=st.lists(MOMENTS, max_size=3).map(tuple),
    values=st.dictionaries(TEXTS, JSON_VALUES, max_size=3),
)
TIMELINES = st.builds(
    Timeline,
    row=TEXTS,
    moment=MOMENTS,
    sights=st.lists(SIGHTS, max_size=2).map(tuple),
    label=JSON_VALUES,
    probability=st.none() | NUMBERS,
)
TRAININGS = st.builds(
    TrainingDocument,
    model=TEXTS,
    version=COUNTS,
    digest=TEXTS,
    backend=TEXTS,
    created_at=MOMENTS,
    label=TEXTS,
    parts=st.lists(
        st.builds(
            Part,
            name=TEXTS,
            rows=COUNTS,
            since=st.none() | MOMENTS,
            until=st.none() | MOMENTS,
            positive_rate=st.none() | NUMBERS,
        ),
        max_size=2,
    ).map(tuple),
    metric=TEXTS,
    metrics=st.dictionaries(TEXTS, st.dictionaries(TEXTS, NUMBERS, max_size=2), max_size=2),
    signature=st.just(Signature(features=())),
    candidates=st.lists(
        st.builds(
            Candidate,
            name=TEXTS,
            score=NUMBERS,
            chosen=st.booleans(),
            parameters=st.dictionaries(TEXTS, JSON_VALUES, max_size=2),
            seconds=st.none() | NUMBERS,
        ),
        max_size=2,
    ).map(tuple),
    calibration=st.lists(st.builds(CalibrationBin, predicted=NUMBERS, observed=NUMBERS, rows=COUNTS), max_size=2).map(
        tuple
    ),
    timelines=st.lists(TIMELINES, max_size=2).map(tuple),
    tags=st.dictionaries(TEXTS, TEXTS, max_size=2),
    run=st.none() | TEXTS,
)


def through_a_file(value: Mapping[str, JsonValue]) -> JsonValue:
    # NaN is no JSON: other languages read these files too.
    back: JsonValue = json.loads(json.dumps(plain(value), allow_nan=False))
    return back


def test_a_training_document_reads_back_as_it_was_written(training: TrainingDocument) -> None:
    assert TrainingDocument.from_json(through_a_file(training.to_json())) == training


def test_a_scoring_document_reads_back_as_it_was_written(scoring: ScoringDocument) -> None:
    assert ScoringDocument.from_json(through_a_file(scoring.to_json())) == scoring


@given(TRAININGS)
def test_any_training_document_reads_back(document: TrainingDocument) -> None:
    # repr, because NaN differs from itself.
    assert repr(TrainingDocument.from_json(through_a_file(document.to_json()))) == repr(document)


@given(steps=st.lists(st.builds(Step, handler=TEXTS, reason=TEXTS, rejected=COUNTS, nulls=COUNTS)), scored=COUNTS)
def test_any_scoring_document_reads_back(steps: list[Step], scored: int) -> None:
    document = ScoringDocument(
        reference="m",
        model="m",
        version=1,
        digest="d",
        input="i",
        rows=scored + sum(step.rejected for step in steps),
        steps=tuple(steps),
        scored=scored,
        passed=True,
        started=datetime(2026, 1, 1, tzinfo=UTC),
        finished=datetime(2026, 1, 2, tzinfo=UTC),
    )
    assert ScoringDocument.from_json(through_a_file(document.to_json())) == document


def test_rows_that_are_neither_scored_nor_rejected_are_refused(scoring: ScoringDocument) -> None:
    with pytest.raises(ValueError, match="27616 scored and 518 rejected are not 28135 rows"):
        dataclasses.replace(scoring, scored=27_616)


def test_a_moment_without_a_zone_is_not_written(scoring: ScoringDocument) -> None:
    naive = scoring.started.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        dataclasses.replace(scoring, started=naive).to_json()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": 2}, "its schema is 2"),
        ({"kind": "training"}, "kind 'training'"),
        ({"rows": "many"}, "an integer expected"),
        ({"rows": 1}, "are not 1 rows"),
        ({"passed": 1}, "true or false expected"),
        ({"max_reject_rate": "some"}, "a number expected"),
        ({"started": "2026-11-23T18:06:00"}, "time zone"),
        ({"started": "yesterday"}, "yesterday"),
        ({"steps": [1]}, "an object expected"),
        ({"steps": [{"handler": "check"}]}, "the field 'reason' is missing"),
    ],
)
def test_what_cannot_be_read_is_an_integrity_error_in_four_parts(
    scoring: ScoringDocument, change: dict[str, JsonValue], why: str
) -> None:
    with pytest.raises(IntegrityError) as caught:
        ScoringDocument.from_json({**scoring.to_json(), **change})
    error = caught.value
    assert error.what == "cannot read a scoring document"
    assert why in error.why
    assert error.where
    assert error.hint


@pytest.mark.parametrize("value", [None, [], "text", {}, 3])
def test_what_is_no_document_is_an_integrity_error(value: JsonValue) -> None:
    with pytest.raises(IntegrityError, match="cannot read a training document"):
        TrainingDocument.from_json(value)


def test_a_newer_schema_says_what_to_upgrade(training: TrainingDocument) -> None:
    with pytest.raises(IntegrityError) as caught:
        TrainingDocument.from_json({**training.to_json(), "schema": 99})
    assert "this library reads up to 1" in caught.value.why
    assert caught.value.hint == "upgrade mlops-core"


def test_a_broken_signature_inside_says_where(training: TrainingDocument) -> None:
    with pytest.raises(IntegrityError, match="cannot read a training document") as caught:
        TrainingDocument.from_json({**training.to_json(), "signature": {"features": []}})
    assert "cannot read a signature" in caught.value.why
