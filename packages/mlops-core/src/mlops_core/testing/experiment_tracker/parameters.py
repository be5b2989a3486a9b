"""Promises ``parameters_are_kept_whole`` and ``keys_are_compared_exactly``."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final

import pytest

from mlops_core.errors import ConflictError, InvalidNameError
from mlops_core.ports.run_values import MAX_PARAMETER, parameter_text
from mlops_core.testing.experiment_tracker.base import (
    EXPERIMENT,
    RIVALS,
    ExperimentTrackerPart,
    assert_four_parts,
    point,
    values_of,
)
from mlops_core.testing.threads import all_at_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.ports.experiment_tracker import ExperimentTracker, ParameterValue
    from mlops_core.testing.subjects import ExperimentTrackerBackDoor, TrackerUnderTest

_VALUES: Final[Mapping[str, ParameterValue]] = {
    "text": "hist gradient boosting",
    "empty": "",
    "spaces": "  two on each side  ",
    "lines": "one\ntwo\r\n\tthree\n",
    "quotes": "o'brien \"%_\\ <b>&amp;",
    "unicode": "Größe 数 🛫 e\u0301",
    "longest": "0123456789" * (MAX_PARAMETER // 10),
    "whole": 10**30,
    "negative": -7,
    "double": 0.1,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "infinite": float("-inf"),
    "yes": True,
    "no": False,
    "number_as_text": "3.0",
}
_TWINS: Final = ("loss", "Loss", "LOSS", "loss_", "_loss", "loss.x", "loss/x", "loss-x", "loss_x", "Loss/X", "0", "00")
"""Names that a store which folds case, or replaces a sign, cannot tell apart."""


class _NumberOfAnotherLibrary:
    """A number that is neither an ``int`` nor a ``float``, as NumPy's integers and single floats are."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __int__(self) -> int:
        return int(self._value)

    def __index__(self) -> int:
        return int(self._value)

    def __float__(self) -> float:
        return float(self._value)


@Real.register
class _AnotherReal(_NumberOfAnotherLibrary):
    pass


@Integral.register
class _AnotherInteger(_NumberOfAnotherLibrary):
    pass


