"""``mlops report``: one HTML page about a model's training and its newest scoring run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_core.cli.invocation import Invocation
from mlops_core.cli.jobs import (
    read_scoring_document,
    read_training_document,
    scoring_document_path,
    the_job,
    training_document_path,
)
from mlops_core.cli.output import JsonOption, emit
from mlops_core.errors import ConfigurationError

if TYPE_CHECKING:
    from mlops_core.reports.documents import ScoringDocument
    from mlops_core.settings import Settings


def report(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="The model; not needed if one is trained here.")] = None,
    out: Annotated[Path | None, typer.Option(help="The page; by default report.html in the job's folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the page about a model: how good it is, what its features saw, what was scored and rejected."""
    from mlops_core.reports import render_report, write_report

    settings = Invocation.of(context).settings()
    name, job = the_job(settings.train, model, kind="train", settings=settings, verb="report")
    training = read_training_document(training_document_path(job, name))
    backend = settings.backend_for("model_registry")
    if training is not None and training.backend != backend:
        raise ConfigurationError(
            f"the last training of {name!r} here was not registered in {backend!r}",
            where=str(training_document_path(job, name)),
            why=f"it was registered in {training.backend!r}",
            hint=f"mlops train {name}, or mlops report --use {training.backend}",
        )
    scoring = _newest_scoring(settings, name)
    if training is None and scoring is None:
        raise ConfigurationError(
            f"there is nothing to report about {name!r}",
            where=str(job.out),
            why="no training and no scoring has left a document there",
            hint=f"mlops train {name}",
        )
    page = write_report(out or job.out / "report.html", render_report(training, scoring))
    emit({"model": name, "report": str(page)}, f"report: {page}", as_json=as_json)


def _newest_scoring(settings: "Settings", model: str) -> "ScoringDocument | None":
    found = [read_scoring_document(scoring_document_path(job, name)) for name, job in settings.score.items()]
    of_model = [each for each in found if each is not None and each.model == model]
    return max(of_model, key=lambda each: each.finished, default=None)
