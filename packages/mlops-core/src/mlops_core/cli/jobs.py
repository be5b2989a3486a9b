"""What the verbs that run jobs share: finding the job, its feature definitions, and the documents that jobs leave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from mlops_core.errors import ConfigurationError, near_matches
from mlops_core.json_values import plain, read_json_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_core.features import FeatureFactory
    from mlops_core.reports.documents import ScoringDocument, TrainingDocument
    from mlops_core.settings import ScoreJob, Settings, TrainJob

    Job = TypeVar("Job", TrainJob, ScoreJob)


def the_job(
    jobs: Mapping[str, Job], name: str | None, *, kind: str, settings: Settings, verb: str = ""
) -> tuple[str, Job]:
    """The job of a name; without a name, the only one.

    Args:
        jobs: The jobs of one kind, by name.
        name: What the user typed.
        kind: The table of the settings that holds them, ``train`` or ``score``.
        settings: Where they come from.
        verb: What the user typed before the name, if it is another word than ``kind``.

    Raises:
        ConfigurationError: There is no such job, or no name was typed and there are several.
    """
    if name is None and len(jobs) == 1:
        return next(iter(jobs.items()))
    if name is not None and name in jobs:
        return name, jobs[name]
    if not jobs:
        hint = f"add a table [{kind}.<name>] to mlops.toml; examples/flights has one"
        raise ConfigurationError(
            f"there is no job to {verb or kind}", where=settings.place, why=f"no table [{kind}.<name>]", hint=hint
        )
    if name is None:
        hint = f"mlops {verb or kind} {next(iter(jobs))}"
        raise ConfigurationError(
            f"which job to {verb or kind}?", where=settings.place, why=f"there are {', '.join(jobs)}", hint=hint
        )
    raise ConfigurationError(f"there is no job {kind}.{name}", where=settings.place, hint=near_matches(name, jobs))


def definitions_of(path: Path | None) -> FeatureFactory:
    """A factory of the installed features and those that a file defines; the process's default one stays as it is.

    Raises:
        FeatureError: The file cannot be run, or defines what cannot work.
    """
    from mlops_core.features import FeatureFactory

    factory = FeatureFactory()
    if path is not None:
        factory.load_definitions(path)
    return factory


def training_document_path(job: TrainJob, model: str) -> Path:
    """Where ``mlops train`` leaves what the report says."""
    return job.out / f"train-{model}.json"


def scoring_document_path(job: ScoreJob, name: str) -> Path:
    """Where ``mlops score`` leaves what the report says."""
    return job.out / f"score-{name}.json"


def write_document(path: Path, document: TrainingDocument | ScoringDocument) -> None:
    """Write a document, whole or not at all."""
    from mlops_core.reports import write_report

    path.parent.mkdir(parents=True, exist_ok=True)
    write_report(path, json.dumps(plain(document.to_json()), indent=1, allow_nan=False) + "\n")


def read_training_document(path: Path) -> TrainingDocument | None:
    """The document of a training; ``None`` where there is none.

    Raises:
        IntegrityError: The file is not such a document.
    """
    from mlops_core.reports.documents import TrainingDocument

    if not path.is_file():
        return None
    return TrainingDocument.from_json(read_json_object(path.read_bytes(), what="a training document", where=str(path)))


def read_scoring_document(path: Path) -> ScoringDocument | None:
    """The document of a scoring run; ``None`` where there is none.

    Raises:
        IntegrityError: The file is not such a document.
    """
    from mlops_core.reports.documents import ScoringDocument

    if not path.is_file():
        return None
    return ScoringDocument.from_json(read_json_object(path.read_bytes(), what="a scoring document", where=str(path)))
