"""Requests of the tracker, counted at the wire, and what becomes of those that are not answered."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import AccessDeniedError, BackendError, BackendUnavailableError, InvalidNameError
from mlops_core.ports.experiment_tracker import MetricCondition, MetricPoint

from tests.contract.mlflow_subjects import refusal
from tests.servers.http_proxy import PASS, Fate

from .tracker_places import Place, place_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.http_proxy import Request
    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BATCH = "POST runs/log-batch"
GIVEN_UP = Fate(kind="late", status=504, body=b"<html>gateway timeout</html>")
"""A gateway does not wait for the server, which carries the request out later."""


@pytest.fixture
def place(mlflow_on_sqlite: MlflowServer) -> Iterator[Place]:
    with place_on(mlflow_on_sqlite, page=2) as made:
        yield made


def points(count: int, *, key: str = "loss") -> list[MetricPoint]:
    return [MetricPoint(key=key, value=step / 7, step=step, time=NOON) for step in range(count)]


def given_up_once(place: Place) -> Callable[[Request], Fate]:
    """The first beginning of a run is carried out when the second one comes."""
    creations: list[Request] = []

    def plan(request: Request) -> Fate:
        if not request.path.endswith("runs/create"):
            return PASS
        creations.append(request)
        place.proxy.deliver()
        return GIVEN_UP if len(creations) == 1 else PASS

    return plan


class TestRequests:
    """What each call asks of the server."""

    def test_of_a_whole_run(self, place: Place) -> None:
        tracker = place.tracker
        with place.requests("GET experiments/get-by-name", "POST experiments/create", "POST runs/create"):
            tracker.start_run("churn")
        with place.requests("POST runs/create"):
            run = tracker.start_run("churn", name="a" * 300, tags={"team": "ops"})
        with place.requests(BATCH):
            run.log_params({f"p{number}": number for number in range(100)})
        with place.requests():
            run.log_params({"p1": 1})
            run.log_metrics({"loss": 1.0})
            run.log_metrics(points(900))
        with place.requests(BATCH):
            run.flush()
        with place.requests(BATCH, "POST runs/delete-tag"):
            run.set_tags({"stage": "try", "owner": "ada", "team": None})
        with place.requests("POST runs/update"):
            run.finish()
        with place.requests():
            run.finish()
            run.flush()

    def test_a_thousand_points_are_one_request(self, place: Place) -> None:
        run = place.tracker.start_run("churn")
        with place.requests(BATCH):
            run.log_metrics(points(1_000))
        with place.requests(BATCH, BATCH, BATCH):
            run.log_metrics(points(2_001, key="auc"))
            run.flush()
        assert len(list(place.tracker.metric_history(run.id, "auc"))) == 2_001

    def test_of_reading(self, place: Place) -> None:
        with place.tracker.start_run("churn") as run:
            run.log_metrics(points(10))
            run.log_files({"a.txt": b"a", "plots/b.txt": b"b", "plots/deep/c.txt": b"c"})
        with place.requests("GET runs/get"):
            place.tracker.get_run(run.id)
        with place.requests("GET runs/get", "GET metrics/get-history"):
            list(place.tracker.metric_history(run.id, "loss"))
        with place.requests("GET runs/get", *["GET mlflow-artifacts/artifacts"] * 3):
            assert [each.path for each in place.tracker.files(run.id)] == ["a.txt", "plots/b.txt", "plots/deep/c.txt"]

    def test_a_search_is_one_request_for_a_page_and_for_all_experiments(self, place: Place) -> None:
        for number in range(4):
            with place.tracker.start_run(f"churn-{number % 2}") as run:
                run.log_params({"number": number})
        with place.requests("GET experiments/get-by-name", "POST runs/search"):
            assert len(list(place.tracker.runs("churn-1"))) == 2
        with place.requests("POST experiments/search", "POST runs/search", "POST runs/search"):
            assert len(list(place.tracker.runs())) == 4
        with place.requests("POST experiments/search", "POST runs/search"):
            assert [each.params["number"] for each in place.tracker.runs(params={"number": 3})] == ["3"]
        with place.requests("GET experiments/get-by-name", "POST runs/search", "POST runs/search"):
            high = MetricCondition(key="loss", comparison=">", value=0.5)
            assert list(place.tracker.runs("churn-1", metrics=[high])) == []
        with place.requests("GET experiments/get-by-name"):
            assert list(place.tracker.runs("unknown")) == []

    def test_large_parameters_are_spread_over_requests_that_the_server_takes(self, place: Place) -> None:
        params = {f"p{number}": "🛫" * 6_000 for number in range(30)}
        with place.tracker.start_run("churn") as run, place.requests(BATCH, BATCH, BATCH):
            run.log_params(params)
        assert place.tracker.get_run(run.id).params == params


class TestLostAnswers:
    """What is not answered is looked for before it is asked again."""

    def test_a_run_whose_beginning_was_not_answered_is_found(self, place: Place) -> None:
        place.tracker.start_run("churn").finish()
        with place.proxy.losing_reply(to=0), place.requests("POST runs/create", "POST runs/search"):
            run = place.tracker.start_run("churn", name="lost")
        assert [each.name for each in place.tracker.runs("churn")].count("lost") == 1
        run.log_params({"still": "works"})
        run.log_files({"a.txt": b"a"})
        run.finish()
        assert place.tracker.get_run(run.id).params == {"still": "works"}

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_server_that_has_done_it_and_says_otherwise_makes_no_second_run(self, place: Place, status: int) -> None:
        place.tracker.start_run("churn").finish()
        busy = Fate(kind="answer", status=status, body=b'{"error_code": "INTERNAL_ERROR", "message": "busy"}')
        with place.proxy.planning(lambda each: busy if each.number == 0 else PASS):
            place.tracker.start_run("churn", name="again")
        assert [each.name for each in place.tracker.runs("churn")].count("again") == 1

    def test_a_beginning_that_is_carried_out_a_moment_later_is_found(self, place: Place) -> None:
        place.tracker.start_run("churn").finish()
        place.at_pauses.append(place.proxy.deliver)
        with (
            place.proxy.planning(lambda each: GIVEN_UP if each.number == 0 else PASS),
            place.requests("POST runs/create", "POST runs/search"),
        ):
            run = place.tracker.start_run("churn", name="once")
        assert [each.id for each in place.tracker.runs("churn") if each.name == "once"] == [run.id]

    def test_a_beginning_that_is_carried_out_after_it_was_looked_for_is_taken_back(self, place: Place) -> None:
        place.tracker.start_run("churn").finish()
        with place.proxy.planning(given_up_once(place)):
            run = place.tracker.start_run("churn", name="once")
        assert [each.id for each in place.tracker.runs("churn") if each.name == "once"] == [run.id]
        assert [each.path for each in place.proxy.log].count("/api/2.0/mlflow/runs/create") == 3

    def test_a_twin_that_may_not_be_deleted_is_no_error_of_the_run(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        place.tracker.start_run("churn").finish()
        late, refused = given_up_once(place), refusal(AccessDeniedError)
        with place.proxy.planning(lambda each: refused if each.path.endswith("runs/delete") else late(each)):
            run = place.tracker.start_run("churn", name="once")
        assert len([each for each in place.tracker.runs("churn") if each.name == "once"]) == 2
        assert f"the run {run.id} may have an empty twin" in caplog.text

    def test_in_a_storm_it_gives_up_with_our_error(self, place: Place) -> None:
        storm = Fate(kind="answer", status=503, body=b"<html>busy</html>")
        with place.proxy.planning(lambda _: storm), pytest.raises(BackendUnavailableError) as caught:
            place.tracker.start_run("churn")
        assert caught.value.operation == "start_run"

    def test_points_outlast_a_storm_and_are_there_once(self, place: Place) -> None:
        def every_other(request: Request) -> Fate:
            return Fate(kind="lose") if request.number % 2 == 0 else PASS

        with place.proxy.planning(every_other), place.tracker.start_run("churn") as run:
            for step in range(0, 3_000, 100):
                run.log_metrics(points(step + 100)[step:])
        assert list(place.tracker.metric_history(run.id, "loss")) == points(3_000)

    def test_points_that_were_taken_are_kept_while_the_server_is_away(self, place: Place) -> None:
        storm = Fate(kind="answer", status=503, body=b"<html>busy</html>")
        with place.tracker.start_run("churn") as run:
            with place.proxy.planning(lambda _: storm):
                run.log_metrics(
                    points(1_000)
                )  # as many as are sent at once; an error would make the caller repeat them
            run.log_metrics(points(1_001)[1_000:])
        assert list(place.tracker.metric_history(run.id, "loss")) == points(1_001)

    def test_an_answer_of_somebody_in_between_is_an_error(self, place: Place) -> None:
        for body in (b'{"status": "ok"}', b'{"run": []}', b"<html>Welcome</html>"):
            page = Fate(kind="answer", status=200, body=body)
            with place.proxy.planning(lambda _, page=page: page), pytest.raises(BackendError) as caught:
                place.tracker.get_run("0" * 32)
            assert type(caught.value) is BackendError
            assert "MLflow" in str(caught.value) or "something else answers" in str(caught.value)


class TestWhatIsSent:
    """Limits and odd values."""

    def test_what_is_not_finite_is_never_a_bare_word(self, place: Place) -> None:
        """Of a bare ``NaN`` the server makes a zero, at step 0 of 1970."""
        with place.tracker.start_run("churn") as run:
            run.log_metrics([MetricPoint(key="loss", value=math.nan, step=7, time=NOON)])
        (stored,) = place.rest.pages("metrics/get-history", "metrics", run_id=run.id, metric_key="loss")
        assert (stored["value"], stored["step"], stored["timestamp"]) == ("NaN", 7, int(NOON.timestamp() * 1000))

    def test_a_time_before_1970_is_refused_before_any_request(self, place: Place) -> None:
        run = place.tracker.start_run("churn")
        early = MetricPoint(key="loss", value=1.0, step=0, time=datetime(1969, 12, 31, tzinfo=UTC))
        with place.requests(), pytest.raises(InvalidNameError, match="1970"):
            run.log_metrics([early])

    def test_a_run_that_logs_seldom_writes_what_has_waited(self, place: Place) -> None:
        run = place.tracker.start_run("churn")
        run.log_metrics({"loss": 1.0})
        place.waits.append(4.9)
        with place.requests(BATCH):
            run.log_params({"a": 1})
        place.waits.append(0.2)
        with place.requests(BATCH, BATCH):
            run.log_params({"b": 1})
        assert [each.value for each in place.tracker.metric_history(run.id, "loss")] == [1.0]
