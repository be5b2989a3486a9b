"""``mlops score``: run a job's chain over its table, into scores and rejects."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_core.cli.invocation import Invocation
from mlops_core.cli.jobs import definitions_of, scoring_document_path, the_job, write_document
from mlops_core.cli.output import JsonOption, emit, path_text, table
from mlops_core.cli.progress import progress
from mlops_core.errors import NotFoundError, TooManyRejectsError
from mlops_core.naming import ModelRef

if TYPE_CHECKING:
    from mlops_core.scoring import ScoringResult


def score(
    context: typer.Context,
    job_name: Annotated[str | None, typer.Argument(metavar="JOB", help="Not needed if there is one job.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score a table as mlops.toml says: every row is scored or rejected with a reason."""
    from mlops_core.operations.score import score_job
    from mlops_core.scoring import ScoringResult

    invocation = Invocation.of(context)
    settings = invocation.settings()
    name, job = the_job(settings.score, job_name, kind="score", settings=settings)
    features = definitions_of(job.definitions)
    path = scoring_document_path(job, name)
    with invocation.session() as session, progress() as tell:

        def told(done: int, total: int | None) -> None:
            tell(f"scoring {job.noun}", done, total)

        try:
            model = session.load(job.model)
        except NotFoundError as error:
            trains = ModelRef.parse(job.model).model in settings.train
            error.hint = f"mlops train {ModelRef.parse(job.model).model}, then mlops promote" if trains else error.hint
            raise
        try:
            result = score_job(name, job, model=model, features=features, progress=told)
        except TooManyRejectsError as error:
            if isinstance(error.result, ScoringResult):
                write_document(path, error.result.document(reference=job.model, noun=job.noun))
            raise
    write_document(path, result.document(reference=job.model, noun=job.noun))
    emit(
        {
            "model": f"{model.version.model}:{model.version.version}",
            "digest": model.version.digest,
            "rows": result.rows,
            "scored": result.scored,
            "rejected": result.rejected,
            "reasons": dict(result.reasons),
            "out": str(result.out),
            "rejects": str(result.rejects_out),
            "document": str(path),
        },
        _text(result, job.noun),
        as_json=as_json,
    )


def _text(result: "ScoringResult", noun: str) -> str:
    version = "" if result.model is None else f" with {result.model.model}:{result.model.version}"
    reasons = [
        [f"{each.rejected:,}", f"not so: {each.reason}" if each.handler == "check" else each.reason]
        for each in result.ledger.entries
        if each.rejected
    ]
    lines = [
        f"{result.rows:,} {noun}: {result.scored:,} scored{version}, {result.rejected:,} rejected",
        table([], reasons, indent="  ") if reasons else "",
        *(
            f"  {name} {path_text(path)}"
            for name, path in (("scores: ", result.out), ("rejects:", result.rejects_out))
            if path
        ),
    ]
    return "\n".join(line for line in lines if line)
