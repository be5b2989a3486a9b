"""Mutants of the model registry: aliases, tags and deletion."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_core.errors import InvalidNameError, MlopsError, ModelNotFoundError, VersionNotFoundError
from mlops_core.ports.model_registry import UNCHECKED, PinnedVersion
from mlops_core.stores.memory.model_registry import MemoryRegistryState

from .registry_base import RegistryMutant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from mlops_core.ports.model_registry import ModelVersion, RegisteredModel, Unchecked


class AliasStaysAtItsOldVersion(RegistryMutant):
    """An alias that was moved is listed with its old version too."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self._once: set[tuple[str, str, int]] = set()

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        super().set_alias(model, alias, version, expected=expected)
        self._once.add((model, alias, version))

    def answered(self, record: ModelVersion) -> ModelVersion:
        was = {alias for model, alias, version in self._once if (model, version) == (record.model, record.version)}
        return replace(record, aliases=tuple(sorted({*record.aliases, *was})))


class AliasIsNotMoved(RegistryMutant):
    """An alias that is there stays where it is."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        before = dict(self.state.models[model].aliases) if model in self.state.models else {}
        super().set_alias(model, alias, version, expected=expected)
        self.state.models[model].aliases.update(before)


class AVersionHasOneAlias(RegistryMutant):
    """A second alias of a version takes the place of the first."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        super().set_alias(model, alias, version, expected=expected)
        self.state.models[model].aliases = {
            name: number
            for name, number in self.state.models[model].aliases.items()
            if name == alias or number != version
        }


class LatestIsAnAlias(RegistryMutant):
    """``latest`` can be set like any other alias."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        if alias != "latest":
            super().set_alias(model, alias, version, expected=expected)
            return
        super().set_alias(model, "for-latest", version, expected=expected)
        self.state.models[model].aliases["latest"] = self.state.models[model].aliases.pop("for-latest")


class LatestResolves(RegistryMutant):
    """``latest`` is no alias that can be set, and resolves all the same."""

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        return self.latest(model) if alias == "latest" else super().resolve(model, alias)


class AliasLikeAVersionIsTaken(RegistryMutant):
    """``v3`` is taken for an alias."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        try:
            super().set_alias(model, alias, version, expected=expected)
        except InvalidNameError:
            if not (alias[:1] == "v" and alias[1:].isdigit()):
                raise
            self.state.models[model].aliases[alias] = version


class AliasIsLowered(RegistryMutant):
    """An alias in upper case is made lower case instead of being refused."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        super().set_alias(model, alias.lower() if isinstance(alias, str) else alias, version, expected=expected)  # pyright: ignore[reportUnnecessaryIsInstance]


class AliasOfADeletedVersionIsSet(RegistryMutant):
    """An alias can be set to a version that is not there."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        try:
            super().set_alias(model, alias, version, expected=expected)
        except VersionNotFoundError:
            return


class DeletingAMissingAliasFails(RegistryMutant):
    """Removing an alias that is not there is an error."""

    def delete_alias(self, model: str, alias: str, /) -> None:
        self.resolve(model, alias)
        super().delete_alias(model, alias)


class DeletingAnAliasDeletesTheVersion(RegistryMutant):
    """The version that an alias points at goes with it."""

    def delete_alias(self, model: str, alias: str, /) -> None:
        version = self.state.models[model].aliases.get(alias) if model in self.state.models else None
        super().delete_alias(model, alias)
        if version is not None:
            super().delete_version(model, version)


class TagsAreReplaced(RegistryMutant):
    """Setting tags removes those that were not given."""

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        super().set_tags(model, version, tags)
        self.change(
            model,
            version,
            lambda each: replace(each, tags={key: value for key, value in tags.items() if value is not None}),
        )


