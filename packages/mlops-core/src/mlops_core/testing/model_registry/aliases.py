"""Promises ``an_alias_points_at_one_version`` and ``latest_is_a_method_and_no_alias``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_core.errors import AliasNotFoundError, InvalidNameError, VersionNotFoundError
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import ALIAS, MODEL, RIVALS, assert_four_parts, raised_by, register
from mlops_core.testing.threads import all_at_once, errors_of

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import ModelRegistryBackDoor, RegistryUnderTest

_READ_LIKE_VERSIONS: Final = ("latest", "v0", "v1", "v12", "0", "1", "12")
_ROUNDS: Final = 5


class Aliases(ModelRegistryPart):
    """Names that point at versions, and the one name that is none."""

    def test_an_alias_points_at_one_version(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """Moving an alias leaves the old version without it, for every reader and through the back door.

        If this fails: take the alias off the version that had it, in the same step, and look at both listings.
        """
        old, new = register(registry, "a"), register(registry, "b")
        for number in (old.version, old.version, new.version):
            registry.set_alias(MODEL, ALIAS, number)
            found = registry.resolve(MODEL, ALIAS)
            assert (found.model, found.version) == (MODEL, number)
        assert found.digest == new.digest
        assert registry.get(MODEL, old.version).aliases == ()
        assert registry.get(MODEL, new.version).aliases == (ALIAS,)
        assert [each.aliases for each in registry.versions(MODEL)] == [(ALIAS,), ()]
        assert [each.aliases for each in registry.models()] == [{ALIAS: new.version}]
        assert back_door.aliases(MODEL) == {ALIAS: new.version}

    def test_an_alias_points_at_one_version__one_version_has_many(self, registry: ModelRegistry) -> None:
        """Several aliases of one version are given in order of name, and each moves by itself.

        If this fails: setting an alias replaces the version's others, or their order is that of the vendor.
        """
        old, new = register(registry, "a"), register(registry, "b")
        for alias in ("z", "a-1", "a", "a_b"):
            registry.set_alias(MODEL, alias, old.version)
        registry.set_alias(MODEL, "z", new.version)
        assert registry.get(MODEL, old.version).aliases == ("a", "a-1", "a_b")
        assert registry.get(MODEL, new.version).aliases == ("z",)

    def test_an_alias_points_at_one_version__or_at_none(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor
    ) -> None:
        """Removing an alias removes that one only; removing what is not there is fine.

        If this fails: look at what the vendor answers for an alias that is not there, and at what else it removes.
        """
        made = register(registry)
        registry.set_alias(MODEL, ALIAS, made.version)
        registry.set_alias(MODEL, "other", made.version)
        for alias in (ALIAS, ALIAS, "never-there", "Not An Alias"):
            registry.delete_alias(MODEL, alias)
        assert raised_by(lambda: registry.resolve(MODEL, ALIAS)) is AliasNotFoundError
        assert registry.get(MODEL, made.version).aliases == ("other",)
        assert back_door.aliases(MODEL) == {"other": made.version}

    def test_an_alias_points_at_one_version__of_its_model(self, registry: ModelRegistry) -> None:
        """The same alias of two models points at two versions.

        If this fails: an alias is found by its name alone.
        """
        made = {model: register(registry, model, model=model) for model in ("one", "two")}
        for model, version in made.items():
            registry.set_alias(model, ALIAS, version.version)
        registry.delete_alias("one", ALIAS)
        found = registry.resolve("two", ALIAS)
        assert (found.version, found.digest) == (made["two"].version, made["two"].digest)

    def test_an_alias_points_at_one_version__as_it_stands_now(self, subject: RegistryUnderTest) -> None:
        """An alias that somebody else has moved or removed is seen by the next call, whatever was read before.

        If this fails: something is remembered between calls; only bytes may be, by their digest.
        """
        registry, other = subject.registry, subject.another()
        old, new = register(registry, "a"), register(registry, "b")
        registry.set_alias(MODEL, ALIAS, old.version)
        assert [each.resolve(MODEL, ALIAS).version for each in (registry, other)] == [old.version] * 2
        subject.back_door.move_alias(MODEL, ALIAS, new.version)
        for each in (registry, other):
            assert each.resolve(MODEL, ALIAS).digest == new.digest
            assert each.get(MODEL, new.version).aliases == (ALIAS,)
            assert [version.aliases for version in each.versions(MODEL)] == [(ALIAS,), ()]
        other.delete_alias(MODEL, ALIAS)
        assert raised_by(lambda: registry.resolve(MODEL, ALIAS)) is AliasNotFoundError

    def test_an_alias_points_at_one_version__and_stays_when_the_new_one_is_missing(
        self, registry: ModelRegistry
    ) -> None:
        """Setting an alias to a version that is not there leaves it where it was.

        If this fails: the alias is taken off before the new version is looked up.
        """
        made = register(registry)
        registry.set_alias(MODEL, ALIAS, made.version)
        missing = made.version + 1_000
        assert raised_by(lambda: registry.set_alias(MODEL, ALIAS, missing)) is VersionNotFoundError
        assert registry.resolve(MODEL, ALIAS).version == made.version

    def test_an_alias_points_at_one_version__after_a_race(self, subject: RegistryUnderTest) -> None:
        """Instances that set one alias at the same moment: no error, and it ends at one of the written versions.

        The first round sets an alias that was never there, which some vendors answer with an error of their own.

        If this fails: setting is not one step; or the vendor's complaint about a race has to be tried again.
        """
        instances = [subject.another() for _ in range(RIVALS)]
        numbers = [register(subject.registry, f"{each}").version for each in range(3)]
        for _ in range(_ROUNDS):
            wanted = [numbers[who % len(numbers)] for who in range(RIVALS)]
            outcomes = all_at_once(
                [
                    lambda each=each, number=number: each.set_alias(MODEL, ALIAS, number)
                    for each, number in zip(instances, wanted, strict=True)
                ]
            )
            assert errors_of(outcomes) == []
            found = subject.registry.resolve(MODEL, ALIAS).version
            assert found in numbers
            holders = [each.version for each in subject.registry.versions(MODEL) if ALIAS in each.aliases]
            assert holders == [found]
            assert subject.back_door.aliases(MODEL) == {ALIAS: found}

    def test_latest_is_a_method_and_no_alias(self, registry: ModelRegistry) -> None:
        """``latest`` is the highest live version, wherever aliases point and whatever was changed last.

        If this fails: take the highest number, and neither the newest time nor an alias that the vendor moves.
        """
        made = [register(registry, content) for content in "abc"]
        registry.set_alias(MODEL, ALIAS, made[0].version)
        registry.set_tags(MODEL, made[1].version, {"touched": "last"})
        found = registry.latest(MODEL)
        assert (found.model, found.version, found.digest) == (MODEL, made[2].version, made[2].digest)
        registry.delete_version(MODEL, made[1].version)
        assert registry.latest(MODEL).version == made[2].version
        registry.delete_version(MODEL, made[2].version)
        assert registry.latest(MODEL).version == made[0].version

    def test_latest_is_a_method_and_no_alias__of_nothing(self, registry: ModelRegistry) -> None:
        """A model whose versions were all deleted has no latest one, and starts again with the next.

        If this fails: translate what the vendor answers for a model without versions into ``VersionNotFoundError``,
        in four parts.
        """
        registry.delete_version(MODEL, register(registry, "a").version)
        assert_four_parts(lambda: registry.latest(MODEL), VersionNotFoundError, operation="latest", subject=MODEL)
        made = register(registry, "b")
        assert registry.latest(MODEL).version == made.version

    def test_latest_is_a_method_and_no_alias__refused_when_set(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor
    ) -> None:
        """``latest``, ``v<n>`` and numbers are refused as aliases, since they read like versions.

        If this fails: call ``naming.check_alias`` first in ``set_alias``.
        """
        made = register(registry)
        refused = {alias: raised_by(lambda alias=alias: registry.set_alias(MODEL, alias, made.version)) for alias in
                   _READ_LIKE_VERSIONS}  # fmt: skip
        assert refused == dict.fromkeys(_READ_LIKE_VERSIONS, InvalidNameError)
        assert back_door.aliases(MODEL) == {}

    def test_latest_is_a_method_and_no_alias__nowhere_listed(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor
    ) -> None:
        """No such alias is found or listed either, also where the vendor sets one by itself.

        If this fails: leave out the vendor's automatic aliases in ``resolve``, ``get``, ``versions`` and ``models``.
        """
        made = register(registry)
        for alias in _READ_LIKE_VERSIONS:
            assert raised_by(lambda alias=alias: registry.resolve(MODEL, alias)) is AliasNotFoundError
            registry.delete_alias(MODEL, alias)
        assert registry.get(MODEL, made.version).aliases == ()
        assert [each.aliases for each in registry.versions(MODEL)] == [()]
        assert [each.aliases for each in registry.models()] == [{}]
        assert back_door.aliases(MODEL) == {}
