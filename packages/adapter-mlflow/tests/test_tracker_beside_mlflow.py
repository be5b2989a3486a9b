"""Runs that MLflow alone has made, runs of ours as MLflow shows them, and what its tables cannot hold."""

from __future__ import annotations

import getpass
import math
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import ArtifactNotFoundError, BackendError, ConflictError, InvalidNameError, RunNotFoundError
from mlops_core.ports.experiment_tracker import MetricCondition, MetricPoint

from .tracker_places import Place, place_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_core.ports.experiment_tracker import Comparison, Run

    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket

LARGEST = sys.float_info.max
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def place(mlflow_on_sqlite: MlflowServer) -> Iterator[Place]:
    with place_on(mlflow_on_sqlite) as made:
        yield made


def log(run: Run, *values: float, step: int = 0) -> None:
    run.log_metrics([MetricPoint(key="loss", value=value, step=step, time=NOON) for value in values])


class TestRunsOfOthers:
    """Runs that were made without this library."""

    def test_they_are_read_like_ours(self, place: Place) -> None:
        experiment = place.rest.tell("experiments/create", name="Fraud Model, 2nd try")["experiment_id"]
        made = place.rest.tell("runs/create", experiment_id=experiment, start_time=1_767_355_200_123)["run"]["info"]
        metric = {"key": "val loss", "value": 0.25, "step": -3, "timestamp": 1_767_355_200_456}
        tags = [{"key": "Team Name", "value": "ops"}, {"key": "mlflow.user", "value": "ada"}]
        params = [{"key": "max depth", "value": "3"}]
        place.rest.tell("runs/log-batch", run_id=made["run_id"], metrics=[metric], tags=tags, params=params)
        place.rest.tell("runs/update", run_id=made["run_id"], status="KILLED", end_time=1_767_355_201_000)
        (found,) = place.tracker.runs("Fraud Model, 2nd try", params={"max depth": 3}, tags={"Team Name": "ops"})
        assert found == place.tracker.get_run(made["run_id"])
        assert (found.experiment, found.status, found.name) == ("Fraud Model, 2nd try", "failed", made["run_name"])
        assert (dict(found.params), dict(found.tags)) == ({"max depth": "3"}, {"Team Name": "ops"})
        assert dict(found.metrics) == {"val loss": 0.25}
        assert found.started_at == datetime(2026, 1, 2, 12, 0, 0, 123_000, tzinfo=UTC)
        (point,) = place.tracker.metric_history(found.id, "val loss")
        assert (point.step, point.time.microsecond) == (-3, 456_000)

    def test_their_files_are_opened_under_the_names_that_they_have(self, place: Place) -> None:
        run = place.tracker.start_run("churn")
        folder = place.rest.folder(place.rest.ask("runs/get", run_id=run.id)["run"]["info"]["artifact_uri"])
        folder.mkdir(parents=True)
        names = ["50%.txt", "notes~", "a~7E"]
        for name in names:
            (folder / name).write_bytes(name.encode())
        listed = [each.path for each in place.tracker.files(run.id)]
        assert listed == sorted(names)
        for name in listed:
            with place.tracker.open_file(run.id, name) as stream:
                assert stream.read() == name.encode()

    def test_a_run_in_the_trash_is_missing_and_the_error_says_where_it_is(self, place: Place) -> None:
        run = place.tracker.start_run("churn")
        log(run, 1.0)
        run.finish()
        place.rest.tell("runs/delete", run_id=run.id)
        assert list(place.tracker.runs()) == []
        with pytest.raises(RunNotFoundError, match="trash") as caught:
            place.tracker.get_run(run.id)
        assert run.id in caught.value.why
        with pytest.raises(RunNotFoundError, match="trash"):
            next(place.tracker.metric_history(run.id, "loss"))

    def test_runs_that_hold_the_files_of_models_are_not_listed(self, place: Place) -> None:
        run = place.tracker.start_run("churn")
        experiment = place.rest.ask("runs/get", run_id=run.id)["run"]["info"]["experiment_id"]
        carrier = [{"key": "mlops.carrier", "value": "late-flight"}]
        place.rest.tell("runs/create", experiment_id=experiment, start_time=1_767_355_200_123, tags=carrier)
        assert [each.id for each in place.tracker.runs()] == [run.id]
        assert [each.id for each in place.tracker.runs("churn")] == [run.id]

    def test_an_experiment_in_the_trash_takes_no_runs(self, place: Place) -> None:
        place.tracker.start_run("churn").finish()
        experiment = place.rest.ask("experiments/get-by-name", experiment_name="churn")["experiment"]["experiment_id"]
        place.rest.tell("experiments/delete", experiment_id=experiment)
        assert list(place.tracker.runs("churn")) == []
        with pytest.raises(BackendError, match="active"):  # it is remembered as it was
            place.tracker.start_run("churn")
        with pytest.raises(ConflictError, match="restore"):
            place.tracker.start_run("churn")
        place.rest.tell("experiments/restore", experiment_id=experiment)
        place.tracker.start_run("churn").finish()

    def test_an_experiment_that_somebody_renames_keeps_its_old_name_where_it_is_known(self, place: Place) -> None:
        runs = [place.tracker.start_run("churn").id]
        experiment = place.rest.ask("runs/get", run_id=runs[0])["run"]["info"]["experiment_id"]
        place.rest.tell("experiments/update", experiment_id=experiment, new_name="churn, 2nd try")
        runs.append(place.tracker.start_run("churn").id)
        assert place.rest.ask("runs/get", run_id=runs[1])["run"]["info"]["experiment_id"] == experiment
        assert place.tracker.get_run(runs[0]).experiment == "churn"
        assert list(place.tracker.runs("churn")) == []  # searches ask MLflow anew
        found = list(place.tracker.runs("churn, 2nd try"))
        assert {each.id for each in found} == set(runs)
        assert {each.experiment for each in found} == {"churn, 2nd try"}

    def test_a_parameter_that_somebody_else_has_written_is_a_conflict(self, place: Place) -> None:
        run = place.tracker.start_run("churn")
        place.rest.tell("runs/log-parameter", run_id=run.id, key="depth", value="3")
        run.log_params({"depth": 3})
        place.rest.tell("runs/log-parameter", run_id=run.id, key="rate", value="0.1")
        with pytest.raises(ConflictError, match="somebody else") as caught:
            run.log_params({"rate": 0.5})
        assert caught.value.__cause__ is not None
        assert dict(place.tracker.get_run(run.id).params) == {"depth": "3", "rate": "0.1"}


