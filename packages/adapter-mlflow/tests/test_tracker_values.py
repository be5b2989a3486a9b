"""What the tracker makes of values before they are sent and after they were read; no server is asked."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import pytest
from adapter_mlflow.artifact_names import file_path, stored_name
from adapter_mlflow.metric_notes import MetricNotes, StoredPoint, last_value, values_of
from adapter_mlflow.run_documents import milliseconds, name_tags, run_from_json, time_of
from adapter_mlflow.run_search import searches_for
from hypothesis import example, given
from hypothesis import strategies as st
from mlops_core.errors import InvalidNameError
from mlops_core.ports.experiment_tracker import MetricCondition, MetricPoint
from mlops_core.ports.run_query import RunQuery
from mlops_core.ports.run_values import history_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LARGEST = sys.float_info.max
_odd_names = st.text("~%#?;257EF3B/a", max_size=12)


def point(value: float, *, step: int = 0, key: str = "loss") -> StoredPoint:
    return StoredPoint(key=key, value=value, step=step, milliseconds=1_767_355_200_000)


def as_mlflow_keeps(value: float) -> float:
    """MLflow's table has no infinity."""
    return math.copysign(LARGEST, value) if math.isinf(value) else value


def what_mlflow_takes_for_last(values: list[float]) -> float:
    """Of values of one step and time, in the order of their arrival: the greatest, NaN being 0."""
    last = values[0]
    for value in values[1:]:
        if (0.0 if math.isnan(value) else value) > (0.0 if math.isnan(last) else last):
            last = value
    return last


class TestArtifactNames:
    """Paths as MLflow can hold them."""

    @given(_odd_names)
    @example("~7E25")
    @example("50%.txt")
    def test_every_path_comes_back(self, path: str) -> None:
        assert file_path(stored_name(path)) == path

    @given(_odd_names)
    def test_no_two_paths_share_a_name(self, name: str) -> None:
        if not set(name) & set("%#?;"):
            assert stored_name(file_path(name)) == name

    @pytest.mark.parametrize(
        "path", ["plots/roc.svg", "notes/übrig, 数 (1).txt", "notes~", "a=b&c+d", "~tilde~", "~7E"]
    )
    def test_ordinary_paths_stay_as_they_are(self, path: str) -> None:
        assert stored_name(path) == path

    def test_a_part_that_grows_too_long_is_refused(self) -> None:
        assert len(stored_name("%" * 85)) == 255
        with pytest.raises(InvalidNameError, match="255 bytes") as caught:
            stored_name("folder/" + "%" * 86)
        assert caught.value.hint


class TestMetricNotes:
    """What tags say of points that MLflow's tables cannot tell apart."""

    def test_ordinary_points_have_no_notes(self) -> None:
        ordinary = [point(value, step=step) for step, value in enumerate([0.5, -1.0, math.nan, math.inf, -math.inf])]
        assert MetricNotes().for_points(ordinary) == {}

    @pytest.mark.parametrize("sign", [1.0, -1.0])
    @pytest.mark.parametrize("given", [[LARGEST], [math.inf], [LARGEST, math.inf], [math.inf, LARGEST]])
    def test_the_largest_double_is_told_from_infinity(self, given: list[float], sign: float) -> None:
        notes, tags = MetricNotes(), dict[str, str]()
        for value in given:  # as if each came with a call of its own
            tags |= notes.for_points([point(sign * value)])
        assert set(values_of(point(sign * LARGEST), tags)) == {sign * value for value in given}
        assert values_of(point(sign * LARGEST, step=1), tags) == [sign * math.inf]
        assert values_of(point(-sign * LARGEST), tags) == [-sign * math.inf]

    def test_the_same_points_again_change_no_note(self) -> None:
        notes = MetricNotes()
        points = [point(LARGEST), point(math.nan, key="b"), point(-1.0, key="b")]
        assert notes.for_points(points) == notes.for_points(points) != {}

    @given(
        st.lists(
            st.sampled_from((math.nan, 0.0, -1.0, 2.0, math.inf, -math.inf, LARGEST, -LARGEST)), min_size=1, max_size=5
        ),
        st.integers(1, 5),
    )
    @example([math.nan, -1.0], 1)
    @example([math.nan, 0.0, 2.0], 1)
    @example([-LARGEST, -math.inf, math.nan], 3)
    def test_the_last_value_is_that_of_the_port(self, given_values: list[float], batch: int) -> None:
        notes, tags = MetricNotes(), dict[str, str]()
        points = [point(value) for value in given_values]
        for start in range(0, len(points), batch):
            tags |= notes.for_points(points[start : start + batch])
        stored = what_mlflow_takes_for_last([as_mlflow_keeps(value) for value in given_values])
        expected = max(
            (MetricPoint(key="", value=value, step=0, time=time_of(0)) for value in given_values), key=history_order
        )
        assert repr(last_value(point(stored), tags) + 0.0) == repr(expected.value + 0.0)

    def test_a_note_of_an_earlier_step_counts_no_more(self) -> None:
        notes = MetricNotes()
        tags = notes.for_points([point(math.nan, step=1), point(-5.0, step=1)])
        assert last_value(point(math.nan, step=1), tags) == -5.0
        assert math.isnan(last_value(point(math.nan, step=2), tags))
        assert notes.for_points([point(-7.0, step=0)]) == {}

    @pytest.mark.parametrize("note", ["", "none", "[" * 8_000, "7", "[]", '["loss", 1, 1767355200000] much'])
    def test_a_note_that_somebody_has_changed_says_nothing(self, note: str) -> None:
        noted = MetricNotes().for_points([point(math.nan, step=1), point(-5.0, step=1), point(LARGEST, key="auc")])
        tags = dict.fromkeys(noted, note)
        assert math.isnan(last_value(point(math.nan, step=1), tags))
        assert last_value(point(LARGEST, key="auc"), tags) == math.inf