class TagsOfAStaleReadAreWritten(RegistryMutant):
    """Tags are merged into what this instance has seen last, not into what is stored."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self._seen: dict[tuple[str, int], dict[str, str]] = {}

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        super().set_tags(model, version, tags)
        before = self._seen.get((model, version), dict(self.state.models[model].versions[version].record.tags))
        merged = {key: value for key, value in {**before, **tags}.items() if value is not None}
        self.change(model, version, lambda each: replace(each, tags=merged))
        self._seen[model, version] = merged


class NoneIsATag(RegistryMutant):
    """Removing a tag sets it to nothing."""

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        super().set_tags(model, version, {key: value or "" for key, value in tags.items()})


class TagsOfAMissingVersionAreForgotten(RegistryMutant):
    """Setting tags of a version that is not there does nothing, and says nothing."""

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        try:
            super().set_tags(model, version, tags)
        except VersionNotFoundError:
            return


class ReservedTagsAreTaken(RegistryMutant):
    """Tags that the core keeps for itself can be set."""

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        super().set_tags(model, version, {key.removeprefix("mlops."): value for key, value in tags.items()})


class AliasOfADeletedVersionStays(RegistryMutant):
    """A deleted version keeps its aliases, which resolve to it."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self._gone: dict[tuple[str, str], PinnedVersion] = {}

    def delete_version(self, model: str, version: int, /) -> None:
        if model in self.state.models:
            for alias, number in self.state.models[model].aliases.items():
                if number == version:
                    self._gone[model, alias] = super().resolve(model, alias)
        super().delete_version(model, version)

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        gone = self._gone.get((model, alias))
        return gone if gone is not None else super().resolve(model, alias)


class DeletedVersionIsStillGot(RegistryMutant):
    """A deleted version is left out of listings only."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self._gone: dict[tuple[str, int], ModelVersion] = {}

    def delete_version(self, model: str, version: int, /) -> None:
        with suppress(MlopsError):
            self._gone[model, version] = replace(super().get(model, version), aliases=())
        super().delete_version(model, version)

    def get(self, model: str, version: int, /) -> ModelVersion:
        gone = self._gone.get((model, version))
        return gone if gone is not None and model in self.state.models else super().get(model, version)


class DeletedVersionIsStillOpened(RegistryMutant):
    """The files of a deleted version can be read."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self._before = MemoryRegistryState()

    def delete_version(self, model: str, version: int, /) -> None:
        if model in self.state.models:
            found = self.state.models[model]
            self._before.models[model] = replace(found, versions=dict(found.versions))
        super().delete_version(model, version)

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        try:
            return super().open(version, path)
        except VersionNotFoundError:
            return RegistryMutant(self._before).open(version, path)


class DeletingAVersionTwiceFails(RegistryMutant):
    """Deleting a version that is not there is an error."""

    def delete_version(self, model: str, version: int, /) -> None:
        self.get(model, version)
        super().delete_version(model, version)


class DeletingAVersionOfNoModelIsFine(RegistryMutant):
    """Deleting a version of a model that is not there is no error."""

    def delete_version(self, model: str, version: int, /) -> None:
        try:
            super().delete_version(model, version)
        except ModelNotFoundError:
            return


class DeletingAMissingModelFails(RegistryMutant):
    """Deleting a model that is not there is an error."""

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        self._model(model, "delete_model")
        super().delete_model(model, force=force)


class ForceIsIgnored(RegistryMutant):
    """A model with versions is deleted without being told twice."""

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        del force
        super().delete_model(model, force=True)


class ForceIsNotEnough(RegistryMutant):
    """A model with versions is never deleted."""

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        del force
        super().delete_model(model)


class DeletedModelIsListed(RegistryMutant):
    """A deleted model stays in the listing."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self._gone: list[RegisteredModel] = []

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        before = [replace(each, aliases={}) for each in super().models() if each.name == model]
        super().delete_model(model, force=force)
        self._gone += before

    def models(self) -> Iterator[RegisteredModel]:
        listed = {each.name: each for each in (*self._gone, *super().models())}
        return iter([listed[name] for name in sorted(listed)])


class ModelComesBackWithItsAliases(RegistryMutant):
    """A model that is deleted and made again has its old aliases."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self._gone: dict[str, dict[str, int]] = {}

    def delete_model(self, model: str, /, *, force: bool = False) -> None:
        before = dict(self.state.models[model].aliases) if model in self.state.models else {}
        super().delete_model(model, force=force)
        self._gone[model] = before

    def answered(self, record: ModelVersion) -> ModelVersion:
        for alias in self._gone.pop(record.model, {}):
            self.state.models[record.model].aliases[alias] = record.version
        return record
