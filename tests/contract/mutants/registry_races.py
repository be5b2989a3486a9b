"""Mutants of the model registry: capabilities that are not what they say, and steps that others can come between."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mlops_core.errors import ConflictError, MlopsError, UnsupportedOperationError
from mlops_core.ports.model_registry import UNCHECKED, ModelRegistryCapability
from mlops_core.stores.memory.model_registry import MemoryRegistryState, StoredModel

from .registry_base import RegistryMutant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.manifest import Package
    from mlops_core.ports.model_registry import ModelVersion, Unchecked

    from .registry_base import Arguments

_ALL: Final = ~ModelRegistryCapability.NONE
_A_MOMENT: Final = 0.003


def _let_others_come_between() -> None:
    time.sleep(_A_MOMENT)


class UndeclaredCompareAndSetHalfWorks(RegistryMutant):
    """``expected`` is compared, and then the alias is set: not declared, and not refused."""

    @property
    def capabilities(self) -> ModelRegistryCapability:
        return _ALL & ~ModelRegistryCapability.ALIAS_COMPARE_AND_SET


class UndeclaredCompareAndSetIsIgnored(RegistryMutant):
    """``expected`` is ignored where it is not declared."""

    @property
    def capabilities(self) -> ModelRegistryCapability:
        return _ALL & ~ModelRegistryCapability.ALIAS_COMPARE_AND_SET

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        del expected
        super().set_alias(model, alias, version)


class UndeclaredCompareAndSetIsRefusedAfterwards(RegistryMutant):
    """The alias is set, then ``expected`` is refused."""

    @property
    def capabilities(self) -> ModelRegistryCapability:
        return _ALL & ~ModelRegistryCapability.ALIAS_COMPARE_AND_SET

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        super().set_alias(model, alias, version)
        if expected is not UNCHECKED:
            raise UnsupportedOperationError("no compare-and-set", operation="set_alias", why="the vendor has none")


class DeclaredCompareAndSetIsIgnored(RegistryMutant):
    """``expected`` is declared and ignored."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        del expected
        super().set_alias(model, alias, version)


class DeclaredCompareAndSetIsTwoSteps(RegistryMutant):
    """``expected`` is compared first and the alias set then."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        if expected is not UNCHECKED and model in self.state.models:
            if self.state.models[model].aliases.get(alias) != expected:
                raise ConflictError("it points elsewhere", operation="set_alias", why="somebody moved it")
            _let_others_come_between()
        super().set_alias(model, alias, version)


class ExpectedNothingIsUnchecked(RegistryMutant):
    """``expected=None`` is taken for no expectation."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        super().set_alias(model, alias, version, expected=UNCHECKED if expected is None else expected)


class DeclaredDedupIsTwoSteps(RegistryMutant):
    """Equal content is looked for first and registered then."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        if asked["if_exists"] == "return" and model in self.state.models:
            same = [each for each in self.listed(model) if each.digest == package.manifest.digest]
            if same:
                return super().registering(model, package, asked)
        _let_others_come_between()
        return super().registering(model, package, {**asked, "if_exists": "new"})


class DeclaredTagMergeIsTwoSteps(RegistryMutant):
    """Tags are read, merged, and written."""

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        try:
            before = dict(self.get(model, version).tags)
        except MlopsError:
            before = {}
        _let_others_come_between()
        super().set_tags(model, version, tags)
        merged = {key: value for key, value in {**before, **tags}.items() if value is not None}
        self.change(model, version, lambda each: replace(each, tags=merged))


class RegistrationsOverwriteEachOther(RegistryMutant):
    """The next number is read, and used a moment later."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        stored = self.state.models.get(model)
        before = stored.highest if stored else 0
        _let_others_come_between()
        same = [each for each in self.listed(model) if each.digest == package.manifest.digest] if stored else []
        if model in self.state.models and not same:
            self.state.models[model].highest = before
        return super().registering(model, package, asked)


class ConcurrentRegistrationsFail(RegistryMutant):
    """Somebody else's registration at the same moment makes this one fail with a conflict."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        stored = self.state.models.setdefault(model, StoredModel())
        before = stored.highest
        _let_others_come_between()
        if stored.highest != before:
            raise ConflictError("somebody else was faster", operation="register", why="try again")
        return super().registering(model, package, asked)


class AliasRaceFails(RegistryMutant):
    """Somebody else's move of the alias at the same moment makes this one fail with a conflict."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        before = dict(self.state.models[model].aliases) if model in self.state.models else {}
        _let_others_come_between()
        now = self.state.models[model].aliases if model in self.state.models else before
        if expected is UNCHECKED and now.get(alias) != before.get(alias):
            raise ConflictError("somebody else was faster", operation="set_alias", why="try again")
        super().set_alias(model, alias, version, expected=expected)


class OneAddressForAll(RegistryMutant):
    """The place that was opened last is everybody's."""

    current: list[MemoryRegistryState] = []  # noqa: RUF012 (this is the bug)

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state)
        self.current[:] = [state]

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        return RegistryMutant(self.current[0]).registering(model, package, asked)
