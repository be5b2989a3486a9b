"""The checks of what an author gives to the registry's contract, for fixtures that make the other tests meaningless."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import BackendError
from mlops_core.stores.memory.model_registry import MemoryModelRegistry, MemoryRegistryState
from mlops_core.testing import RegistryUnderTest, make_package
from mlops_core.testing.model_registry.fixture_checks import FixtureChecks

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.manifest import Package

_CAUGHT = (AssertionError, pytest.fail.Exception, BackendError)


class BackDoor:
    """A back door to the dictionaries of a memory registry."""

    def __init__(self, state: MemoryRegistryState) -> None:
        self._state = state

    def numbers(self, model: str, /) -> list[int]:
        found = self._state.models.get(model)
        return list(found.versions) if found else []

    def aliases(self, model: str, /) -> dict[str, int]:
        found = self._state.models.get(model)
        return dict(found.aliases) if found else {}

    def tags(self, model: str, version: int, /) -> dict[str, str]:
        return dict(self._state.models[model].versions[version].record.tags)

    def read(self, model: str, version: int, path: str, /) -> bytes:
        return self._files(model, version)[path]

    def damage(self, model: str, version: int, path: str, /) -> None:
        data = self.read(model, version, path)
        self._files(model, version)[path] = data[:-1] + bytes([data[-1] ^ 1])

    def remove(self, model: str, version: int, path: str, /) -> None:
        del self._files(model, version)[path]

    def add(self, model: str, version: int, path: str, data: bytes, /) -> None:
        self._files(model, version)[path] = data

    def move_alias(self, model: str, alias: str, version: int, /) -> None:
        self._state.models[model].aliases[alias] = version

    def make_model(self, model: str, package: Package, /) -> int:
        return MemoryModelRegistry(state=self._state).register(model, package, operation_id="by-hand").version

    def _files(self, model: str, version: int) -> dict[str, bytes]:
        return self._state.models[model].versions[version].files


class HarmsNothing(BackDoor):
    def damage(self, model: str, version: int, path: str, /) -> None:
        pass


class HarmsMore(BackDoor):
    def damage(self, model: str, version: int, path: str, /) -> None:
        self._files(model, version)[path] = b""


class RemovesNothing(BackDoor):
    def remove(self, model: str, version: int, path: str, /) -> None:
        pass


class MovesNothing(BackDoor):
    def move_alias(self, model: str, alias: str, version: int, /) -> None:
        self._state.models[model].aliases.setdefault(alias, version)


class SeesNoTags(BackDoor):
    def tags(self, model: str, version: int, /) -> dict[str, str]:
        return {}


class MakesElsewhere(BackDoor):
    def make_model(self, model: str, package: Package, /) -> int:
        return MemoryModelRegistry().register(model, package, operation_id="by-hand").version


def _subject(back_door: type[BackDoor] = BackDoor, state: MemoryRegistryState | None = None) -> RegistryUnderTest:
    state = state or MemoryRegistryState()
    return RegistryUnderTest(
        registry=MemoryModelRegistry(state=state),
        another=lambda: MemoryModelRegistry(state=state),
        back_door=back_door(state),
    )


def _used() -> RegistryUnderTest:
    subject = _subject()
    subject.registry.register("left-over", make_package(), operation_id="earlier")
    return subject


def test_an_honest_fixture_passes() -> None:
    checks = FixtureChecks()
    checks.test_fixture_gives_an_empty_registry(_subject())
    checks.test_fixture_gives_isolated_registries(_subject)
    checks.test_fixture_opens_another_on_the_same_place(_subject())
    checks.test_fixture_back_door_reads_and_writes(_subject())
    checks.test_fixture_back_door_makes_models(_subject())
    checks.test_fixture_says_what_the_vendor_differs_in()
    checks.test_signatures_are_those_of_the_port(_subject())
    checks.test_signatures_declare_capabilities(_subject())


@pytest.mark.parametrize("back_door", [HarmsNothing, HarmsMore, RemovesNothing, MovesNothing, SeesNoTags])
def test_a_back_door_that_does_something_else_is_caught(back_door: type[BackDoor]) -> None:
    with pytest.raises(_CAUGHT):
        FixtureChecks().test_fixture_back_door_reads_and_writes(_subject(back_door))


def _check_isolation(fresh: Callable[[], RegistryUnderTest]) -> None:
    FixtureChecks().test_fixture_gives_isolated_registries(fresh)


def _check_another(subject: RegistryUnderTest) -> None:
    FixtureChecks().test_fixture_opens_another_on_the_same_place(subject)


def test_a_place_that_was_used_or_is_shared_is_caught() -> None:
    one = _subject()
    calls: list[Callable[[], object]] = [
        lambda: FixtureChecks().test_fixture_gives_an_empty_registry(_used()),
        lambda: _check_isolation(lambda: one),
        lambda: _check_another(replace(one, another=lambda: one.registry)),
        lambda: _check_another(replace(one, another=MemoryModelRegistry)),
        lambda: FixtureChecks().test_fixture_back_door_makes_models(_subject(MakesElsewhere)),
    ]
    for call in calls:
        with pytest.raises(_CAUGHT):
            call()


@pytest.mark.parametrize(
    "settings",
    [{"foreign_names": ()}, {"foreign_names": ("fine", "Not Fine")}, {"foreign_names": ("A", "A")}, {"many": 3}],
)
def test_settings_that_would_prove_nothing_are_caught(settings: dict[str, object]) -> None:
    class Sloppy(FixtureChecks):
        __module__ = FixtureChecks.__module__  # no author's class, of which more would be asked

    for name, value in settings.items():
        setattr(Sloppy, name, value)
    with pytest.raises(AssertionError):
        Sloppy().test_fixture_says_what_the_vendor_differs_in()
