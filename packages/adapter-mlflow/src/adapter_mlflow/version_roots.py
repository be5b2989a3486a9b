"""Where the files of a version lie, when its source names a run or another model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mlops_core.errors import IntegrityError

from adapter_mlflow._errors import ServerError, is_missing
from adapter_mlflow.remembered import Remembered

if TYPE_CHECKING:
    from adapter_mlflow._registry_client import RegistryClient
    from adapter_mlflow._run_client import RunClient
    from adapter_mlflow.version_documents import StoredVersion

_MODEL: Final = "models:"
_RUN: Final = "runs:"
_RUN_SOURCE: Final = re.compile(r"runs:/+([^/]+)/*(.*)")
_REMEMBERED: Final = 256


class VersionRoots:
    """Finds and remembers where the files of versions lie. It may be used from several threads.

    MLflow's SDK would do it too, on the server that the state of the process names: so it is never asked.

    Args:
        requests: Requests about versions.
        runs: Requests about runs.
    """

    def __init__(self, requests: RegistryClient, runs: RunClient) -> None:
        self._requests = requests
        self._runs = runs
        self._known = Remembered[tuple[object, ...], str](_REMEMBERED)

    def root(self, version: StoredVersion, *, where: str) -> str:
        """The address of a version's folder; requests at first only, and none at all for most sources.

        Threads that ask for the same one at first may all ask the server: none waits for another's answer.

        Args:
            version: The version.
            where: The backend and the version, for messages.

        Raises:
            IntegrityError: Its source leads nowhere.
        """
        if not version.source.startswith((_MODEL, _RUN)):
            return version.source
        key = (version.model, version.number, version.source, version.created_at)
        return self._known.get(key) or self._known.put(key, self._asked(version, where))

    def _asked(self, version: StoredVersion, where: str) -> str:
        source = version.source
        if source.startswith(_MODEL):  # which the server has followed when the version was made
            source = self._requests.download_uri(version.model, version.number)
        of_run = _RUN_SOURCE.fullmatch(source)
        if of_run is not None:
            run_id, path = of_run.groups()
            source = f"{self._root_of_run(run_id, version.source, where)}/{path}".rstrip("/")
        if source.startswith((_MODEL, _RUN)):
            raise _leads_nowhere(version.source, where, "it names no run and no model of this server")
        return source

    def _root_of_run(self, run_id: str, source: str, where: str) -> str:
        try:
            return self._runs.run(run_id).artifact_root
        except ServerError as exc:
            if not is_missing(exc):
                raise
            raise _leads_nowhere(source, where, "its run is gone, and with it the files") from exc


def _leads_nowhere(source: str, where: str, why: str) -> IntegrityError:
    hint = "register the model again; nothing was loaded"
    return IntegrityError(f"the source {source!r:.200} leads to no files", where=where, why=why, hint=hint)
