"""The model registry port over MLflow's registered models."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import (
    ConflictError,
    ModelNotFoundError,
    UnsupportedOperationError,
    VersionNotFoundError,
)
from mlops_core.naming import check_alias, check_tags, check_version
from mlops_core.ports.model_registry import (
    UNCHECKED,
    ModelRegistryCapability,
    RegisteredModel,
)
from mlops_core.ports.registration_values import checked_registration
from mlops_core.stores.conditional_writes import Retries

from adapter_mlflow._errors import ServerError, is_missing, telling
from adapter_mlflow._registry_client import RegistryClient
from adapter_mlflow._run_client import RunClient
from adapter_mlflow.foreign_versions import ForeignVersions
from adapter_mlflow.lookups import Lookups, can_be_an_alias
from adapter_mlflow.recent_looks import RecentLooks
from adapter_mlflow.registration import Registrar
from adapter_mlflow.version_files import VersionFiles
from adapter_mlflow.version_roots import VersionRoots

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from mlops_core.manifest import Package
    from mlops_core.ports.model_registry import IfExists, ModelRegistry, ModelVersion, Origin, PinnedVersion, Unchecked

    from adapter_mlflow._client import MlflowRestClient
    from adapter_mlflow.package_homes import PackageHomes
    from adapter_mlflow.pages import Pages

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_METRICS: Final[Mapping[str, float]] = MappingProxyType({})


class MlflowModelRegistry:
    """Versions of packages as versions of registered models. It may be used from several threads.

    A version's files lie below a run; its record lies in its tags, which are made with it in one request. What somebody
    registered with MLflow alone has no record: see :mod:`adapter_mlflow.foreign_versions`.

    Args:
        client: Asks the server.
        homes: The runs below which files lie.
        backend: The configured name, for messages.
        pages: Where people see models.
        retries: How often and how fast a version is tried to be made; and the clock.
    """

    def __init__(
        self,
        client: MlflowRestClient,
        *,
        homes: PackageHomes,
        backend: str,
        pages: Pages,
        retries: Retries | None = None,
    ) -> None:
        self._backend = backend
        self._requests = RegistryClient(client)
        retries = retries or Retries()
        self._registrar = Registrar(self._requests, client, homes, backend=backend, retries=retries)
        self._looks = RecentLooks(retries.clock)
        roots = VersionRoots(self._requests, RunClient(client))
        foreign = ForeignVersions(roots, client)
        self._find = Lookups(
            self._requests,
            registrar=self._registrar,
            foreign=foreign,
            looks=self._looks,
            backend=backend,
            pages=pages,
        )
        self._version_files = VersionFiles(
            client, find=self._find, looks=self._looks, foreign=foreign, roots=roots, backend=backend
        )

    @property
    def capabilities(self) -> ModelRegistryCapability:
        """See :attr:`ModelRegistry.capabilities`: an alias is moved without a condition, tags are set one by one."""
        return ModelRegistryCapability.ATOMIC_TAG_MERGE

    def register(
        self,
        model: str,
        package: Package,
        /,
        *,
        operation_id: str,
        if_exists: IfExists = "return",
        tags: Mapping[str, str] = _NO_TAGS,
        metrics: Mapping[str, float] = _NO_METRICS,
        run: str | None = None,
        commit: str | None = None,
        origin: Origin | None = None,
    ) -> ModelVersion:
        """See :meth:`ModelRegistry.register`.

        With n files, ``package.json`` among them: n + 1 requests for a model that this instance knows, at most n + 4
        for one that nobody knew.

        Raises:
            ConflictError: Also for the name of a prompt, which MLflow keeps among the models.
            InvalidNameError: Also for a path of which a part is too long for the server.
        """
        asked = checked_registration(
            model,
            package.manifest,
            operation_id=operation_id,
            if_exists=if_exists,
            tags=tags,
            metrics=metrics,
            run=run,
            commit=commit,
            origin=origin,
        )
        with self._telling("register", model):
            version, reused = self._registrar.register(asked, package, if_exists=if_exists)
            return replace(self._find.record(version), reused=reused)

    def get(self, model: str, version: int, /) -> ModelVersion:
        """See :meth:`ModelRegistry.get`; one request."""
        check_version(version)
        with self._telling("get", f"{model}:{version}"):
            return self._find.record(self._find.version(model, version, "get"))

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        """See :meth:`ModelRegistry.resolve`; one request."""
        with self._telling("resolve", f"{model}@{alias}"):
            self._find.check_name(model, "resolve")
            if not can_be_an_alias(alias):
                raise self._find.no_alias(self._find.model(model, "resolve"), alias)
            try:
                with self._find.refused_for_good(model, "resolve"):
                    found = self._requests.version_of_alias(model, alias)
            except ServerError as exc:
                if is_missing(exc):
                    raise self._find.no_model(model, "resolve") from exc
                if exc.code != "INVALID_PARAMETER_VALUE":
                    raise
                raise self._find.no_alias(self._find.model(model, "resolve"), alias) from exc
            return self._find.pin(self._find.seen(found, "resolve"))

    def latest(self, model: str, /) -> PinnedVersion:
        """See :meth:`ModelRegistry.latest`; one request."""
        with self._telling("latest", model):
            self._find.check_name(model, "latest")
            found = self._requests.newest_version(model)
            if found is None:
                self._find.model(model, "latest")
                raise VersionNotFoundError(
                    f"{model!r} has no version",
                    operation="latest",
                    subject=model,
                    backend=self._backend,
                    why="all were deleted",
                    hint="register a version of it",
                )
            return self._find.pin(self._find.seen(found, "latest"))

    def models(self) -> Iterator[RegisteredModel]:
        """See :meth:`ModelRegistry.models`; one request for every 1,000, all at the first step."""
        with telling("models", subject="models", backend=self._backend, what="the models could not be listed"):
            # Databases sort names by rules of their own.
            found = sorted((each.name, each) for each in self._requests.models())
        for name, each in found:
            yield RegisteredModel(name=name, aliases=dict(each.aliases), url=self._find.url(name))

    def versions(self, model: str, /) -> Iterator[ModelVersion]:
        """See :meth:`ModelRegistry.versions`; one request for the aliases, and one for every 1,000 versions.

        A version without a record is read whole, once by each instance. What cannot be read hides no other version: it
        is left out, and a warning says why.
        """
        with self._telling("versions", model):
            known = self._find.model(model, "versions")
        listing = self._requests.versions(model)
        while True:
            with self._telling("versions", model):
                found = next(listing, None)
                if found is None:
                    return
                record = self._find.listed(replace(found, aliases=known.aliases_of(found.number)))
            if record is not None:
                yield record

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        """See :meth:`ModelRegistry.set_alias`; one request for a model that this instance knows, two for another.

        Raises:
            UnsupportedOperationError: ``expected``: MLflow moves an alias without looking at it.
        """
        check_alias(alias)
        check_version(version)
        if expected is not UNCHECKED:
            raise UnsupportedOperationError(
                f"cannot compare and set {model}@{alias}",
                operation="set_alias",
                subject=f"{model}@{alias}",
                backend=self._backend,
                why="MLflow moves an alias without looking at what it points at",
                hint="leave the condition out, or use a registry that declares ALIAS_COMPARE_AND_SET, such as 'local'",
            )
        with self._telling("set_alias", f"{model}@{alias}"):
            self._find.check_is_model(model, "set_alias")
            with self._find.told_apart(model, version, "set_alias"):
                self._requests.set_alias(model, alias, self._find.possible(model, version, "set_alias"))

    def delete_alias(self, model: str, alias: str, /) -> None:
        """See :meth:`ModelRegistry.delete_alias`; one request for a model that this instance knows, two for another."""
        with self._telling("delete_alias", f"{model}@{alias}"):
            if not can_be_an_alias(alias):  # MLflow has none
                self._find.model(model, "delete_alias")
                return
            self._find.check_is_model(model, "delete_alias")
            try:
                self._requests.delete_alias(model, alias)
            except ServerError as exc:
                if not is_missing(exc):
                    raise
                raise self._find.no_model(model, "delete_alias") from exc

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        """See :meth:`ModelRegistry.set_tags`; one request to look, and one for each tag."""
        check_version(version)
        check_tags(tags, removing=True)
        with self._telling("set_tags", f"{model}:{version}"):
            self._find.version(model, version, "set_tags")
            with self._find.told_apart(model, version, "set_tags"):
                for key, value in tags.items():
                    if value is None:
                        self._requests.delete_tag(model, version, key)
                    else:
                        self._requests.set_tag(model, version, key, value)

    def delete_version(self, model: str, version: int, /) -> None:
        """See :meth:`ModelRegistry.delete_version`; two requests. Its files stay where they are, as MLflow does it."""
        check_version(version)
        with self._telling("delete_version", f"{model}:{version}"):
            try:
                self._find.version(model, version, "delete_version")
                self._requests.delete_version(model, version)
            except VersionNotFoundError:
                return
            except ServerError as exc:
                if not is_missing(exc):
                    raise
            finally:
                self._looks.forget(model, version)

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        """See :meth:`ModelRegistry.delete_model`; two requests. Whether it has versions is looked at before."""
        with self._telling("delete_model", model):
            try:
                found = self._find.model(model, "delete_model")
            except ModelNotFoundError:
                return
            if found.newest and not force:
                numbers = ", ".join(str(each.number) for each in found.newest)
                raise ConflictError(
                    f"{model!r} was not deleted",
                    operation="delete_model",
                    subject=model,
                    backend=self._backend,
                    why=f"it has live versions, up to {numbers}",
                    hint="delete them first, or pass force=True",
                )
            try:
                self._requests.delete_model(model)
            except ServerError as exc:
                if not is_missing(exc):
                    raise
            finally:
                self._find.forget(model)

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        """See :meth:`ModelRegistry.open`.

        One request for a version that this instance has looked at in the last minute, once for each of its files; none
        for ``package.json`` then. Two for another.
        """
        check_version(version.version)
        with self._telling("open", f"{version.model}:{version.version}"):
            return self._version_files.open(version, path)

    def _telling(self, operation: str, subject: str) -> AbstractContextManager[None]:
        return telling(operation, subject=subject, backend=self._backend)


if TYPE_CHECKING:
    _conforms: type[ModelRegistry] = MlflowModelRegistry
