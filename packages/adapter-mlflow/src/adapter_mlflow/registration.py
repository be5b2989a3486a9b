"""How a version comes to be: its files first, then one request that makes it, and never two of those by mistake."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from mlops_core.errors import AccessDeniedError, ConflictError
from mlops_core.manifest import open_verified
from mlops_core.side_by_side import for_each_file

from adapter_mlflow._errors import MlflowError, ServerError, already_exists, classify, is_missing
from adapter_mlflow.artifact_names import stored_name
from adapter_mlflow.package_homes import SECONDS
from adapter_mlflow.remembered import Remembered
from adapter_mlflow.retrying import made_once
from adapter_mlflow.tags import DIGEST
from adapter_mlflow.version_description import description_of
from adapter_mlflow.version_documents import version_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.manifest import Package, PackageFile
    from mlops_core.ports.model_registry import IfExists
    from mlops_core.ports.registration_values import Registration
    from mlops_core.stores.conditional_writes import Retries

    from adapter_mlflow._client import MlflowRestClient
    from adapter_mlflow._registry_client import RegistryClient
    from adapter_mlflow.package_homes import Home, PackageHomes
    from adapter_mlflow.version_documents import StoredVersion

_log: Final = logging.getLogger(__name__)
_GLANCE: Final = 20
"""How many of the newest versions are looked at together: more would take the server longer than a second request."""
_REMEMBERED: Final = 1_024


class Registrar:
    """Registers packages. It may be used from several threads.

    Args:
        requests: Requests about models and versions.
        files: Requests about files.
        homes: The runs below which files lie.
        backend: The configured name, for messages.
        retries: How often and how fast a version is tried to be made; and the clock.
    """

    def __init__(
        self,
        requests: RegistryClient,
        files: MlflowRestClient,
        homes: PackageHomes,
        *,
        backend: str,
        retries: Retries,
    ) -> None:
        self._requests = requests
        self._files = files
        self._homes = homes
        self._backend = backend
        self._retries = retries
        self._models = Remembered[str, float](_REMEMBERED)

    def is_model(self, name: str) -> bool:
        """Whether a name was seen to be that of a model some minutes ago at most; a prompt may have any other."""
        until = self._models.get(name)
        return until is not None and until > self._retries.clock()

    def learn(self, version: StoredVersion) -> None:
        """Remember what a version that was read tells about its model."""
        self.learn_model(version.model)
        self._homes.learn(version)

    def learn_model(self, model: str) -> None:
        """Remember that a name is that of a model."""
        self._models.put(model, self._retries.clock() + SECONDS)

    def forget(self, model: str, run: str | None = None) -> None:
        """Look anew next time: the model was deleted."""
        self._models.forget(model)
        self._homes.forget(model, run)

    def register(self, asked: Registration, package: Package, *, if_exists: IfExists) -> tuple[StoredVersion, bool]:
        """The version that answers a registration, and whether it was there before.

        Raises:
            ConflictError: The name is a prompt's, or the model is being deleted.
            InvalidNameError: A path is too long for the server.
            IntegrityError: A file is not what the manifest says.
            MlflowError: It failed.
        """
        names = {each.path: stored_name(each.path) for each in asked.manifest.files}
        try:
            return self._registered(asked, package, names, if_exists)
        except ServerError as exc:
            if not is_missing(exc):
                raise
            self.forget(asked.model, asked.run)  # what was remembered of the model or its run is no more
        try:
            return self._registered(asked, package, names, if_exists)
        except ServerError as exc:
            if not is_missing(exc):
                raise
            raise self._conflict(asked.model, exc.text, "somebody deletes it: see who, then call again") from exc

    def _registered(
        self, asked: Registration, package: Package, names: Mapping[str, str], if_exists: IfExists
    ) -> tuple[StoredVersion, bool]:
        model = asked.model
        known = self.is_model(model)
        is_new = not known and self._made_model(model)
        if not is_new:
            same = self._same(asked) if known else self._same_at_first(asked)
            for each in same:
                self.learn(each)
            own = _of_call(same, asked)
            earlier = own or (same[:1] if if_exists == "return" else [])
            if earlier:
                return self._requests.version(model, earlier[-1].number), not own
        home = self._homes.home_for(model, asked.run, is_new=is_new)
        source = home.package(model, asked.operation_id, asked.digest)
        for_each_file(asked.manifest.files, lambda file: self._upload(asked, package, file, source, names))
        try:
            return self._made_version(asked, home, source), False
        except ServerError as exc:
            if exc.code != "INVALID_PARAMETER_VALUE" or self._homes.is_there(home.run_id):
                raise
            # MLflow calls a run that is gone a bad parameter.
            raise ServerError(exc.status, "RESOURCE_DOES_NOT_EXIST", exc.text) from exc

    def _made_model(self, model: str) -> bool:
        """Make the model; whether it was not there."""
        try:
            self._requests.create_model(model)
        except ServerError as exc:
            if already_exists(exc):  # or a prompt has the name
                return False
            if classify(exc) is AccessDeniedError and self._is_there(model):
                return False  # who may not make models may still make versions of this one
            raise
        self.learn_model(model)
        return True

    def _is_there(self, model: str) -> bool:
        try:
            self._requests.model(model)
        except ServerError as exc:
            if not is_missing(exc):
                raise
            return False
        return True

    def _same_at_first(self, asked: Registration) -> list[StoredVersion]:
        """The same as :meth:`_same` of a model that is met now; its newest versions also say where files lie."""
        newest = self._requests.newest_versions(asked.model, _GLANCE)
        if not newest:
            self._check_no_prompt(asked.model)
            return []
        for each in newest:
            self.learn(each)
        same = [each for each in newest if each.digest == asked.digest]
        if len(newest) == _GLANCE and not _of_call(same, asked):
            return self._same(asked)  # there may be older ones
        return same

    def _check_no_prompt(self, model: str) -> None:
        if self._requests.model(model).is_prompt:
            raise self._conflict(model, "the name is that of a prompt, and MLflow gives it once", "choose another name")
        self.learn_model(model)

    def _same(self, asked: Registration) -> list[StoredVersion]:
        """Live versions of the same digest, newest first."""
        return list(self._requests.versions(asked.model, having={DIGEST: asked.digest}))

    def _upload(
        self, asked: Registration, package: Package, file: PackageFile, source: str, names: Mapping[str, str]
    ) -> None:
        where = f"the package to be registered as {asked.model!r}"
        self._files.put_artifact_stream(
            source, names[file.path], lambda: open_verified(package, file, where=where), size=file.size
        )

    def _made_version(self, asked: Registration, home: Home, source: str) -> StoredVersion:
        tags, description = version_tags(asked), description_of(asked)

        def make() -> StoredVersion:
            return self._requests.create_version(
                asked.model, source=source, run_id=home.run_id, tags=tags, description=description
            )

        def look() -> StoredVersion | None:
            own = _of_call(self._same(asked), asked)
            return own[-1] if own else None

        made, perhaps_twice = made_once(make, look, self._retries)
        return self._without_twins(asked, made) if perhaps_twice else made

    def _without_twins(self, asked: Registration, made: StoredVersion) -> StoredVersion:
        """The version of this call: an earlier request, taken for lost, may have been carried out after all.

        The version is there, whatever becomes of its twins: to delete one, MLflow wants more than to make it.
        """
        try:
            *twins, own = _of_call(self._same(asked), asked) or [made]
        except MlflowError as exc:
            _log.warning("%s:%s may have a twin, which nobody has looked for: %s", made.model, made.number, exc)
            return made
        for each in twins:
            try:
                self._requests.delete_version(asked.model, each.number)
            except MlflowError as exc:
                if not is_missing(exc):
                    told = "%s:%s is the same as %s:%s, and could not be deleted: %s"
                    _log.warning(told, each.model, each.number, own.model, own.number, exc)
        return own

    def _conflict(self, model: str, why: str, hint: str) -> ConflictError:
        return ConflictError(
            f"cannot register a version of {model!r}",
            operation="register",
            subject=model,
            backend=self._backend,
            why=why,
            hint=hint,
        )


def _of_call(versions: list[StoredVersion], asked: Registration) -> list[StoredVersion]:
    """Those that this very call has made, newest first."""
    return [each for each in versions if each.operation_id == asked.operation_id]