class TestSearches:
    """What MLflow is asked."""

    def asked(
        self,
        *,
        params: Mapping[str, str] | None = None,
        metrics: Sequence[MetricCondition] = (),
        tags: Mapping[str, str] | None = None,
    ) -> list[str]:
        return list(searches_for(RunQuery.checked(params=params or {}, metrics=metrics, tags=tags or {})))

    def test_nothing_is_asked_that_would_not_mean_itself(self) -> None:
        odd = ["o'brien", 'say "x"', "100%", "back\\slash", "*", "`", "ü", "a\nb", ""]
        for text in odd:
            assert self.asked(params={"p": text}, tags={"t": text}) == [""]
            assert self.asked(params={text: "p"}) == [""]
        assert self.asked(params={"p/q": "a b"}) == ["params.`p/q` = 'a b'"]

    @pytest.mark.parametrize(
        ("value", "digits"), [(1e20, "1" + "0" * 20), (1e-7, "0.0000001"), (-0.5, "-0.5"), (3.0, "3.0")]
    )
    def test_numbers_are_written_in_digits(self, value: float, digits: str) -> None:
        low = MetricCondition(key="loss", comparison="==", value=value)
        first, noted = self.asked(metrics=[low], tags={"team": "ops"})
        assert first == f"tags.`team` = 'ops' and metrics.`loss` = {digits}"
        assert noted == "tags.`team` = 'ops' and tags.`mlops.last` = 'yes'"

    @pytest.mark.parametrize("value", [math.inf, -math.inf, LARGEST, math.nan])
    def test_what_stands_for_infinity_is_not_compared_there(self, value: float) -> None:
        assert self.asked(metrics=[MetricCondition(key="loss", comparison="<", value=value)]) == [""]


class TestRunDocuments:
    """Answers of the server."""

    def test_a_run_that_others_have_made_oddly_is_read(self) -> None:
        info = {"run_id": "r", "experiment_id": "1", "status": "KILLED", "start_time": 10**18, "end_time": -(10**18)}
        run = run_from_json({"info": info})
        assert (run.status, run.started_at.year, run.params, run.deleted) == ("failed", 9999, {}, False)
        assert run.ended_at is not None
        assert run.ended_at.year == 1

    def test_names_are_kept_whole_or_refused(self) -> None:
        assert name_tags("x" * 250) == {}
        assert name_tags("x" * 8_000) == {"mlops.name": "x" * 8_000}
        with pytest.raises(InvalidNameError, match="8,001 characters"):
            name_tags("x" * 8_001)

    @given(st.integers(0, 253_402_000_000_000))
    def test_times_are_exact_to_the_millisecond(self, since: int) -> None:
        assert milliseconds(time_of(since)) == since
