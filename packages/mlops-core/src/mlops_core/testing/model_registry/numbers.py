"""Promise ``numbers_increase_and_are_never_reused``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import MODEL, register

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import ModelRegistryBackDoor


class Numbers(ModelRegistryPart):
    """The numbers of versions."""

    def test_numbers_increase_and_are_never_reused(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor
    ) -> None:
        """Versions are integers, strictly increasing in the order of registration, the same through the back door.

        If this fails: give the vendor's own number, as an ``int``, and not one that the adapter counts by itself.
        """
        numbers = [register(registry, content).version for content in "abc"]
        assert all(type(each) is int for each in numbers)
        assert numbers == sorted(set(numbers))
        assert sorted(back_door.numbers(MODEL)) == numbers

    def test_numbers_increase_and_are_never_reused__after_the_highest_was_deleted(
        self, registry: ModelRegistry
    ) -> None:
        """The number of a deleted version is never given again, not even the highest one.

        If this fails: the next number is taken from the versions that are left; keep a counter or a tombstone.
        """
        first, second = register(registry, "a"), register(registry, "b")
        registry.delete_version(MODEL, second.version)
        third = register(registry, "c")
        assert first.version < second.version < third.version

    def test_numbers_increase_and_are_never_reused__after_all_were_deleted(self, registry: ModelRegistry) -> None:
        """A model without live versions goes on counting where it was.

        If this fails: the model, or its counter, is dropped with its last version.
        """
        before = [register(registry, content).version for content in "ab"]
        for number in before:
            registry.delete_version(MODEL, number)
        assert register(registry, "c").version > max(before)

    def test_numbers_increase_and_are_never_reused__each_model_by_itself(self, registry: ModelRegistry) -> None:
        """What happens to one model leaves the numbers of another alone.

        If this fails: number and model are mixed up; a version is named by both.
        """
        numbers = {model: [register(registry, each, model=model).version for each in "ab"] for model in ("x", "y")}
        registry.delete_version("x", numbers["x"][0])
        assert [each.version for each in registry.versions("x")] == numbers["x"][1:]
        assert [each.version for each in registry.versions("y")] == numbers["y"][::-1]
