"""Finding a model or a version, and saying what exactly is missing: MLflow's answers leave some of it open."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mlops_core.errors import (
    AccessDeniedError,
    AliasNotFoundError,
    AuthenticationError,
    BackendUnavailableError,
    ConfigurationError,
    IntegrityError,
    ModelNotFoundError,
    VersionNotFoundError,
    near_matches,
)
from mlops_core.ports.model_registry import PinnedVersion

from adapter_mlflow._errors import MlflowError, ServerError, classify, is_missing

if TYPE_CHECKING:
    from collections.abc import Generator

    from mlops_core.manifest import Manifest
    from mlops_core.ports.model_registry import ModelVersion

    from adapter_mlflow._registry_client import RegistryClient
    from adapter_mlflow.foreign_versions import ForeignVersions
    from adapter_mlflow.pages import Pages
    from adapter_mlflow.recent_looks import Look, RecentLooks
    from adapter_mlflow.registration import Registrar
    from adapter_mlflow.version_documents import StoredModel, StoredVersion

_log = logging.getLogger(__name__)

_ALIAS: Final = re.compile(r"[\w-]{1,255}")
_LONGEST_NAME: Final = 256
_HIGHEST_VERSION: Final = 2**31 - 1
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Lookups:
    """Reads models and versions, and remembers what was seen. It may be used from several threads.

    Names and numbers that no server can have are missing without a request: some servers fail over them.

    Args:
        requests: Requests about models and versions.
        registrar: Is told what was seen.
        foreign: Versions without a record.
        looks: What was seen a moment ago.
        backend: The configured name, for messages.
        pages: Where people see models.
    """

    def __init__(
        self,
        requests: RegistryClient,
        *,
        registrar: Registrar,
        foreign: ForeignVersions,
        looks: RecentLooks,
        backend: str,
        pages: Pages,
    ) -> None:
        self._requests = requests
        self._registrar = registrar
        self._foreign = foreign
        self._looks = looks
        self._backend = backend
        self._pages = pages

    def model(self, model: str, operation: str) -> StoredModel:
        """A model; one request.

        Raises:
            ModelNotFoundError: There is none, or the name is a prompt's.
        """
        self.check_name(model, operation)
        try:
            found = self._requests.model(model)
        except ServerError as exc:
            if not is_missing(exc):
                raise
            raise self.no_model(model, operation) from exc
        if found.is_prompt:
            raise self.no_model(model, operation, why="the name is that of a prompt")
        self._registrar.learn_model(model)
        return found

    def version(self, model: str, version: int, operation: str) -> StoredVersion:
        """A version with its aliases; one request, and one more to tell what is missing.

        Raises:
            ModelNotFoundError: There is no such model.
            VersionNotFoundError: There is no such version.
        """
        self.check_name(model, operation)
        with self.told_apart(model, version, operation):
            return self.seen(self._requests.version(model, self.possible(model, version, operation)), operation)

    def seen(self, version: StoredVersion, operation: str) -> StoredVersion:
        """A version that was read, if it is one of a model, and remembered.

        Raises:
            ModelNotFoundError: It is a prompt's.
        """
        if version.is_prompt:
            raise self.no_model(version.model, operation, why="the name is that of a prompt")
        self._registrar.learn(version)
        return version

    def check_is_model(self, model: str, operation: str) -> None:
        """See that a name is no prompt's before something is changed under it; one request at first, none later."""
        if not self._registrar.is_model(model):
            self.model(model, operation)

    def check_name(self, model: str, operation: str) -> None:
        """See that a server can have a model of that name."""
        impossible = not model.strip() or len(model) > _LONGEST_NAME or model in {".", ".."}
        if impossible or any(each in "/:\0" or "\ud800" <= each <= "\udfff" for each in model):
            raise self.no_model(model, operation, why="MLflow has no models of such a name")

    def possible(self, model: str, version: int, operation: str) -> int:
        """The number of a version, if a server can have it."""
        if 0 < version <= _HIGHEST_VERSION:
            return version
        self.model(model, operation)
        raise self.no_version(model, version, operation)

    @contextmanager
    def told_apart(self, model: str, version: int, operation: str) -> Generator[None]:
        """Say whether the model or its version is missing, which the server leaves open."""
        with self.refused_for_good(model, operation):
            try:
                yield
            except ServerError as exc:
                if not is_missing(exc):
                    raise
                self._looks.forget(model, version)
                self._see_again(model, operation)
                raise self.no_version(model, version, operation) from exc

    @contextmanager
    def refused_for_good(self, model: str, operation: str) -> Generator[None]:
        """Tell a missing model from a forbidden one where a user may ask for models, but not for their versions."""
        try:
            yield
        except ServerError as exc:
            if classify(exc) is AccessDeniedError:
                self._see_again(model, operation)
            raise

    def _see_again(self, model: str, operation: str) -> None:
        try:
            self.model(model, operation)
        except ModelNotFoundError:
            self.forget(model)
            raise

    def pin(self, version: StoredVersion) -> PinnedVersion:
        """What the port says of where an alias points at."""
        digest = version.digest
        manifest: Manifest | None = None
        if digest is None:
            manifest = self._foreign.manifest(version, where=self.where(version))
            digest = manifest.digest
        elif not _SHA256.fullmatch(digest):
            why = f"its tag mlops.digest is {digest!r:.80}, which is no SHA-256"
            hint = "register the model again with if_exists='new'"
            raise IntegrityError("a version cannot be told", where=self.where(version), why=why, hint=hint)
        self._looks.remember(version, digest, manifest)
        return PinnedVersion(model=version.model, version=version.number, digest=digest)

    def record(self, version: StoredVersion) -> ModelVersion:
        """What the port says of a version; remembered for those who open its files."""
        where = self.where(version)
        if version.digest is None:
            manifest = self._foreign.manifest(version, where=where)
        else:
            manifest = version.manifest(where=where)
        self._looks.remember(version, manifest.digest, manifest)
        page = self._pages.version(version.model, version.number)
        return version.record(manifest, where=where, url=page)

    def listed(self, version: StoredVersion) -> ModelVersion | None:
        """What the port says of one version of many: ``None``, and a warning, for one that cannot be read at all."""
        try:
            return self.record(version)
        except (IntegrityError, ConfigurationError, MlflowError) as exc:
            if classify(exc) in {AuthenticationError, BackendUnavailableError}:  # another time it can
                raise
            _log.warning("%s is left out of the listing: %s", self.where(version), exc)
            return None

    def look(self, version: PinnedVersion, path: str) -> Look:
        """See that a version is there and the same; one request.

        Raises:
            ModelNotFoundError: There is no such model.
            VersionNotFoundError: There is no such version, or its number is another package now.
        """
        found = self.version(version.model, version.version, "open")
        pinned = self.pin(found)
        if pinned.digest != version.digest:
            why = "the model was deleted and made again; this number is another package now"
            raise self.no_version(version.model, version.version, "open", why=why)
        look = self._looks.take(version, path)
        return look or self._looks.remember(found, version.digest)

    def forget(self, model: str) -> None:
        """Let everything about a model be looked at anew."""
        self._looks.forget(model)
        self._registrar.forget(model)

    def where(self, version: StoredVersion) -> str:
        """The backend and a version, for messages."""
        return f"backend {self._backend!r}: {version.model}:{version.number}"

    def url(self, model: str) -> str:
        """The page of a model."""
        return self._pages.model(model)

    def no_model(self, model: str, operation: str, *, why: str = "") -> ModelNotFoundError:
        """The error for a missing model."""
        return ModelNotFoundError(
            f"no model {model!r:.80}",
            operation=operation,
            subject=model,
            backend=self._backend,
            why=why or "it was never registered here, or it was deleted",
            hint="mlops ls shows the models",
        )

    def no_version(self, model: str, version: int, operation: str, *, why: str = "") -> VersionNotFoundError:
        """The error for a missing version."""
        return VersionNotFoundError(
            f"no version {version} of {model!r}",
            operation=operation,
            subject=f"{model}:{version}",
            backend=self._backend,
            why=why or "it was never registered, or it was deleted",
            hint=f"mlops ls {model} shows its versions",
        )

    def no_alias(self, model: StoredModel, alias: str) -> AliasNotFoundError:
        """The error for a missing alias."""
        return AliasNotFoundError(
            f"no alias {alias!r:.80} of {model.name!r}",
            operation="resolve",
            subject=f"{model.name}@{alias}",
            backend=self._backend,
            why=near_matches(alias, model.aliases) or "the model has no aliases",
            hint=f"mlops ls {model.name} shows its aliases; mlops promote points one at a version",
        )


def can_be_an_alias(alias: str) -> bool:
    """Whether MLflow can have such an alias; what it calls ``latest`` is none."""
    return _ALIAS.fullmatch(alias) is not None and alias.lower() != "latest"
