"""Names and ids of experiments, remembered by an instance: MLflow knows runs by the id alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.errors import ConflictError

from adapter_mlflow._errors import already_exists, is_missing
from adapter_mlflow.thread_lock import ThreadLock

if TYPE_CHECKING:
    from adapter_mlflow._run_client import Experiment, RunClient


class Experiments:
    """The experiments of a server. It may be used from several threads.

    What somebody renames meanwhile keeps its old name here, until another instance is made.

    Args:
        requests: Requests about experiments.
        backend: The configured name, for messages.
    """

    def __init__(self, requests: RunClient, *, backend: str) -> None:
        self._requests = requests
        self._backend = backend
        self._lock = ThreadLock()
        self._names: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def name_of(self, experiment_id: str) -> str:
        """The name of an experiment; one request at first, none later."""
        name = self._names.get(experiment_id)
        return self._remember(self._requests.experiment_of_id(experiment_id)).name if name is None else name

    def id_for_runs(self, name: str, *, operation: str = "start_run") -> str:
        """The id of an experiment, which is created if need be; two requests at first, none later.

        Args:
            name: Its name.
            operation: The port's method that needs a run, for messages.

        Raises:
            ConflictError: The experiment is in MLflow's trash.
        """
        known = self._ids.get(name)
        if known is not None:
            return known
        found = self.find(name) or self._created(name)
        if found.deleted:
            raise ConflictError(
                f"the experiment {name!r} takes no runs",
                operation=operation,
                subject=name,
                backend=self._backend,
                why="it is in MLflow's trash",
                hint=f"mlflow experiments restore --experiment-id {found.id}, or take another name",
            )
        return found.id

    def find(self, name: str) -> Experiment | None:
        """The experiment of a name; always one request."""
        try:
            return self._remember(self._requests.experiment_of_name(name))
        except Exception as exc:
            if not is_missing(exc):
                raise
            return None

    def all(self) -> list[Experiment]:
        """Every experiment that is not in the trash; one request for every 1,000."""
        return [self._remember(each) for each in self._requests.experiments()]

    def forget(self, name: str) -> None:
        """Look the experiment up again when it is asked for the next time."""
        with self._lock:
            self._ids.pop(name, None)

    def _created(self, name: str) -> Experiment:
        try:
            return self._remember(self._requests.create_experiment(name))
        except Exception as exc:
            # Somebody else was faster, or our own first request was, whose answer was lost.
            if not already_exists(exc):
                raise
            return self._remember(self._requests.experiment_of_name(name))

    def _remember(self, experiment: Experiment) -> Experiment:
        with self._lock:
            self._names[experiment.id] = experiment.name
            if not experiment.deleted:
                self._ids[experiment.name] = experiment.id
        return experiment