class TestRunsOfOurs:
    """What MLflow's users see of a run."""

    def test_it_is_an_ordinary_run(self, place: Place) -> None:
        with place.tracker.start_run("churn", name="deeper", tags={"team": "ops"}) as run:
            run.log_params({"depth": 3})
            log(run, 0.5)
        seen = place.rest.ask("runs/get", run_id=run.id)["run"]
        assert (seen["info"]["run_name"], seen["info"]["status"]) == ("deeper", "FINISHED")
        assert [(each["key"], each["value"]) for each in seen["data"]["params"]] == [("depth", "3")]
        tags = {each["key"]: each["value"] for each in seen["data"]["tags"]}
        assert set(tags) == {"team", "mlops.operation_id", "mlflow.runName", "mlflow.user"}
        assert tags["mlflow.user"] == getpass.getuser()  # "created by" in its pages
        url = place.tracker.get_run(run.id).url
        assert url == f"{place.rest.server.url}/#/experiments/{seen['info']['experiment_id']}/runs/{run.id}"

    def test_a_name_that_is_too_long_for_it_is_kept_whole(self, place: Place) -> None:
        name = "long " * 100
        run = place.tracker.start_run("churn", name=name)
        assert place.tracker.get_run(run.id).name == name
        assert place.rest.ask("runs/get", run_id=run.id)["run"]["info"]["run_name"] == name[:250]
        place.rest.tell("runs/update", run_id=run.id, run_name="short")
        assert place.tracker.get_run(run.id).name == "short"

    def test_files_of_any_name_come_back(self, place: Place) -> None:
        paths = ["100%", "a%41", "x#y", "q?", "semi;", "back\\slash", "C:/x", "~25", "sp ace ", "a=b&c+d/e"]
        with place.tracker.start_run("churn") as run:
            run.log_files({path: path.encode() for path in paths})
            with pytest.raises(InvalidNameError, match="255 bytes"):
                run.log_files({"fine": b"", "%" * 100: b""})
        assert [each.path for each in place.tracker.files(run.id)] == sorted(paths)
        for path in paths:
            with place.tracker.open_file(run.id, path) as stream:
                assert stream.read() == path.encode()
        with pytest.raises(ArtifactNotFoundError):
            place.tracker.open_file(run.id, "C:")


class TestWhatItsTablesCannotHold:
    """Infinities, the largest double, and NaN beside numbers."""

    def test_infinities_and_the_largest_double_are_told_apart(self, place: Place) -> None:
        with place.tracker.start_run("churn") as run:
            log(run, math.inf, LARGEST, -math.inf, -LARGEST)
            log(run, math.inf, step=1)
            run.flush()
            log(run, -LARGEST, step=2)
        found = [(each.step, each.value) for each in place.tracker.metric_history(run.id, "loss")]
        assert found == [(0, -math.inf), (0, -LARGEST), (0, LARGEST), (0, math.inf), (1, math.inf), (2, -LARGEST)]
        assert dict(place.tracker.get_run(run.id).metrics) == {"loss": -LARGEST}

    @pytest.mark.parametrize(("comparison", "found"), [("<", True), ("<=", True), ("==", False), (">", False)])
    def test_a_number_beside_nan_is_found_by_its_value(self, place: Place, comparison: Comparison, found: bool) -> None:
        with place.tracker.start_run("churn") as run:
            log(run, -5.0, math.nan)
        condition = MetricCondition(key="loss", comparison=comparison, value=-1.0)
        assert [each.id for each in place.tracker.runs("churn", metrics=[condition])] == [run.id] * found

    def test_runs_with_and_without_notes_come_in_order_and_once(self, place: Place) -> None:
        runs: list[str] = []
        for number in range(6):
            with place.tracker.start_run("churn") as run:
                log(run, -float(number + 1), *([math.nan] if number % 2 else []))
                if number == 3:
                    log(run, -9.0, step=1)  # the note of step 0 counts no more
            runs.append(run.id)
        low = MetricCondition(key="loss", comparison="<", value=-1.5)
        assert [each.id for each in place.tracker.runs("churn", metrics=[low])] == runs[:0:-1]

    def test_a_note_that_somebody_has_changed_hides_no_run(self, place: Place) -> None:
        runs: list[str] = []
        for _ in range(2):
            with place.tracker.start_run("churn") as run:
                log(run, -5.0, math.nan)
            runs.append(run.id)
        tags = place.rest.ask("runs/get", run_id=runs[0])["run"]["data"]["tags"]
        (note,) = [each["key"] for each in tags if each["key"].startswith("mlops.last.")]
        place.rest.tell("runs/set-tag", run_id=runs[0], key=note, value="{}")
        assert math.isnan(place.tracker.get_run(runs[0]).metrics["loss"])
        assert next(each.metrics["loss"] for each in place.tracker.runs("churn")) == -5.0
        assert {each.id for each in place.tracker.runs("churn")} == set(runs)
