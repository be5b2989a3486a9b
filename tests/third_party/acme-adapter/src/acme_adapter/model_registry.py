"""Acme Vault as a model registry.

A package's files become uploads, and one transaction of the vault makes them a version: so a version is whole or
absent.
"""

from __future__ import annotations

import io
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import (
    AliasNotFoundError,
    ArtifactNotFoundError,
    IntegrityError,
    ModelNotFoundError,
    UnsupportedOperationError,
    VersionNotFoundError,
    near_matches,
)
from mlops_core.naming import check_alias, check_tags, check_version
from mlops_core.ports.model_registry import (
    UNCHECKED,
    ModelRegistryCapability,
    ModelVersion,
    PinnedVersion,
    RegisteredModel,
)
from mlops_core.ports.registration_values import checked_registration

from acme_adapter._records import read_files, to_notes, to_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from acme_vault import VaultClient, Version
    from mlops_core.manifest import Package
    from mlops_core.ports.model_registry import IfExists, ModelRegistry, Origin, Unchecked
    from mlops_core.ports.registration_values import Registration

    from acme_adapter._client import Calls

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_METRICS: Final[Mapping[str, float]] = MappingProxyType({})


class AcmeModelRegistry:
    """The registry of a vault. It declares no capability, because the vault has no conditional writes.

    Args:
        calls: The way to the vault.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def native(self) -> VaultClient:
        """The vendor's own client, for what the port does not offer."""
        return self._calls.client

    @property
    def capabilities(self) -> ModelRegistryCapability:
        """See :attr:`ModelRegistry.capabilities`."""
        return ModelRegistryCapability.NONE

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
        """See :meth:`ModelRegistry.register`."""
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
        # First what this very call has made, perhaps without anybody learning of it; then what is equal.
        own = self._find(asked, operation_id)
        if own is not None:
            return self._record(own)
        equal = self._find(asked, None) if if_exists == "return" else None
        if equal is not None:
            return replace(self._record(equal), reused=True)
        uploads = {path: self._upload(asked, data) for path, data in read_files(package, asked)}
        return self._record(self._create(asked, uploads))

    def get(self, model: str, version: int, /) -> ModelVersion:
        """See :meth:`ModelRegistry.get`."""
        check_version(version)
        return self._record(self._version(model, version, "get"))

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        """See :meth:`ModelRegistry.resolve`; one request."""
        found = self._calls(
            lambda client: client.get_alias(model, alias),
            what=f"cannot resolve {model}@{alias}",
            operation="resolve",
            subject=f"{model}@{alias}",
        )
        return PinnedVersion(model=model, version=found.number, digest=found.checksum)

    def latest(self, model: str, /) -> PinnedVersion:
        """See :meth:`ModelRegistry.latest`; one request."""
        for found in self._versions(model, "latest"):
            return PinnedVersion(model=model, version=found.number, digest=found.checksum)
        raise VersionNotFoundError(
            f"{model!r} has no version",
            operation="latest",
            subject=model,
            backend=self._calls.backend,
            why="all were deleted",
            hint="register a version of it",
        )

    def models(self) -> Iterator[RegisteredModel]:
        """See :meth:`ModelRegistry.models`; one request for ten models."""
        for found in self._calls.pages(
            lambda client, cursor: client.list_models(cursor),
            what="cannot list the models",
            operation="models",
            subject="",
        ):
            yield RegisteredModel(name=found.name, aliases=found.aliases)

    def versions(self, model: str, /) -> Iterator[ModelVersion]:
        """See :meth:`ModelRegistry.versions`; one request for ten versions."""
        for found in self._versions(model, "versions"):
            yield self._record(found)

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        """See :meth:`ModelRegistry.set_alias`; ``expected`` is refused."""
        check_alias(alias)
        check_version(version)
        if expected is not UNCHECKED:
            raise UnsupportedOperationError(
                f"alias {alias!r} of {model!r} was not moved",
                operation="set_alias",
                subject=f"{model}@{alias}",
                backend=self._calls.backend,
                why="the vault cannot compare and set in one step",
                hint="leave out expected, or use a backend that declares ALIAS_COMPARE_AND_SET",
            )
        self._calls(
            lambda client: client.put_alias(model, alias, version),
            what=f"cannot point {model}@{alias} at version {version}",
            operation="set_alias",
            subject=f"{model}@{alias}",
        )

    def delete_alias(self, model: str, alias: str, /) -> None:
        """See :meth:`ModelRegistry.delete_alias`."""
        self._drop(lambda client: client.drop_alias(model, alias), f"{model}@{alias}", "delete_alias")

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        """See :meth:`ModelRegistry.set_tags`; read, merged and written, since the vault replaces all tags at once."""
        check_version(version)
        check_tags(tags, removing=True)
        before = self._version(model, version, "set_tags").tags
        merged = {**before, **tags}
        after = {key: value for key, value in merged.items() if value is not None}
        self._calls(
            lambda client: client.replace_tags(model, version, after),
            what=f"cannot tag {model}:{version}",
            operation="set_tags",
            subject=f"{model}:{version}",
        )

    def delete_version(self, model: str, version: int, /) -> None:
        """See :meth:`ModelRegistry.delete_version`."""
        check_version(version)
        self._drop(lambda client: client.delete_version(model, version), f"{model}:{version}", "delete_version")

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        """See :meth:`ModelRegistry.delete_model`."""
        try:
            self._drop(lambda client: client.delete_model(model, cascade=force), model, "delete_model")
        except ModelNotFoundError:
            return

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        """See :meth:`ModelRegistry.open`; two requests."""
        check_version(version.version)
        subject = f"{version.model}:{version.version}"
        found = self._version(version.model, version.version, "open")
        if found.checksum != version.digest:
            raise VersionNotFoundError(
                f"{subject} is another package now",
                operation="open",
                subject=subject,
                backend=self._calls.backend,
                why="the model was deleted and made again",
                hint="resolve it again",
            )
        paths = self._record(found).manifest.paths
        if path not in paths:
            raise ArtifactNotFoundError(
                f"{subject} holds no {path!r}",
                operation="open",
                subject=subject,
                backend=self._calls.backend,
                why=f"it holds {', '.join(paths)}",
                hint=near_matches(path, paths),
            )
        try:
            data = self._calls(
                lambda client: client.read_file(version.model, version.version, path),
                what=f"cannot read {path!r} of {subject}",
                operation="open",
                subject=subject,
            )
        except ArtifactNotFoundError as exc:
            hint = 'register the model again with if_exists="new"'
            raise IntegrityError(f"{path!r} of {subject} is missing", where=exc.where, why=exc.why, hint=hint) from exc
        return io.BytesIO(data)

    def _find(self, asked: Registration, operation_id: str | None) -> Version | None:
        """The highest live version of the same digest; with an operation id, the one that this call has made."""
        try:
            page = self._calls(
                lambda client: client.list_versions(asked.model, checksum=asked.digest, external_id=operation_id),
                what=f"cannot look for versions of {asked.model!r}",
                operation="register",
                subject=asked.model,
            )
        except ModelNotFoundError:
            return None
        return page.items[0] if page.items else None

    def _upload(self, asked: Registration, data: bytes) -> str:
        # Made again after a lost reply it leaves an upload that no version names, which the vault sweeps away.
        return self._calls(
            lambda client: client.upload(data),
            what=f"cannot store the files of {asked.model!r}",
            operation="register",
            subject=asked.model,
        )

    def _create(self, asked: Registration, uploads: Mapping[str, str]) -> Version:
        return self._calls(
            lambda client: client.create_version(
                asked.model,
                uploads,
                notes=to_notes(asked),
                checksum=asked.digest,
                external_id=asked.operation_id,
                tags=asked.tags,
            ),
            done=lambda: self._find(asked, asked.operation_id),
            what=f"cannot register a version of {asked.model!r}",
            operation="register",
            subject=asked.model,
        )

    def _version(self, model: str, version: int, operation: str) -> Version:
        return self._calls(
            lambda client: client.get_version(model, version),
            what=f"cannot read {model}:{version}",
            operation=operation,
            subject=f"{model}:{version}",
        )

    def _versions(self, model: str, operation: str) -> Iterator[Version]:
        return self._calls.pages(
            lambda client, cursor: client.list_versions(model, cursor),
            what=f"cannot list the versions of {model!r}",
            operation=operation,
            subject=model,
        )

    def _drop(self, request: Callable[[VaultClient], None], subject: str, operation: str) -> None:
        try:
            self._calls(request, what=f"cannot delete {subject}", operation=operation, subject=subject)
        except (AliasNotFoundError, VersionNotFoundError):
            return  # what is not there need not be removed

    def _record(self, found: Version) -> ModelVersion:
        return to_record(found, where=f"backend {self._calls.backend!r}: {found.model}:{found.number}")


if TYPE_CHECKING:
    _conforms: type[ModelRegistry] = AcmeModelRegistry
