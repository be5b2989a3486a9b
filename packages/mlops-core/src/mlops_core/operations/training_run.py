"""What a training leaves in an experiment tracker: one run, from the first fit to the registered version."""

from __future__ import annotations

import json
import logging
import math
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from mlops_core.errors import BackendError
from mlops_core.json_values import to_json_value
from mlops_core.ports.experiment_tracker import ExperimentTrackerCapability
from mlops_core.ports.run_values import MAX_PARAMETER

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from contextlib import AbstractContextManager

    from mlops_core.operations.training_document import Evaluation, FittedCandidate
    from mlops_core.operations.training_parts import TrainingParts
    from mlops_core.ports.experiment_tracker import ExperimentTracker, Run
    from mlops_core.ports.model_registry import ModelVersion
    from mlops_core.settings import TrainJob

_log = logging.getLogger(__name__)

_KEPT_AS_FILES: Final = "parameters"
"""The folder of a run's files in which parameters lie that are longer than a parameter can be."""


class TrainingRun:
    """Notes in a run what a training tries and finds; without a run nothing is noted.

    Args:
        run: The run; :meth:`registered` ends it.
        finite: Whether the tracker takes finite numbers only; others are left out then.
    """

    def __init__(self, run: Run | None, *, finite: bool = False) -> None:
        self._run = run
        self._finite = finite
        self._step = 0

    @property
    def id(self) -> str | None:
        """The run's id, for the version's record."""
        return None if self._run is None else self._run.id

    def began(self, job: TrainJob, parts: TrainingParts) -> None:
        """Note what is learnt from: the label, the features, the split, and the digest of the rows."""
        if self._run is not None:
            _log_params(
                self._run,
                {
                    "label": job.label,
                    "features": list(job.features),
                    "valid_from": str(job.valid_from),
                    "test_from": str(job.test_from),
                    "chosen_by": job.metric,
                    "dataset_digest": parts.train.digest,
                    "train_rows": len(parts.train),
                },
            )

    def tried(self, number: int, candidate: FittedCandidate, *, metric: str) -> None:
        """Note the score of a candidate, with its number as the step, from 1."""
        if self._run is not None:
            self._step = number
            self._log_metrics(self._run, {f"candidate_{metric}": candidate.score})

    def chose(self, candidate: FittedCandidate, evaluation: Evaluation) -> None:
        """Note the candidate that is kept, its parameters and how good it is."""
        if self._run is not None:
            given = {f"{candidate.name}.{name}": value for name, value in candidate.parameters.items()}
            _log_params(self._run, {"estimator": candidate.name, **given})
            self._log_metrics(self._run, evaluation.record_metrics)

    def registered(self, version: ModelVersion) -> None:
        """Note the version that came of it, which may be an older one with the same content, and end the run.

        A tracker that fails now is a warning: the training is done, and its version registered.
        """
        if self._run is None:
            return
        try:
            self._run.set_tags({"model": version.model, "version": str(version.version), "digest": version.digest})
            self._run.finish()
        except BackendError as exc:
            _log.warning("%s:%d is registered, but its run does not say so: %s", version.model, version.version, exc)

    def _log_metrics(self, run: Run, values: Mapping[str, float]) -> None:
        kept = {name: value for name, value in values.items() if not self._finite or math.isfinite(value)}
        run.log_metrics(kept, step=self._step)  # never below an earlier one: not every tracker takes that


def training_run(
    tracker: ExperimentTracker | None, model: str, *, tags: Mapping[str, str], commit: str | None
) -> AbstractContextManager[TrainingRun]:
    """Begin the run of a training in the experiment of the model's name; an exception ends it as failed.

    Args:
        tracker: Where; nothing is noted if there is none.
        model: The model's name.
        tags: Tags of the job.
        commit: Commit of the code.
    """
    return nullcontext(TrainingRun(None)) if tracker is None else _begun(tracker, model, tags, commit)


@contextmanager
def _begun(
    tracker: ExperimentTracker, model: str, tags: Mapping[str, str], commit: str | None
) -> Generator[TrainingRun]:
    finite = ExperimentTrackerCapability.NON_FINITE_METRICS not in tracker.capabilities
    run = tracker.start_run(model, tags={**tags, **({"commit": commit} if commit else {})})
    try:
        yield TrainingRun(run, finite=finite)
    except BaseException as exc:
        run.__exit__(type(exc), exc, exc.__traceback__)
        raise


def _log_params(run: Run, values: Mapping[str, object]) -> None:
    texts = {name: _text(value) for name, value in values.items()}
    longer = {name: text for name, text in texts.items() if len(text) > MAX_PARAMETER}
    run.log_params({name: text for name, text in texts.items() if name not in longer})
    if longer:
        run.log_files({f"{_KEPT_AS_FILES}/{name}.txt": text.encode() for name, text in longer.items()})


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(to_json_value(value), ensure_ascii=False)
