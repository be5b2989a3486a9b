"""The runs below which the files of versions lie: MLflow serves files of runs only."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.errors import AccessDeniedError

from adapter_mlflow._errors import MlflowError, classify, is_missing
from adapter_mlflow.remembered import Remembered
from adapter_mlflow.retrying import made_once
from adapter_mlflow.run_documents import milliseconds, this_millisecond
from adapter_mlflow.run_search import having_tag
from adapter_mlflow.tags import CARRIER, RUN

if TYPE_CHECKING:
    from mlops_core.stores.conditional_writes import Retries

    from adapter_mlflow._run_client import RunClient
    from adapter_mlflow.experiments import Experiments
    from adapter_mlflow.run_documents import StoredRun
    from adapter_mlflow.version_documents import StoredVersion

_log = logging.getLogger(__name__)

SECONDS: Final = 300.0
"""How long a run that was seen alive, or a model that was seen, is taken to be there."""
_RUN_ID: Final = re.compile(r"[0-9a-f]{32}")
_NOTE: Final = "mlflow.note.content"
_FOLDER: Final = "packages"
_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class Home:
    """A run, and the address below which its files lie.

    Attributes:
        run_id: The run.
        root: The address.
        until: When the run has to be looked at again; a moment of the clock of :class:`Retries`.
    """

    run_id: str
    root: str
    until: float

    def package(self, model: str, operation_id: str, digest: str) -> str:
        """The address of the folder of one registration; no other call has the same one."""
        return f"{self.root}/{_FOLDER}/{model}/{operation_id}-{digest[:16]}"


class PackageHomes:
    """Finds the run that a version belongs to: the caller's own, or else one that carries the files of its model.

    A carrier is made once for a model, as far as that can be known: who looks at the same moment may make another. It
    is never ended, since more versions may come.

    MLflow takes files and versions of a run in its trash like any others, and deletes the files with the run later. So
    a run is looked at before it is used, and again after some minutes.

    Args:
        runs: Requests about runs.
        experiments: The experiments of the server.
        experiment: The experiment of carriers.
        retries: How often a carrier is tried to be made; and the clock.
    """

    def __init__(self, runs: RunClient, experiments: Experiments, *, experiment: str, retries: Retries) -> None:
        self._runs = runs
        self._experiments = experiments
        self._experiment = experiment
        self._retries = retries
        self._carriers = Remembered[str, Home](_REMEMBERED)
        self._own = Remembered[str, Home](_REMEMBERED)

    def learn(self, version: StoredVersion) -> None:
        """Remember what may be the carrier of a version that was read, so that it need not be looked for."""
        root, found, _ = version.source.rpartition(f"/{_FOLDER}/{version.model}/")
        is_carrier = found and version.run_id and version.tags.get(RUN) != version.run_id
        if is_carrier and self._carriers.get(version.model) is None:
            # It may be in the trash, or any run: whoever may make versions chooses what they name.
            self._carriers.put(version.model, Home(version.run_id, root, until=float("-inf")))

    def forget(self, model: str, run: str | None) -> None:
        """Look anew next time."""
        self._carriers.forget(model)
        self._own.forget(run or "")

    def home_for(self, model: str, run: str | None, *, is_new: bool) -> Home:
        """Where the files of a version go.

        Args:
            model: The model's name.
            run: The run that made the version, as the caller named it; it may be of any other tracker too.
            is_new: Whether the model has just been made, so that no carrier need be looked for.
        """
        return self._run_of_the_caller(run) or self._known_carrier(model) or self._carrier(model, is_new)

    def is_there(self, run_id: str) -> bool:
        """Whether a run is there, and not in the trash; one request."""
        return self._seen(run_id) is not None

    def _run_of_the_caller(self, run: str | None) -> Home | None:
        if run is None or not _RUN_ID.fullmatch(run):
            return None
        known = self._own.get(run)
        if known is not None and self._is_fresh(known):
            return known
        found = self._seen(run)
        if found is None:
            self._own.forget(run)
            return None
        return self._own.put(run, self._home(found))

    def _known_carrier(self, model: str) -> Home | None:
        known = self._carriers.get(model)
        if known is None or self._is_fresh(known):
            return known
        found = self._seen_as_carrier(known.run_id, model)
        if found is None:
            self._carriers.forget(model)
            return None
        return self._carriers.put(model, self._home(found))

    def _seen_as_carrier(self, run_id: str, model: str) -> StoredRun | None:
        """A run, if it is there and was made to hold the files of a model; one request."""
        try:
            found = self._seen(run_id)
        except MlflowError as exc:
            if classify(exc) is not AccessDeniedError:
                raise
            return None
        if found is None:
            told = (
                "the run %s, which holds files of versions of %r, is in MLflow's trash or gone: "
                "before the next mlflow gc, mlflow runs restore --run-id %s brings it back"
            )
            _log.warning(told, run_id, model, run_id)
            return None
        return found if found.tags.get(CARRIER) == model else None

    def _is_fresh(self, home: Home) -> bool:
        return home.until > self._retries.clock()

    def _seen(self, run_id: str) -> StoredRun | None:
        try:
            found = self._runs.run(run_id)
        except Exception as exc:
            if not is_missing(exc):
                raise
            return None
        return None if found.deleted else found

    def _carrier(self, model: str, is_new: bool) -> Home:  # noqa: FBT001 (one caller, which says it by name)
        experiment_id = self._experiments.id_for_runs(self._experiment, operation="register")
        found = None if is_new else self._found(experiment_id, model)
        if found is None:
            try:
                found, _ = made_once(  # a second one does no harm
                    lambda: self._made(experiment_id, model),
                    lambda: self._found(experiment_id, model),
                    self._retries,
                )
            except Exception:
                self._experiments.forget(self._experiment)  # it may be in the trash meanwhile
                raise
        return self._carriers.put(model, self._home(found))

    def _found(self, experiment_id: str, model: str) -> StoredRun | None:
        return next(self._runs.search([experiment_id], having_tag(CARRIER, model), page=1), None)

    def _made(self, experiment_id: str, model: str) -> StoredRun:
        note = f"Holds the files of the versions of {model!r}. What is deleted here, no version can be loaded from."
        return self._runs.create_run(
            experiment_id,
            name=f"packages of {model}",
            started=milliseconds(this_millisecond()),
            tags={CARRIER: model, _NOTE: note},
        )

    def _home(self, run: StoredRun) -> Home:
        return Home(run.id, run.artifact_root, until=self._retries.clock() + SECONDS)
