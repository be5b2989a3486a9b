"""Mutants of the model registry: listings, what is missing, and the bytes of files."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from mlops_core.errors import (
    AliasNotFoundError,
    ArtifactNotFoundError,
    IntegrityError,
    ModelNotFoundError,
    NotFoundError,
    VersionNotFoundError,
)

from .registry_base import RegistryMutant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_core.ports.model_registry import ModelVersion, PinnedVersion, RegisteredModel
    from mlops_core.stores.memory.model_registry import MemoryRegistryState


class ListingHasNoAliases(RegistryMutant):
    """The versions of a listing come without their aliases."""

    def listed(self, model: str) -> Iterator[ModelVersion]:
        return (replace(each, aliases=()) for each in super().listed(model))


class ModelsHaveNoAliases(RegistryMutant):
    """The models of a listing come without their aliases."""

    def models(self) -> Iterator[RegisteredModel]:
        return (replace(each, aliases={}) for each in super().models())


class AliasesAreNotSorted(RegistryMutant):
    """A version's aliases come in any order."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, aliases=record.aliases[::-1])


class OnePageOfVersions(RegistryMutant):
    """Only the first page of versions is listed."""

    def listed(self, model: str) -> Iterator[ModelVersion]:
        return islice(super().listed(model), 20)


class OnePageOfModels(RegistryMutant):
    """Only the first page of models is listed."""

    def models(self) -> Iterator[RegisteredModel]:
        return islice(super().models(), 20)


class VersionsOldestFirst(RegistryMutant):
    """Versions are listed as the vendor lists them, oldest first."""

    def listed(self, model: str) -> Iterator[ModelVersion]:
        return reversed(list(super().listed(model)))


class VersionsInOrderOfText(RegistryMutant):
    """Numbers are sorted as text: 9 comes before 10."""

    def listed(self, model: str) -> Iterator[ModelVersion]:
        return iter(sorted(super().listed(model), key=lambda each: str(each.version), reverse=True))


class ModelsAsTheyWereMade(RegistryMutant):
    """Models are listed in the order in which they were made."""

    def models(self) -> Iterator[RegisteredModel]:
        listed = {each.name: each for each in super().models()}
        return (listed[name] for name in self.state.models)


class ModelsWithoutVersionsAreLeftOut(RegistryMutant):
    """A model whose versions were all deleted is not listed."""

    def models(self) -> Iterator[RegisteredModel]:
        return (each for each in super().models() if self.state.models[each.name].versions)


class ListingIsACopyOfBefore(RegistryMutant):
    """What was listed once is listed again, until this instance registers something."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self._listed: dict[str, tuple[int, list[ModelVersion]]] = {}

    def listed(self, model: str) -> Iterator[ModelVersion]:
        now = list(super().listed(model))
        highest = self.state.models[model].highest
        if self._listed.get(model, (0, now))[0] != highest:
            self._listed[model] = (highest, now)
        return iter(self._listed[model][1])


class AliasIsRemembered(RegistryMutant):
    """An alias that was resolved once is not looked up again, until this instance sets one."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self._resolved: dict[tuple[str, str], PinnedVersion] = {}

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        before = self._resolved.get((model, alias))
        if before is not None and self.state.models.get(model) and alias in self.state.models[model].aliases:
            return before
        self._resolved[model, alias] = super().resolve(model, alias)
        return self._resolved[model, alias]


