"""``mlops train``: build the dataset of a job, try its candidates, register the best."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_core.cli.invocation import Invocation
from mlops_core.cli.jobs import definitions_of, the_job, training_document_path, write_document
from mlops_core.cli.output import JsonOption, emit, path_text, table
from mlops_core.cli.progress import progress
from mlops_core.cli.records import number_text, version_json
from mlops_core.naming import check_alias

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.operations.train import TrainingResult
    from mlops_core.reports.documents import TrainingDocument


def train(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="The job's model; not needed if there is one job.")] = None,
    alias: Annotated[
        str | None, typer.Option(help="Point this alias at the version, such as challenger; new or not.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model as mlops.toml says, and register it."""
    from mlops_core.operations.commit import commit_of
    from mlops_core.operations.train import train_model

    invocation = Invocation.of(context)
    settings = invocation.settings()
    name, job = the_job(settings.train, model, kind="train", settings=settings)
    if alias is not None:
        check_alias(alias)
    features = definitions_of(job.definitions)
    with invocation.session() as session, progress() as tell:
        result = train_model(
            name,
            job,
            registry=session.model_registry,
            backend=session.backend_name("model_registry"),
            tracker=session.experiment_tracker if session.offers("experiment_tracker") else None,
            features=features,
            commit=commit_of(settings.base),
            progress=tell,
        )
        if alias is not None:
            # Not the latest version: training again may give back an older one.
            session.model_registry.set_alias(name, alias, result.version.version)
    path = training_document_path(job, name)
    write_document(path, result.document)
    emit(
        {
            **version_json(result.version),
            "reused": result.version.reused,
            "alias": alias,
            "baselines": {each.name: each.metrics for each in result.document.baselines},
            "document": str(path),
        },
        _text(result, path, alias),
        as_json=as_json,
    )


def _text(result: "TrainingResult", path: "Path", alias: str | None) -> str:
    version, document = result.version, result.document
    done = "is already registered as" if version.reused else "is registered as"
    lines = [
        f"{document.model} {done} version {version.version} in {document.backend!r} ({version.digest[:12]})"
        + (f", and is {document.model}@{alias}" if alias else ""),
        _rows(document),
        table(["", *_shown(document)], _scores(document), indent="  "),
        f"  the report's numbers: {path_text(path)}",
    ]
    return "\n".join(lines)


def _rows(document: "TrainingDocument") -> str:
    noun = document.noun
    parts = ", ".join(f"{each.rows:,} {_PURPOSE.get(each.name, each.name)}" for each in document.parts)
    dropped = "; ".join(f"{each.rows:,} left out: {each.reason}" for each in document.dropped)
    return f"  {noun}: {parts}" + (f"; {dropped}" if dropped else "")


_PURPOSE = {"train": "to learn from", "valid": "to choose", "test": "to report"}


def _shown(document: "TrainingDocument") -> list[str]:
    return list(document.metrics["test"])


def _scores(document: "TrainingDocument") -> list[list[str]]:
    names = _shown(document)
    rows = [["the model", *(number_text(document.metrics["test"][name]) for name in names)]]
    rows += [
        [f"baseline: {each.name}", *(number_text(each.metrics["test"][name]) for name in names)]
        for each in document.baselines
    ]
    return rows
