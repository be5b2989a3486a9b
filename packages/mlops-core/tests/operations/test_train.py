from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from mlops_core.cli import main
from mlops_core.errors import BackendUnavailableError, ConfigurationError, DatasetError, FeatureError, InvalidNameError
from mlops_core.features import FeatureFactory
from mlops_core.operations.timelines import aware, described
from mlops_core.operations.train import TrainingResult, train_model
from mlops_core.operations.training_document import Evaluation, FittedCandidate
from mlops_core.operations.training_run import TrainingRun, training_run
from mlops_core.reports.documents import TrainingDocument
from mlops_core.sessions import open_session
from mlops_core.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.sessions import Session
    from mlops_core.settings import TrainJob

DEFINITIONS = """
import polars as pl
from mlops_core import feature

@feature()
def far() -> pl.Expr:
    return pl.col("distance") / 1000
"""
SETTINGS = """
[train.late]
definitions = "features.py"
spine = "flights.parquet"
at = "departs"
label = "late"
features = ["far"]
valid_from = 2013-01-20
test_from = 2013-01-25
test_until = 2013-01-30
baselines = ["carrier"]
candidates = [ { estimator = "dummy_classifier" }, { estimator = "logistic_regression" } ]
noun = "flights"
describe = "{carrier} {number}"

[score.all]
model = "late@champion"
definitions = "features.py"
input = "flights.parquet"
key = "number"
max_reject_rate = 0.5
checks = [ { reason = "is near", accept = "distance < 1000" }, { reason = "is not too near", accept = "far > 0.2" } ]

[cache]
path = "cache"

[backends.home]
adapter = "local"
path = "registry"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    chance = random.Random(1)
    rows = [
        {"number": hour, "distance": chance.randrange(3000), "carrier": chance.choice("AB"), "hour": hour}
        for hour in range(31 * 24)
    ]
    start = datetime(2013, 1, 1, tzinfo=UTC)
    pl.DataFrame(rows).select(
        "number",
        "distance",
        "carrier",
        departs=pl.lit(start) + pl.duration(hours=pl.col("hour")),
        late=pl.when(pl.col("number") % 50 != 0).then(pl.col("distance") + 500 * (pl.col("number") % 3) > 2000),
    ).write_parquet(tmp_path / "flights.parquet")
    (tmp_path / "features.py").write_text(DEFINITIONS)
    (tmp_path / "mlops.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def job(project: Path) -> TrainJob:
    return load_settings(config=project / "mlops.toml").train["late"]


@pytest.fixture
def session(project: Path) -> Session:
    return open_session(config=project / "mlops.toml")


def trained(
    session: Session, job: TrainJob, model: str = "late", tracker: ExperimentTracker | None = None
) -> TrainingResult:
    factory = FeatureFactory()
    assert job.definitions is not None
    factory.load_definitions(job.definitions)
    return train_model(model, job, registry=session.model_registry, backend="home", tracker=tracker, features=factory)


def test_the_best_candidate_is_registered_with_the_metrics_of_rows_that_it_did_not_learn_from(
    session: Session, job: TrainJob
) -> None:
    done = trained(session, job)
    document = done.document
    assert [(each.name, each.chosen) for each in document.candidates] == [
        ("dummy_classifier", False),
        ("logistic_regression", True),
    ]
    assert done.version.metrics["test_roc_auc"] == document.metrics["test"]["roc_auc"] > 0.8
    assert not [name for name in done.version.metrics if name.startswith("train_")]
    assert document.metrics["valid"]["roc_auc"] == document.candidates[1].score
    loaded = session.load("late:1")
    assert loaded.signature == document.signature


def test_parts_and_dropped_rows_account_for_every_row(session: Session, job: TrainJob) -> None:
    document = trained(session, job).document
    days = {"train": 19, "valid": 5, "test": 5}
    null_labels = 31 * 24 // 50 + 1
    for part in document.parts:
        assert abs(part.rows - days[part.name] * 24) <= null_labels
    assert {each.reason: each.rows for each in document.dropped}["'late' is null"] == null_labels
    assert sum(each.rows for each in (*document.parts, *document.dropped)) == 31 * 24


def test_baselines_stand_beside_the_model(session: Session, job: TrainJob) -> None:
    document = trained(session, job).document
    assert [each.name for each in document.baselines] == ["base rate", "carrier's mean"]
    assert document.baselines[0].metrics["test"]["roc_auc"] == 0.5


def test_training_again_gives_back_the_same_version(session: Session, job: TrainJob) -> None:
    first, second = trained(session, job), trained(session, job)
    assert (second.version.version, second.version.digest, second.version.reused) == (1, first.version.digest, True)
    assert [each.version for each in session.model_registry.versions("late")] == [1]


def test_a_run_tells_what_was_learnt_from_what_was_tried_and_what_came_of_it(session: Session, job: TrainJob) -> None:
    tracker = session.experiment_tracker
    grown = replace(job.candidates[1], parameters={"C": 0.5, "class_weight": "balanced"})
    changed = replace(job, candidates=(*job.candidates, grown))
    done = trained(session, changed, tracker=tracker)
    assert done.version.run is not None
    run = tracker.get_run(done.version.run)
    scores = [each.score for each in done.document.candidates]
    assert (run.experiment, run.status) == ("late", "finished")
    assert run.params["dataset_digest"] == session.model_registry.get("late", 1).manifest.dataset_digest
    assert run.params["features"] == '["far"]'
    chosen = done.document.candidates[scores.index(max(scores))]
    assert run.params["estimator"] == chosen.name == "logistic_regression"
    given = {name: value for name, value in run.params.items() if name.startswith("logistic_regression.")}
    assert given in ({}, {"logistic_regression.C": "0.5", "logistic_regression.class_weight": "balanced"})
    points = tracker.metric_history(run.id, "candidate_roc_auc")
    assert [(each.step, each.value) for each in points] == list(enumerate(scores, start=1))
    assert {name: run.metrics[name] for name in done.version.metrics} == done.version.metrics
    assert (run.tags["model"], run.tags["version"], run.tags["digest"]) == ("late", "1", done.version.digest)


def test_training_again_makes_another_run_of_the_same_version(session: Session, job: TrainJob) -> None:
    tracker = session.experiment_tracker
    versions = [trained(session, job, tracker=tracker).version for _ in range(2)]
    assert [each.version for each in versions] == [1, 1]
    assert [each.tags["version"] for each in tracker.runs("late")] == ["1", "1"]


def test_the_run_of_a_training_that_fails_has_failed_and_nothing_is_registered(session: Session, job: TrainJob) -> None:
    tracker = session.experiment_tracker
    wrong = replace(job.candidates[1], parameters={"C": -1.0})
    with pytest.raises(DatasetError):
        trained(session, replace(job, candidates=(wrong,)), tracker=tracker)
    assert [each.status for each in tracker.runs("late")] == ["failed"]
    assert list(session.model_registry.models()) == []


def test_a_tracker_that_fails_when_the_version_is_registered_is_a_warning(
    session: Session, job: TrainJob, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = session.experiment_tracker
    away = BackendUnavailableError("no answer", operation="set_tags", subject="run", backend="home")

    def refuse(*_: object) -> None:
        raise away

    with training_run(tracker, "late", tags={}, commit=None) as notes:
        version = trained(session, job).version
        monkeypatch.setattr(type(tracker.start_run("late")), "set_tags", refuse)
        notes.registered(version)
    assert "late:1 is registered" in caplog.text
    assert "no answer" in caplog.text


def test_what_is_longer_than_a_parameter_can_be_is_a_file_of_the_run(session: Session, job: TrainJob) -> None:
    tracker = session.experiment_tracker
    wide = replace(job.candidates[1], parameters={"class_weight": {str(number): 1.0 for number in range(2_000)}})
    with training_run(tracker, "late", tags={}, commit="abc") as notes:
        fitted = FittedCandidate(name="wide", parameters=wide.parameters, estimator=None, score=math.nan, seconds=1)
        notes.chose(fitted, Evaluation(truths={}, predictions={}, metrics={"test": {"roc_auc": math.inf}}))
        notes.registered(trained(session, job).version)
    assert notes.id is not None
    run = tracker.get_run(notes.id)
    assert run.params == {"estimator": "wide"}
    assert run.metrics == {"test_roc_auc": math.inf}
    assert (run.status, run.tags["commit"], run.tags["version"]) == ("finished", "abc", "1")
    with tracker.open_file(notes.id, "parameters/wide.class_weight.txt") as stream:
        assert json.load(stream) == wide.parameters["class_weight"]


def test_a_tracker_of_finite_numbers_is_given_no_others(session: Session) -> None:
    tracker = session.experiment_tracker
    metrics = {"test": {"roc_auc": math.nan, "brier": 0.25}}
    with tracker.start_run("late") as run:
        fitted = FittedCandidate(name="any", parameters={}, estimator=None, score=0.5, seconds=1)
        TrainingRun(run, finite=True).chose(fitted, Evaluation(truths={}, predictions={}, metrics=metrics))
    assert tracker.get_run(run.id).metrics == {"test_brier": 0.25}


def test_a_metric_where_less_is_better_chooses_the_smallest(session: Session, job: TrainJob) -> None:
    document = trained(session, replace(job, metric="log_loss")).document
    assert [each.name for each in document.candidates if each.chosen] == ["logistic_regression"]
    assert "log_loss" in document.losses


def test_the_document_reads_back(session: Session, job: TrainJob) -> None:
    document = trained(session, job).document
    assert TrainingDocument.from_json(document.to_json()) == document


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"candidates": ()}, ConfigurationError, "nothing to train"),
        ({"metric": "acuracy"}, ConfigurationError, "does not fit"),
        ({"features": ("fra",)}, FeatureError, "fra"),
        (
            {"valid_from": date(2020, 1, 1), "test_from": date(2020, 1, 2), "test_until": None},
            DatasetError,
            "valid part .* no rows",
        ),
        ({"label": "lat"}, DatasetError, "lat"),
        ({"tags": {"mlops.x": "y"}}, InvalidNameError, "tag"),
    ],
)
def test_a_job_that_cannot_work_is_refused_and_nothing_is_registered(
    session: Session, job: TrainJob, change: dict[str, object], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        trained(session, replace(job, **change))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert list(session.model_registry.models()) == []


def test_a_name_outside_the_grammar_is_refused_before_anything_is_read(session: Session, job: TrainJob) -> None:
    with pytest.raises(InvalidNameError):
        train_model("../late", job, registry=session.model_registry, backend="home")


def test_a_row_is_described_by_its_columns_and_nothing_is_interpreted() -> None:
    assert described("{a} to {b.__class__} {c}", {"a": 1, "b": "x"}) == "1 to {b.__class__} {c}"


def test_a_moment_without_a_zone_is_taken_as_utc() -> None:
    assert aware(date(2013, 1, 2)) == datetime(2013, 1, 2, tzinfo=UTC)
    assert aware(datetime(2013, 1, 2, 3, tzinfo=UTC).replace(tzinfo=None)) == datetime(2013, 1, 2, 3, tzinfo=UTC)


def test_the_verbs_train_promote_score_and_report(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["model"], answer["version"], answer["reused"]) == ("late", 1, False)
    assert main(["promote", "late", "--alias", "champion"]) == 0
    capsys.readouterr()
    assert main(["score"]) == 5
    told = capsys.readouterr()
    assert told.out == ""
    assert "is near" in told.err
    assert not (project / "out" / "all-scores.parquet").exists()
    assert (project / "out" / "all-rejects.parquet").exists()
    assert main(["report"]) == 0
    assert "is near" in (project / "out" / "report.html").read_text()

    text = (project / "mlops.toml").read_text()
    (project / "mlops.toml").write_text(text.replace("max_reject_rate = 0.5", "max_reject_rate = 1.0"))
    capsys.readouterr()
    assert main(["score", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["scored"] + answer["rejected"] == answer["rows"] == 31 * 24
    assert answer["scored"] == pl.read_parquet(answer["out"]).height
    assert list(answer["reasons"]) == [
        "no key",
        "duplicate key",
        "is near",
        "is not too near",
        "prediction is not a number",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "lte"], "there is no job train.lte"),
        (["score", "al"], "there is no job score.al"),
        (["report"], "nothing to report"),
        (["score"], "late"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_type_next(
    project: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.exists()
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert message in told
    assert "next:" in told


def test_an_alias_goes_to_the_version_that_was_trained_even_if_it_is_not_the_latest(project: Path) -> None:
    settings = project / "mlops.toml"
    both = settings.read_text()
    assert main(["train", "--alias", "challenger"]) == 0
    settings.write_text(both.replace(', { estimator = "logistic_regression" }', ""))
    assert main(["train", "--alias", "challenger"]) == 0
    settings.write_text(both)
    assert main(["train", "--alias", "challenger"]) == 0
    assert main(["promote", "late@challenger", "--alias", "champion"]) == 0
    with open_session(config=settings) as session:
        assert session.model_registry.latest("late").version == 2
        assert session.model_registry.resolve("late", "champion").version == 1


def test_a_bad_alias_is_refused_before_the_training(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.exists()
    assert main(["train", "--alias", "v1"]) == 1
    assert "cannot be an alias" in capsys.readouterr().err
    assert not (project / "registry").exists()


def test_a_report_is_about_the_chosen_backend(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = project / "mlops.toml"
    settings.write_text(settings.read_text() + '\n[backends.other]\nadapter = "local"\npath = "other"\n')
    assert main(["train"]) == 0
    assert main(["report", "--use", "other"]) == 1
    told = capsys.readouterr().err
    assert "was not registered in 'other'" in told
    assert "mlops report --use home" in told


def test_what_cannot_be_fitted_says_what_to_do_with_text(session: Session, job: TrainJob) -> None:
    assert job.definitions is not None
    job.definitions.write_text(DEFINITIONS + "\n@feature()\ndef who() -> pl.Expr:\n    return pl.col('carrier')\n")
    with pytest.raises(DatasetError, match="could not be fitted") as caught:
        trained(session, replace(job, features=("far", "who"), candidates=job.candidates[1:]))
    assert "pl.Enum" in caught.value.hint


def test_a_missing_table_is_said_before_anything_is_planned(session: Session, job: TrainJob) -> None:
    with pytest.raises(DatasetError, match="no table to train on"):
        trained(session, replace(job, spine=job.spine.with_name("nowhere.parquet")))


def test_an_interrupted_command_says_so(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    assert project.exists()
    monkeypatch.setattr("mlops_core.operations.train.split_for_training", interrupt)
    assert main(["train"]) == 130
    assert "stopped" in capsys.readouterr().err
