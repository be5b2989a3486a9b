"""How a run begins: once, also when the server does not say whether it has begun."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from adapter_mlflow._errors import MlflowError
from adapter_mlflow.retrying import made_once
from adapter_mlflow.run_search import having_tag
from adapter_mlflow.tags import OPERATION_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.stores.conditional_writes import Retries

    from adapter_mlflow._run_client import RunClient
    from adapter_mlflow.run_documents import StoredRun

_log: Final = logging.getLogger(__name__)


class RunBeginnings:
    """Begins runs. It may be used from several threads.

    Args:
        requests: Requests about runs.
        retries: How often and how fast a beginning is tried again that was not answered.
    """

    def __init__(self, requests: RunClient, *, retries: Retries) -> None:
        self._requests = requests
        self._retries = retries

    def begin(self, experiment_id: str, *, name: str, started: int, tags: Mapping[str, str]) -> StoredRun:
        """A new run.

        Args:
            experiment_id: Its experiment's id.
            name: Its name.
            started: Milliseconds since 1970.
            tags: Its tags, with an :data:`OPERATION_ID` that no other call has.

        Raises:
            MlflowError: It failed, or nobody knows whether it did.
        """

        def make() -> StoredRun:
            return self._requests.create_run(experiment_id, name=name, started=started, tags=tags)

        def look() -> StoredRun | None:
            return next(iter(self._of_call(experiment_id, tags)), None)

        run, perhaps_twice = made_once(make, look, self._retries)
        if perhaps_twice:
            self._remove_twins(run, tags)
        return run

    def _remove_twins(self, run: StoredRun, tags: Mapping[str, str]) -> None:
        """Put into the trash what an earlier request of this call has begun, which was taken for lost."""
        try:
            for each in self._of_call(run.experiment_id, tags):
                if each.id != run.id:
                    self._requests.delete_run(each.id)
        except MlflowError as exc:
            # The run is there all the same. To delete one, MLflow wants more than to begin it.
            _log.warning("the run %s may have an empty twin in its experiment, to be deleted by hand: %s", run.id, exc)

    def _of_call(self, experiment_id: str, tags: Mapping[str, str]) -> list[StoredRun]:
        mine = having_tag(OPERATION_ID, tags[OPERATION_ID])
        return list(self._requests.search([experiment_id], mine, page=10))
