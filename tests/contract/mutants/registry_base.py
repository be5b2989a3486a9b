"""What mutants of the model registry are made of: the memory registry, with places where a bug can be put."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypedDict

from mlops_core.stores.memory.model_registry import MemoryModelRegistry, MemoryRegistryState
from mlops_core.testing import RegistryUnderTest

from ..memory_back_doors import RegistryBackDoor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops_core.manifest import Package
    from mlops_core.ports.model_registry import IfExists, ModelVersion, Origin

SECRET: Final = "hunter2-and-more"
"""What every mutant was opened with."""
_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_METRICS: Final[Mapping[str, float]] = MappingProxyType({})


class Arguments(TypedDict):
    """What ``register`` is given beside model and package."""

    operation_id: str
    if_exists: IfExists
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    run: str | None
    commit: str | None
    origin: Origin | None


class RegistryMutant(MemoryModelRegistry):
    """No bug: the methods that most mutants change, under names that have no signature to keep."""

    def __init__(self, state: MemoryRegistryState) -> None:
        super().__init__(state=state)
        self.state = state

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
        asked = Arguments(
            operation_id=operation_id,
            if_exists=if_exists,
            tags=tags,
            metrics=metrics,
            run=run,
            commit=commit,
            origin=origin,
        )
        return self.answered(self.registering(model, package, asked))

    def get(self, model: str, version: int, /) -> ModelVersion:
        return self.answered(super().get(model, version))

    def versions(self, model: str, /) -> Iterator[ModelVersion]:
        for each in self.listed(model):
            yield self.answered(each)

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        """What ``register`` does."""
        return super().register(model, package, **asked)

    def listed(self, model: str) -> Iterator[ModelVersion]:
        """What ``versions`` lists."""
        return super().versions(model)

    def answered(self, record: ModelVersion) -> ModelVersion:
        """What is made of a record before it is given to the caller."""
        return record

    def change(self, model: str, version: int, how: Callable[[ModelVersion], ModelVersion]) -> None:
        """Change a record that is stored."""
        found = self.state.models[model].versions[version]
        found.record = how(found.record)


def subject_of(mutant: type[RegistryMutant]) -> RegistryUnderTest:
    """An empty registry of a mutant."""
    state = MemoryRegistryState()
    return RegistryUnderTest(
        registry=mutant(state), another=lambda: mutant(state), back_door=RegistryBackDoor(state), secrets=(SECRET,)
    )