class RecordIsRemembered(RegistryMutant):
    """A record that was read once is not read again."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self._read: dict[tuple[str, int], ModelVersion] = {}

    def get(self, model: str, version: int, /) -> ModelVersion:
        found = super().get(model, version)
        return self._read.setdefault((model, version), found)


class MissingVersionIsAMissingModel(RegistryMutant):
    """What is not there is a model, whatever it is."""

    def get(self, model: str, version: int, /) -> ModelVersion:
        try:
            return super().get(model, version)
        except VersionNotFoundError as exc:
            raise ModelNotFoundError(exc.what, why=exc.why) from exc


class MissingAliasIsAMissingVersion(RegistryMutant):
    """An alias that is not there is said to be a version."""

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        try:
            return super().resolve(model, alias)
        except AliasNotFoundError as exc:
            raise VersionNotFoundError(exc.what, why=exc.why) from exc


class MissingIsTheGeneralError(RegistryMutant):
    """What is missing is not said more exactly."""

    def latest(self, model: str, /) -> PinnedVersion:
        try:
            return super().latest(model)
        except NotFoundError as exc:
            raise NotFoundError(exc.what, why=exc.why) from exc


class VendorsErrorEscapes(RegistryMutant):
    """A missing model is the vendor's own ``KeyError``."""

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        if model not in self.state.models:
            raise KeyError(model)
        return super().resolve(model, alias)


class UnknownModelHasNoVersions(RegistryMutant):
    """Listing the versions of a model that is not there gives nothing."""

    def listed(self, model: str) -> Iterator[ModelVersion]:
        return super().listed(model) if model in self.state.models else iter(())


class TrueIsAVersion(RegistryMutant):
    """``True`` is taken for the number 1."""

    def get(self, model: str, version: int, /) -> ModelVersion:
        return super().get(model, int(version))


class NamesAreFolded(RegistryMutant):
    """A name is looked up without regard to case."""

    def get(self, model: str, version: int, /) -> ModelVersion:
        names = {name.lower(): name for name in self.state.models}
        return super().get(names.get(model.lower(), model), version)


class ForeignNamesAreRefused(RegistryMutant):
    """A model whose name breaks the grammar cannot be read, though the vendor has it."""

    def listed(self, model: str) -> Iterator[ModelVersion]:
        if not model.isascii() or model != model.lower():
            raise ModelNotFoundError(f"no model {model!r}")
        return super().listed(model)


class ForeignNamesAreNotListed(RegistryMutant):
    """Models whose names break the grammar are left out of the listing."""

    def models(self) -> Iterator[RegisteredModel]:
        return (each for each in super().models() if each.name.isascii() and each.name == each.name.lower())


class LatestBytesAreServed(RegistryMutant):
    """The files of the latest version are given, whichever was asked for."""

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        super().open(version, path).close()
        return super().open(self.latest(version.model), path)


class BytesAreCutOff(RegistryMutant):
    """Files are given up to a length that the vendor's buffer has."""

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        with super().open(version, path) as stream:
            return io.BytesIO(stream.read(10_000))


class LineEndsAreChanged(RegistryMutant):
    """Text files come with the line ends of this machine."""

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        with super().open(version, path) as stream:
            return io.BytesIO(stream.read().replace(b"\r\n", b"\n"))


class FileNamesAreFlattened(RegistryMutant):
    """Files are kept under the last part of their paths."""

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        stored = self.state.models.get(version.model)
        files = stored.versions[version.version].files if stored and version.version in stored.versions else {}
        twins = [each for each in files if each.rpartition("/")[2] == path.rpartition("/")[2]]
        return super().open(version, twins[0] if twins else path)


class MissingFileIsEmpty(RegistryMutant):
    """A file that the version does not have is given as an empty one."""

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        try:
            return super().open(version, path)
        except ArtifactNotFoundError:
            return io.BytesIO()


class ForeignFilesBreakTheVersion(RegistryMutant):
    """A file that the manifest does not name makes the version unreadable."""

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        stored = self.state.models.get(version.model)
        if stored is not None and version.version in stored.versions:
            found = stored.versions[version.version]
            if len(found.files) > len(found.record.manifest.files) + 1:
                raise IntegrityError("a file is not in the manifest")
        return super().open(version, path)


class StaleDigestIsOpened(RegistryMutant):
    """The digest of what is opened is not compared: after a model was made anew, another package is given."""

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        stored = self.state.models.get(version.model)
        if stored is not None and version.version in stored.versions:
            version = replace(version, digest=stored.versions[version.version].record.digest)
        return super().open(version, path)