class Parameters(ExperimentTrackerPart):
    """What is kept of parameters, and that names stay as they are."""

    def test_parameters_are_kept_whole(self, tracker: ExperimentTracker, back_door: ExperimentTrackerBackDoor) -> None:
        """Every kind of value is kept as the text that ``parameter_text`` gives: nothing cut, trimmed or rounded.

        If this fails: write what ``mlops_core.ports.run_values.parameter_texts`` returns, as it is. Where the vendor's
        parameters are too short, keep them elsewhere, such as in a file of the run.
        """
        with tracker.start_run(EXPERIMENT) as run:
            run.log_params(_VALUES)
        expected = {key: parameter_text(value) for key, value in _VALUES.items()}
        assert dict(tracker.get_run(run.id).params) == expected
        assert dict(back_door.params(run.id)) == expected

    def test_parameters_are_kept_whole__one_character_more_is_refused(self, tracker: ExperimentTracker) -> None:
        """A value of 6,001 characters is refused, and nothing of the call is written.

        If this fails: check the whole call with ``parameter_texts`` before the first request.
        """
        with tracker.start_run(EXPERIMENT) as run:
            with pytest.raises(InvalidNameError) as caught:
                run.log_params({"fine": 1, "long": "x" * (MAX_PARAMETER + 1)})
            assert "6,000" in str(caught.value)
            assert caught.value.hint
        assert dict(tracker.get_run(run.id).params) == {}

    def test_parameters_are_kept_whole__once(self, tracker: ExperimentTracker) -> None:
        """The same value again is fine, in whatever type; another value is a ``ConflictError``, and the first stays.

        If this fails: compare texts, and compare before writing: vendors overwrite, or compare nothing.
        """
        with tracker.start_run(EXPERIMENT) as run:
            run.log_params({"depth": 3, "rate": 0.5})
            run.log_params({"depth": "3", "more": True})
            error = assert_four_parts(lambda: run.log_params({"depth": 4}), ConflictError, operation="log_params")
            assert "depth" in str(error)
            run.log_params({"rate": 0.5})
        assert dict(tracker.get_run(run.id).params) == {"depth": "3", "rate": "0.5", "more": "true"}

    def test_parameters_are_kept_whole__numbers_of_other_libraries_are_numbers(
        self, tracker: ExperimentTracker
    ) -> None:
        """Integers and reals of other libraries are taken as parameters, as values and as steps of metrics.

        If this fails: take what ``parameter_texts`` and ``metric_points`` return; they hold plain numbers.
        """
        whole: Any = _AnotherInteger(7)
        real: Any = _AnotherReal(0.25)
        with tracker.start_run(EXPERIMENT) as run:
            run.log_params({"depth": whole, "rate": real})
            run.log_metrics({"loss": real, "count": whole}, step=whole)
        found = tracker.get_run(run.id)
        assert (dict(found.params), dict(found.metrics)) == ({"depth": "7", "rate": "0.25"}, {"loss": 0.25, "count": 7})
        assert [each.step for each in tracker.metric_history(run.id, "loss")] == [7]
        assert [each.id for each in tracker.runs(EXPERIMENT, params={"depth": whole})] == [run.id]

    def test_parameters_are_kept_whole__once_when_several_threads_write_it(self, tracker: ExperimentTracker) -> None:
        """Of threads that give one parameter different values one gets through, and its value stays.

        If this fails: compare and write under the run's lock.
        """
        with tracker.start_run(EXPERIMENT) as run:
            done = all_at_once([lambda value=value: run.log_params({"depth": value}) for value in range(RIVALS)])
        assert sorted(type(each).__name__ for each in done) == ["ConflictError"] * (RIVALS - 1) + ["NoneType"]
        assert dict(tracker.get_run(run.id).params) == {"depth": str(done.index(None))}

    def test_parameters_are_kept_whole__many_in_one_call(self, tracker: ExperimentTracker) -> None:
        """Three hundred parameters of one call, and more of the next, are all there.

        If this fails: the vendor takes a limited number per request: send as many requests as it needs.
        """
        first, more = ({f"p{number}": number for number in numbers} for numbers in (range(300), range(300, 310)))
        with tracker.start_run(EXPERIMENT) as run:
            run.log_params(first)
            run.log_params(more)
        assert tracker.get_run(run.id).params == {f"p{number}": str(number) for number in range(310)}

    def test_keys_are_compared_exactly(self, subject: TrackerUnderTest) -> None:
        """Parameters and metrics whose names differ in case or in one sign are different ones, and none is altered.

        If this fails: look for a column that compares without case, or names that become paths of a file system.
        """
        with subject.tracker.start_run(EXPERIMENT) as run:
            run.log_params({key: f"of {key}" for key in _TWINS})
            run.log_metrics([point(float(number), key=key) for number, key in enumerate(_TWINS)])
        found = subject.another().get_run(run.id)
        assert dict(found.params) == {key: f"of {key}" for key in _TWINS}
        assert dict(found.metrics) == {key: float(number) for number, key in enumerate(_TWINS)}
        for number, key in enumerate(_TWINS):
            assert values_of(subject.tracker, run.id, key) == [float(number)], key
            assert list(subject.back_door.points(run.id, key)) == [point(float(number), key=key)], key

    def test_keys_are_compared_exactly__the_longest(self, tracker: ExperimentTracker) -> None:
        """Names of 250 characters that differ in the last one only are different parameters and metrics.

        If this fails: the vendor cuts names, or a part of an address is too long for it.
        """
        keys = ["x" * 249 + last for last in "ab"]
        with tracker.start_run(EXPERIMENT) as run:
            run.log_params(dict.fromkeys(keys, "kept"))
            run.log_metrics(dict.fromkeys(keys, 1.0))
        found = tracker.get_run(run.id)
        assert (sorted(found.params), sorted(found.metrics)) == (keys, keys)
        assert [values_of(tracker, run.id, key) for key in keys] == [[1.0], [1.0]]
