from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.errors import ConfigurationError, DatasetError
from mlops_core.operations.evaluation import (
    Judge,
    LabelKind,
    better,
    calibration_bins,
    group_mean_baseline,
    top_shares,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

if TYPE_CHECKING:
    from collections.abc import Sequence

sklearn: Any = reference


def probabilities(rows: int, seed: int) -> Any:
    return np.random.default_rng(seed).uniform(0.01, 0.99, rows)


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        (pl.Series("y", [True, False]), LabelKind.BINARY),
        (pl.Series("y", ["a", "b", "a"]), LabelKind.CLASSES),
        (pl.Series("y", ["a", "b"], dtype=pl.Enum(["b", "a"])), LabelKind.CLASSES),
        (pl.Series("y", [1, 2]), LabelKind.NUMBER),
        (pl.Series("y", [0.5]), LabelKind.NUMBER),
    ],
)
def test_the_kind_of_a_label_follows_from_its_type(label: pl.Series, kind: LabelKind) -> None:
    judge = Judge.of(label)
    assert judge.kind is kind
    assert tuple(judge.metrics(judge.truth(label)[:0], np.zeros(0))) == kind.metrics


def test_a_label_that_cannot_be_predicted_is_refused() -> None:
    with pytest.raises(DatasetError, match="cannot be judged"):
        Judge.of(pl.Series("y", [[1], [2]]))


def test_a_metric_that_does_not_fit_the_label_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigurationError, match="does not fit") as caught:
        Judge(LabelKind.BINARY).check_metric("roc_acu")
    assert "roc_auc" in caught.value.hint


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40))
def test_binary_metrics_equal_scikit_learns(rows: list[tuple[bool, float]]) -> None:
    truth = np.array([float(yes) for yes, _ in rows])
    predicted = np.array([p for _, p in rows])
    found = Judge(LabelKind.BINARY).metrics(truth, predicted)
    assert found["brier"] == pytest.approx(np.mean((truth - predicted) ** 2))
    assert found["log_loss"] == pytest.approx(sklearn.log_loss(truth, predicted, labels=[0.0, 1.0]), rel=1e-6)
    if len(set(truth.tolist())) == 1:
        assert math.isnan(found["roc_auc"])
    else:
        assert found["roc_auc"] == pytest.approx(sklearn.roc_auc_score(truth, predicted))


def test_class_metrics_equal_scikit_learns_in_any_order_of_classes() -> None:
    label = pl.Series("y", ["late", "early", "ontime", "early"])
    judge = Judge.of(label)
    predicted = np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
    found = judge.metrics(judge.truth(label), predicted)
    assert judge.classes == ("early", "late", "ontime")
    assert found["accuracy"] == 0.75
    assert found["log_loss"] == pytest.approx(sklearn.log_loss(label.to_list(), predicted))


def test_number_metrics_equal_scikit_learns() -> None:
    truth, predicted = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    found = Judge(LabelKind.NUMBER).metrics(truth, predicted)
    assert found["mae"] == pytest.approx(0.5)
    assert found["rmse"] == pytest.approx(math.sqrt(sklearn.mean_squared_error(truth, predicted)))
    assert found["r2"] == pytest.approx(sklearn.r2_score(truth, predicted))


def test_predictions_are_the_probability_of_true_even_if_only_one_class_was_seen() -> None:
    rows = np.array([[0.0], [1.0], [2.0], [3.0]])
    judge = Judge(LabelKind.BINARY)
    model: Any = LogisticRegression().fit(rows, [False, False, True, True])
    assert judge.predictions(model, rows).tolist() == model.predict_proba(rows)[:, 1].tolist()
    from sklearn.dummy import DummyClassifier

    never: Any = DummyClassifier().fit(rows, [False] * 4)
    assert judge.predictions(never, rows).tolist() == [0.0] * 4


def test_an_estimator_without_probabilities_is_refused_for_yes_or_no() -> None:
    model: Any = LinearSVC().fit([[0.0], [1.0]], [False, True])
    with pytest.raises(ConfigurationError, match="predict_proba"):
        Judge(LabelKind.BINARY).predictions(model, [[0.0]])


def test_numbers_are_predicted_as_they_are() -> None:
    model: Any = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    assert Judge(LabelKind.NUMBER).predictions(model, [[2.0]]) == pytest.approx([4.0])


@pytest.mark.parametrize(
    ("metric", "score", "than", "expected"),
    [
        ("roc_auc", 0.8, 0.7, True), ("roc_auc", 0.7, 0.7, False), ("log_loss", 0.1, 0.2, True), ("log_loss", 0.2, 0.1, False),
        ("roc_auc", math.nan, 0.1, False), ("roc_auc", 0.1, math.nan, True), ("log_loss", math.nan, math.nan, False),
    ],
)  # fmt: skip
def test_nan_never_compares_better(metric: str, score: float, than: float, expected: bool) -> None:
    assert better(metric, score, than) is expected


@given(st.integers(1, 60), st.integers(1, 12))
def test_calibration_bins_hold_every_row_once_and_rise(rows: int, bins: int) -> None:
    predicted = probabilities(rows, rows)
    truth = (predicted > 0.5).astype(float)
    found = calibration_bins(truth, predicted, bins=bins)
    assert sum(each.rows for each in found) == rows
    assert [each.predicted for each in found] == sorted(each.predicted for each in found)
    assert sum(each.observed * each.rows for each in found) == pytest.approx(truth.sum())


def test_the_top_of_the_ranking_counts_hits_among_the_highest() -> None:
    truth, predicted = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.8, 0.2, 0.1])
    (half,) = top_shares(truth, predicted, shares=[0.5, 0.01])
    assert (half.rows, half.precision, half.recall) == (2, 0.5, 0.5)


@given(st.lists(st.tuples(st.sampled_from(["UA", "AA", None]), st.booleans()), min_size=1, max_size=30))
def test_a_group_mean_is_the_mean_of_the_group_and_of_all_for_an_unseen_one(
    rows: list[tuple[str | None, bool]],
) -> None:
    def mean(values: Sequence[bool]) -> float:
        return sum(values) / len(values)

    label = pl.Series("y", [yes for _, yes in rows])
    carrier = pl.Series("carrier", [each for each, _ in rows], dtype=pl.String)
    asked: list[str | None] = ["UA", None, "unseen", "AA"]
    expected = [mean([yes for name, yes in rows if name == each] or [yes for _, yes in rows]) for each in asked]
    judge = Judge(LabelKind.BINARY)
    found = group_mean_baseline(judge, label, by=carrier, predict_for=pl.Series(asked, dtype=pl.String))
    assert found.tolist() == pytest.approx(expected)
    assert group_mean_baseline(judge, label, by=None, predict_for=2).tolist() == pytest.approx(
        [mean(label.to_list())] * 2
    )


def test_a_group_mean_of_classes_is_a_row_of_shares() -> None:
    label = pl.Series("y", ["a", "b", "a"])
    found = group_mean_baseline(Judge.of(label), label, by=None, predict_for=1)
    assert found.tolist() == [pytest.approx([2 / 3, 1 / 3])]
