"""What trackers take as numbers, with NumPy's own, and what they say of what they do not take."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from mlops_core.errors import InvalidNameError
from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.ports.run_values import FilePaths, metric_points, parameter_text, run_files

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HUGE = 10**5_000  # Python does not print it


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.int64(7), "7"),
        (np.uint8(255), "255"),
        (np.float64(0.1), "0.1"),
        (np.float32(0.25), "0.25"),
        (np.float32(0.1), "0.10000000149011612"),  # the number that it is, not the one that it prints
        (np.float16("nan"), "nan"),
        (Fraction(1, 4), "0.25"),
        (np.str_("text"), "text"),
    ],
)
def test_a_parameter_may_be_a_number_of_another_library(value: Any, text: str) -> None:
    assert parameter_text(value) == text


@pytest.mark.parametrize(
    "value",
    [HUGE, Fraction(10**400), np.bool_(1), np.array([1]), np.datetime64("2026")],
    ids=lambda each: type(each).__name__,
)
def test_what_no_text_stands_for_is_refused_in_words(value: Any) -> None:
    with pytest.raises(InvalidNameError, match="a parameter cannot be stored") as caught:
        parameter_text(value)
    assert caught.value.why
    assert caught.value.hint


def test_steps_and_values_may_be_numpys_and_are_kept_as_pythons() -> None:
    step: Any = np.int64(3)
    value: Any = np.float32(0.25)
    (found,) = metric_points({"loss": value}, step=step, time=None, now=NOW)
    assert (type(found.step), type(found.value), found) == (
        int,
        float,
        MetricPoint(key="loss", value=0.25, step=3, time=NOW),
    )
    assert metric_points([MetricPoint(key="loss", value=0.25, step=step, time=NOW)], step=0, time=None, now=NOW) == [
        found
    ]


@pytest.mark.parametrize(
    "step", [np.float64(1.0), np.bool_(1), np.int64(-1), np.uint64(2**53), HUGE], ids=lambda each: type(each).__name__
)
def test_a_step_of_numpy_that_is_no_step_is_refused(step: Any) -> None:
    with pytest.raises(InvalidNameError, match="cannot be stored"):
        metric_points({"loss": 1.0}, step=step, time=None, now=NOW)


def test_a_value_that_no_double_holds_is_refused() -> None:
    for value in (HUGE, -HUGE, 10**400):
        with pytest.raises(InvalidNameError, match="cannot be stored"):
            metric_points({"loss": value}, step=0, time=None, now=NOW)


def test_a_file_that_is_missing_is_told_with_its_place_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        run_files({"a": b"", "plots/roc.svg": tmp_path / "roc.svg"})
    assert str(missing.value).splitlines() == [
        "the file 'plots/roc.svg' of the run cannot be stored",
        f"  where: {tmp_path / 'roc.svg'}",
        "  why:   no file is there",
        "  next:  look at the path; nothing of the call was stored, so it can be made again as it is",
    ]
    with pytest.raises(FileNotFoundError, match="it is a folder"):
        run_files({"plots": tmp_path})


def test_paths_of_a_call_that_is_refused_are_not_kept() -> None:
    paths = FilePaths()
    paths.add(["a/b"])
    for wrong in (["free", "a"], ["free", "a/b/c"]):
        with pytest.raises(InvalidNameError):
            paths.add(wrong)
    paths.add(["free/now", "a/c", "a/b"])
