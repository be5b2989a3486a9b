"""Mutants of the model registry: what a version's record says, its number, its name, and what registering does."""

from __future__ import annotations

import math
import struct
import time
from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING

from mlops_core.errors import BackendUnavailableError, InvalidNameError, MlopsError
from mlops_core.manifest import MANIFEST_FILE
from mlops_core.ports.model_registry import PinnedVersion
from mlops_core.stores.memory.model_registry import StoredVersion
from mlops_core.testing import make_package

from .registry_base import RegistryMutant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.manifest import Package
    from mlops_core.ports.model_registry import ModelVersion

    from .registry_base import Arguments


class NumberIsReusedAfterDelete(RegistryMutant):
    """The next number is the highest live one and one more."""

    def delete_version(self, model: str, version: int, /) -> None:
        super().delete_version(model, version)
        stored = self.state.models[model]
        stored.highest = max(stored.versions, default=0)


class NumbersStartAnewWhenAllAreDeleted(RegistryMutant):
    """A model without versions counts from the beginning."""

    def delete_version(self, model: str, version: int, /) -> None:
        super().delete_version(model, version)
        if not self.state.models[model].versions:
            self.state.models[model].highest = 0


class LatestByTime(RegistryMutant):
    """The latest version is the one of the latest second; of several, the first."""

    def latest(self, model: str, /) -> PinnedVersion:
        super().latest(model)
        records = [found.record for _, found in sorted(self.state.models[model].versions.items())]
        newest = max(records, key=lambda each: each.created_at.replace(microsecond=0))
        return PinnedVersion(model=model, version=newest.version, digest=newest.digest)


class LatestIsTheOneTouchedLast(RegistryMutant):
    """Setting tags makes a version the latest."""

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        super().set_tags(model, version, tags)
        versions = self.state.models[model].versions
        versions[version] = versions.pop(version)

    def latest(self, model: str, /) -> PinnedVersion:
        super().latest(model)
        newest = list(self.state.models[model].versions.values())[-1].record
        return PinnedVersion(model=model, version=newest.version, digest=newest.digest)


class DigestOfSomethingElse(RegistryMutant):
    """The digest is not the package's, but one of the vendor's own."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, digest=record.digest[::-1])


class SameContentIsAlwaysMadeAnew(RegistryMutant):
    """``if_exists`` is ignored: each call makes a version."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        return super().registering(model, package, {**asked, "if_exists": "new"})


class SameContentIsAlwaysGivenBack(RegistryMutant):
    """``if_exists`` is ignored: equal content never makes a second version."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        return super().registering(model, package, {**asked, "if_exists": "return"})


class LowestOfTheSameContentIsGivenBack(RegistryMutant):
    """Of several versions of one digest the first is given back."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        answer = super().registering(model, package, asked)
        if not answer.reused:
            return answer
        same = [each for each in self.listed(model) if each.digest == answer.digest]
        return replace(same[-1], reused=True)


class ReusedIsNeverSaid(RegistryMutant):
    """A version that was there before looks like a new one."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, reused=False)


class ReusingChangesTheVersion(RegistryMutant):
    """Registering the same content again writes its tags over those of the version that is given back."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        answer = super().registering(model, package, asked)
        if answer.reused:
            self.change(model, answer.version, lambda each: replace(each, tags=dict(asked["tags"])))
        return answer


class ContentIsComparedAcrossModels(RegistryMutant):
    """A version of another model is given back if it has the same content."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        for other in list(self.state.models):
            for each in self.listed(other):
                if other != model and asked["if_exists"] == "return" and each.digest == package.manifest.digest:
                    return replace(each, reused=True)
        return super().registering(model, package, asked)


class OperationIdIsLost(RegistryMutant):
    """The record has an operation id of the adapter's own."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, operation_id="op-1")


class OperationMakesTwo(RegistryMutant):
    """The same operation id makes a second version."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        answer = super().registering(model, package, {**asked, "operation_id": f"{time.monotonic_ns()}"})
        self.change(model, answer.version, lambda each: replace(each, operation_id=asked["operation_id"]))
        return replace(answer, operation_id=asked["operation_id"])


class RunIsLost(RegistryMutant):
    """The run that made a version is not kept."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, run=None)


