"""The capability tests of the registry's contract, for adapters that declare less than they could, or more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from mlops_core.errors import UnsupportedOperationError
from mlops_core.ports.model_registry import UNCHECKED, ModelRegistryCapability
from mlops_core.stores.memory.model_registry import MemoryModelRegistry, MemoryRegistryState
from mlops_core.testing import RegistryUnderTest
from mlops_core.testing.model_registry.capabilities import Capabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_core.ports.model_registry import ModelVersion, Unchecked
    from mlops_core.testing import ModelRegistryBackDoor

_MOMENT = 0.005


class Modest(MemoryModelRegistry):
    """Declares nothing, and refuses what it does not declare."""

    @property
    def capabilities(self) -> ModelRegistryCapability:
        return ModelRegistryCapability.NONE

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        if expected is not UNCHECKED:
            raise UnsupportedOperationError("no", operation="set_alias")
        super().set_alias(model, alias, version)


class HalfWorking(Modest):
    """Takes an expectation that holds, although it declares nothing."""

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        MemoryModelRegistry.set_alias(self, model, alias, version, expected=expected)


class LooksFirst(MemoryModelRegistry):
    """Declares everything, and does it in two steps: it looks, and writes a moment later."""

    def register(self, *args: Any, **kwargs: Any) -> ModelVersion:
        digest = args[1].manifest.digest
        listed = args[0] in {each.name for each in self.models()} and list(self.versions(args[0]))
        found = next((each for each in listed or [] if each.digest == digest), None)
        time.sleep(_MOMENT)
        return super().register(*args, **(kwargs if found else {**kwargs, "if_exists": "new"}))

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        there = next(each.aliases.get(alias) for each in self.models() if each.name == model)
        if expected is not UNCHECKED and there != expected:
            super().set_alias(model, alias, version, expected=expected)
        time.sleep(_MOMENT)
        super().set_alias(model, alias, version)

    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        before = dict(self.get(model, version).tags)
        time.sleep(_MOMENT)
        after = {**before, **tags}
        super().set_tags(model, version, {**dict.fromkeys(self.get(model, version).tags), **after})


class _BackDoor:
    def __init__(self, state: MemoryRegistryState) -> None:
        self._state = state

    def numbers(self, model: str, /) -> list[int]:
        return list(self._state.models[model].versions)

    def aliases(self, model: str, /) -> dict[str, int]:
        return dict(self._state.models[model].aliases)

    def tags(self, model: str, version: int, /) -> dict[str, str]:
        return dict(self._state.models[model].versions[version].record.tags)


_TESTS: list[Callable[[Capabilities, RegistryUnderTest], None]] = [
    Capabilities.test_capability_alias_compare_and_set,
    Capabilities.test_capability_atomic_dedup,
    Capabilities.test_capability_atomic_tag_merge,
]


def _subject(adapter: type[MemoryModelRegistry]) -> RegistryUnderTest:
    state = MemoryRegistryState()
    return RegistryUnderTest(
        registry=adapter(state=state),
        another=lambda: adapter(state=state),
        back_door=cast("ModelRegistryBackDoor", _BackDoor(state)),
    )


@pytest.mark.parametrize("adapter", [MemoryModelRegistry, Modest])
@pytest.mark.parametrize("test", _TESTS)
def test_who_does_what_he_declares_passes(
    test: Callable[[Capabilities, RegistryUnderTest], None], adapter: type[MemoryModelRegistry]
) -> None:
    test(Capabilities(), _subject(adapter))


@pytest.mark.parametrize("test", _TESTS)
def test_who_declares_what_he_does_in_two_steps_is_caught(
    test: Callable[[Capabilities, RegistryUnderTest], None],
) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test(Capabilities(), _subject(LooksFirst))


def test_who_half_does_what_he_does_not_declare_is_caught() -> None:
    with pytest.raises(pytest.fail.Exception, match="UnsupportedOperationError"):
        Capabilities().test_capability_alias_compare_and_set(_subject(HalfWorking))
