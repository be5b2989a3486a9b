"""Promise ``the_process_stays_as_it_was``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import ALIAS, MODEL, RIVALS, raised_by, read_files, register
from mlops_core.testing.process_state import unchanged_process
from mlops_core.testing.threads import all_at_once

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import RegistryUnderTest

_EACH: Final = 3
"""How many versions each thread registers."""


class Process(ModelRegistryPart):
    """The adapter is a guest in the caller's process."""

    def test_the_process_stays_as_it_was(self, subject: RegistryUnderTest, capfd: pytest.CaptureFixture[str]) -> None:
        """Opening an instance and calling every method changes nothing that the process has only once, and prints none.

        If this fails: pass addresses, credentials and time-outs as arguments of the vendor's client; its defaults live
        in the environment and in globals. What it prints or logs by itself has a switch.
        """
        with unchanged_process(capfd, earlier=self.changes_so_far()):
            call_every_method(subject.another())

    def test_the_process_stays_as_it_was__with_two_registries_at_once(
        self, fresh_registry: Callable[[], RegistryUnderTest]
    ) -> None:
        """Two registries of one vendor are used in turns, and each holds its own, whichever was opened last.

        If this fails: the address, the project or the credentials of the last one opened are global.
        """
        subjects = {"one": fresh_registry(), "two": fresh_registry()}
        registries = {name: each.registry for name, each in subjects.items()}
        made = {name: register(registry, name) for name, registry in registries.items()}
        for name, registry in registries.items():
            registry.set_alias(MODEL, ALIAS, made[name].version)
            registry.set_tags(MODEL, made[name].version, {"name": name})
        for name, registry in registries.items():
            assert read_files(registry, made[name])["model.bin"] == name.encode()
            assert registry.resolve(MODEL, ALIAS).digest == made[name].digest
            assert [dict(each.tags) for each in registry.versions(MODEL)] == [{"name": name}]
        registries["one"].delete_model(MODEL, force=True)
        assert registries["two"].latest(MODEL).digest == made["two"].digest
        assert list(subjects["two"].back_door.numbers(MODEL)) == [made["two"].version]

    def test_the_process_stays_as_it_was__with_several_threads(self, registry: ModelRegistry) -> None:
        """Threads share one instance: each gets its own answers.

        If this fails: the instance, or the vendor's client in it, keeps what belongs to one call; make that local, or
        one client for each thread.
        """

        def work(model: str) -> list[tuple[object, ...]]:
            seen: list[tuple[object, ...]] = []
            for each in range(_EACH):
                made = register(registry, f"{model} {each}", model=model)
                registry.set_alias(model, ALIAS, made.version)
                registry.set_tags(model, made.version, {"by": model})
                found = registry.resolve(model, ALIAS)
                record = registry.get(model, found.version)
                content = read_files(registry, record)["model.bin"]
                seen.append((found.model, content, dict(record.tags), record.aliases))
            return seen

        names = [f"m{who}" for who in range(RIVALS)]
        outcomes = all_at_once([lambda name=name: work(name) for name in names])
        expected = [
            [(name, f"{name} {each}".encode(), {"by": name}, (ALIAS,)) for each in range(_EACH)] for name in names
        ]
        assert outcomes == expected
        assert {each.name for each in registry.models()} == set(names)


def call_every_method(registry: ModelRegistry, /) -> None:
    """Call every method of the port, for success and, where it can be had, for failure.

    Whether a failure is the right one is for other tests to say.
    """
    made = [register(registry, content) for content in "aba"]
    registry.set_alias(MODEL, ALIAS, made[0].version)
    registry.set_tags(MODEL, made[0].version, {"team": "risk"})
    read_files(registry, registry.get(MODEL, registry.resolve(MODEL, ALIAS).version))
    list(registry.models())
    list(registry.versions(MODEL))
    registry.latest(MODEL)
    failing = (
        lambda: registry.get(MODEL, made[1].version + 1_000),
        lambda: registry.resolve(MODEL, "challenger"),
        lambda: registry.latest("nope"),
        lambda: registry.open(made[0], "nope"),
        lambda: registry.delete_model(MODEL),
    )
    for call in failing:
        raised_by(call)
    registry.delete_alias(MODEL, ALIAS)
    registry.delete_version(MODEL, made[1].version)
    registry.delete_model(MODEL, force=True)
