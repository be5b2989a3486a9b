"""Promise ``listings_are_complete_and_current``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import ALIAS, MODEL, register

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import RegistryUnderTest


class Listings(ModelRegistryPart):
    """Models and versions, all of them, as they are now."""

    def test_listings_are_complete_and_current__versions(self, subject: RegistryUnderTest) -> None:
        """Every live version, newest first by number, aliases complete, however many pages the vendor needs.

        If this fails: follow the vendor's pages to the end; sort numbers as numbers; join aliases if its listing has
        none.
        """
        registry = subject.registry
        numbers = [register(registry, f"{each}").version for each in range(self.many)]
        gone = numbers.pop(1)
        registry.delete_version(MODEL, gone)
        registry.set_alias(MODEL, "oldest", numbers[0])
        registry.set_alias(MODEL, "newest", numbers[-1])
        registry.set_alias(MODEL, "also-newest", numbers[-1])
        expected: list[tuple[int, tuple[str, ...]]] = [(number, ()) for number in reversed(numbers)]
        expected[0] = (numbers[-1], ("also-newest", "newest"))
        expected[-1] = (numbers[0], ("oldest",))
        for instance in (registry, subject.another()):
            assert [(each.version, each.aliases) for each in instance.versions(MODEL)] == expected
        assert sorted(subject.back_door.numbers(MODEL)) == numbers

    def test_listings_are_complete_and_current__models(self, subject: RegistryUnderTest) -> None:
        """Every model, in order of name, aliases complete, however many pages the vendor needs.

        If this fails: follow the vendor's pages to the end, and sort by name, character by character.
        """
        registry = subject.registry
        names = [f"m{each}" for each in range(self.many - 4)] + ["a-b", "a", "a.b", "a_b"]
        numbers = {name: register(registry, model=name).version for name in names}
        for name in ("a-b", "m10"):
            registry.set_alias(name, ALIAS, numbers[name])
            registry.set_alias(name, "best", numbers[name])
        expected = [
            (name, {ALIAS: numbers[name], "best": numbers[name]} if name in {"a-b", "m10"} else {})
            for name in sorted(names)
        ]
        for instance in (registry, subject.another()):
            assert [(each.name, each.aliases) for each in instance.models()] == expected

    def test_listings_are_complete_and_current__iterators(self, registry: ModelRegistry) -> None:
        """A listing is an iterator, which may be left half way, and two may be read in turns.

        If this fails: write the method as a generator that keeps its place by itself.
        """
        for each in range(3):
            register(registry, f"{each}")
        for listing in (registry.versions(MODEL), registry.models()):
            assert iter(listing) is listing
        left = registry.versions(MODEL)
        newest = next(left)
        one, two = registry.versions(MODEL), registry.versions(MODEL)
        pairs = [(next(one).version, next(two).version) for _ in range(3)]
        assert pairs[0] == (newest.version, newest.version)
        assert [number for number, _ in pairs] == sorted((number for number, _ in pairs), reverse=True)
        assert [next(one, None), next(two, None)] == [None, None]

    def test_listings_are_complete_and_current__of_nothing(self, registry: ModelRegistry) -> None:
        """No models in an empty registry; no versions, and a model still, once all of them were deleted.

        If this fails: an empty listing is an empty iterator, not an error; only a missing model is one.
        """
        assert list(registry.models()) == []
        made = register(registry)
        registry.delete_version(MODEL, made.version)
        assert list(registry.versions(MODEL)) == []
        assert [(each.name, each.aliases) for each in registry.models()] == [(MODEL, {})]

    def test_listings_are_complete_and_current__after_every_change(self, subject: RegistryUnderTest) -> None:
        """What one call has done every later call sees, on another instance too.

        If this fails: something is remembered between calls, or the vendor's search lags behind its writes; read from
        where it was written.
        """
        writer, reader = subject.registry, subject.another()

        def seen() -> list[tuple[str, dict[str, int], list[tuple[int, tuple[str, ...], dict[str, str]]]]]:
            return [
                (
                    each.name,
                    dict(each.aliases),
                    [(version.version, version.aliases, dict(version.tags)) for version in reader.versions(each.name)],
                )
                for each in reader.models()
            ]

        assert seen() == []
        first = register(writer, "a").version
        assert seen() == [(MODEL, {}, [(first, (), {})])]
        writer.set_alias(MODEL, ALIAS, first)
        assert seen() == [(MODEL, {ALIAS: first}, [(first, (ALIAS,), {})])]
        second = register(writer, "b").version
        writer.set_alias(MODEL, ALIAS, second)
        assert seen() == [(MODEL, {ALIAS: second}, [(second, (ALIAS,), {}), (first, (), {})])]
        writer.set_tags(MODEL, first, {"team": "risk"})
        assert seen() == [(MODEL, {ALIAS: second}, [(second, (ALIAS,), {}), (first, (), {"team": "risk"})])]
        writer.delete_version(MODEL, second)
        assert seen() == [(MODEL, {}, [(first, (), {"team": "risk"})])]
        writer.set_alias(MODEL, ALIAS, first)
        writer.delete_alias(MODEL, ALIAS)
        assert seen() == [(MODEL, {}, [(first, (), {"team": "risk"})])]
        writer.delete_model(MODEL, force=True)
        assert seen() == []