class OriginIsLost(RegistryMutant):
    """Where a version was copied from is not kept."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, origin=None)


class NanIsLost(RegistryMutant):
    """A metric that is NaN is left out."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, metrics={key: value for key, value in record.metrics.items() if value == value})  # noqa: PLR0124


class InfinityIsClipped(RegistryMutant):
    """An infinite metric is the largest double."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        largest = 1.7976931348623157e308
        clipped = {
            key: math.copysign(largest, each) if math.isinf(each) else each for key, each in record.metrics.items()
        }
        return replace(record, metrics=clipped)


class MetricsAreSinglePrecision(RegistryMutant):
    """A metric is kept in 32 bits."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        def single(value: float) -> float:
            return struct.unpack("f", struct.pack("f", value))[0] if abs(value) < 1e38 else value

        return replace(record, metrics={key: single(each) for key, each in record.metrics.items()})


class TagValuesAreTruncated(RegistryMutant):
    """A tag's value has at most 250 characters."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, tags={key: value[:250] for key, value in record.tags.items()})


class TagValuesAreStripped(RegistryMutant):
    """White space around a tag's value is lost."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, tags={key: value.strip() for key, value in record.tags.items()})


class EmptyTagsAreLost(RegistryMutant):
    """A tag whose value is empty is not kept."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, tags={key: value for key, value in record.tags.items() if value})


class TimeWithoutZone(RegistryMutant):
    """``created_at`` is naive."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, created_at=record.created_at.replace(tzinfo=None))


class TimeInALocalZone(RegistryMutant):
    """``created_at`` is aware, and not in UTC."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, created_at=record.created_at.astimezone(timezone(timedelta(hours=2))))


class LocalTimeCalledUtc(RegistryMutant):
    """``created_at`` is local time with the zone of UTC stuck on it."""

    def answered(self, record: ModelVersion) -> ModelVersion:
        return replace(record, created_at=record.created_at + timedelta(hours=2))


class NameIsStripped(RegistryMutant):
    """White space around a model's name is forgiven."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        return super().registering(model.strip(), package, asked)


class NameIsLowered(RegistryMutant):
    """A model's name is made lower case instead of being refused."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        return super().registering(model.lower(), package, asked)


class AnyNameIsTaken(RegistryMutant):
    """What the vendor takes for a name is taken, whatever the grammar says."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        try:
            return super().registering(model, package, asked)
        except InvalidNameError as exc:
            if "cannot name a model" not in exc.what:
                raise
        answer = super().registering("taken", package, asked)
        self.state.models[model] = self.state.models.pop("taken")
        self.change(model, answer.version, lambda each: replace(each, model=model))
        return replace(answer, model=model)


class PackageIsNotVerified(RegistryMutant):
    """A file is stored as it comes, whatever the manifest says of it."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        try:
            return super().registering(model, package, asked)
        except MlopsError as exc:
            if isinstance(exc, InvalidNameError):
                raise
        wrong = make_package(f"placeholder of {package.manifest.digest}")
        answer = super().registering(model, wrong, asked)
        self.change(
            model, answer.version, lambda each: replace(each, manifest=package.manifest, digest=package.manifest.digest)
        )
        return self.get(model, answer.version)


class VersionIsVisibleBeforeItsFiles(RegistryMutant):
    """The record is written first, and stays if the files cannot be read."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        wrong = make_package(f"placeholder of {package.manifest.digest}")
        answer = super().registering(model, wrong, asked)
        if answer.reused:
            return answer
        self.change(
            model, answer.version, lambda each: replace(each, manifest=package.manifest, digest=package.manifest.digest)
        )
        files: dict[str, bytes] = {}
        for path in [MANIFEST_FILE, *(each.path for each in package.manifest.files)]:
            with package.open(path) as stream:
                files[path] = stream.read()
        stored = self.state.models[model]
        stored.versions[answer.version] = StoredVersion(record=stored.versions[answer.version].record, files=files)
        return self.get(model, answer.version)


class BugIsDressedUp(RegistryMutant):
    """Whatever goes wrong is called an unavailable backend."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        try:
            return super().registering(model, package, asked)
        except MlopsError:
            raise
        except Exception as exc:
            raise BackendUnavailableError("the vendor failed", why=str(exc)) from exc
