"""Capabilities, in both directions: what is declared works under concurrency; what is not is refused or sequential."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from mlops_core.errors import ConflictError, UnsupportedOperationError
from mlops_core.ports.model_registry import ModelRegistryCapability, ModelVersion
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import ALIAS, MODEL, RIVALS, raised_by, register
from mlops_core.testing.threads import all_at_once, errors_of

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import RegistryUnderTest

_ROUNDS: Final = 5


class Capabilities(ModelRegistryPart):
    """One test for each capability, which asks the instance what it declares."""

    def test_capability_alias_compare_and_set(self, subject: RegistryUnderTest) -> None:
        """Declared: ``expected`` has exactly one winner of a race, the others a ``ConflictError``. Undeclared: refused.

        If this fails: declare ``ALIAS_COMPARE_AND_SET`` only if the vendor compares and writes in one step; else raise
        ``UnsupportedOperationError`` for every ``expected``, before anything is looked at.
        """
        if ModelRegistryCapability.ALIAS_COMPARE_AND_SET in subject.registry.capabilities:
            _check_compare_and_set(subject.registry)
            _check_race_for_an_alias(subject)
        else:
            _check_compare_and_set_is_refused(subject.registry)

    def test_capability_atomic_dedup(self, subject: RegistryUnderTest) -> None:
        """Declared: equal packages at the same moment make one version. Undeclared: one call after the other.

        If this fails: where it is declared and there are several versions, the vendor does not find equal content by
        itself, and no conditional write does; looking first and registering then is not it: do not declare it. Where
        there is one version, but not one answer that is new, look at how ``reused`` is set.
        """
        instances = [subject.another() for _ in range(RIVALS)]
        if ModelRegistryCapability.ATOMIC_DEDUP not in subject.registry.capabilities:
            versions = {register(each, "same").version for each in instances}
            assert sorted(subject.back_door.numbers(MODEL)) == sorted(versions)
            assert len(versions) == 1, "equal packages, one call after the other, made several versions"
            return
        for number in range(_ROUNDS):
            outcomes = all_at_once([lambda each=each, number=number: register(each, f"{number}") for each in instances])
            assert errors_of(outcomes) == []
            made = [each for each in outcomes if isinstance(each, ModelVersion)]
            assert len({each.version for each in made}) == 1, "equal packages at the same moment made several versions"
            assert len(subject.back_door.numbers(MODEL)) == number + 1
            new = [each for each in made if not each.reused]
            assert len(new) == 1, f"reused is False in {len(new)} of {RIVALS} answers: one made the version"

    def test_capability_atomic_tag_merge(self, subject: RegistryUnderTest) -> None:
        """Declared: no key is lost of those set at the same moment. Undeclared: none, one call after the other.

        If this fails: declare ``ATOMIC_TAG_MERGE`` only if the vendor sets one key without the others, or by a
        conditional write; reading, merging and writing loses what came in between.
        """
        instances = [subject.another() for _ in range(RIVALS)]
        version = register(subject.registry).version
        at_once = ModelRegistryCapability.ATOMIC_TAG_MERGE in subject.registry.capabilities
        expected: dict[str, str | None] = {}
        for number in range(_ROUNDS):
            tags = [
                dict[str, str | None]({f"key-{who}": f"{number}", f"key-{who}-{number}": "x"}) for who in range(RIVALS)
            ]
            calls = [partial(each.set_tags, MODEL, version, mine) for each, mine in zip(instances, tags, strict=True)]
            if at_once:
                assert errors_of(all_at_once(calls)) == []
            else:
                for call in calls:
                    call()
            for mine in tags:
                expected |= mine
            assert subject.registry.get(MODEL, version).tags == expected
        assert subject.back_door.tags(MODEL, version) == expected


def _check_compare_and_set(registry: ModelRegistry) -> None:
    first, second = (register(registry, each).version for each in "ab")
    for wrong in (first, second):
        assert raised_by(lambda wrong=wrong: registry.set_alias(MODEL, ALIAS, first, expected=wrong)) is ConflictError
    registry.set_alias(MODEL, ALIAS, first, expected=None)
    for wrong in (None, second):
        assert raised_by(lambda wrong=wrong: registry.set_alias(MODEL, ALIAS, second, expected=wrong)) is ConflictError
    assert registry.resolve(MODEL, ALIAS).version == first
    registry.set_alias(MODEL, ALIAS, first, expected=first)
    registry.set_alias(MODEL, ALIAS, second, expected=first)
    assert registry.resolve(MODEL, ALIAS).version == second
    registry.delete_alias(MODEL, ALIAS)
    assert raised_by(lambda: registry.set_alias(MODEL, ALIAS, first, expected=second)) is ConflictError
    registry.set_alias(MODEL, ALIAS, second, expected=None)


def _check_race_for_an_alias(subject: RegistryUnderTest) -> None:
    instances = [subject.another() for _ in range(RIVALS)]
    numbers = [register(subject.registry, f"race {who}", model="race").version for who in range(RIVALS)]
    current: int | None = None
    for _ in range(_ROUNDS):
        # Nobody writes what is there already, which would be a winner too.
        wanted = [number for number in numbers if number != current]
        outcomes = all_at_once(
            [
                lambda each=each, number=number, now=current: each.set_alias("race", ALIAS, number, expected=now)
                for each, number in zip(instances, wanted, strict=False)
            ]
        )
        won = [number for number, outcome in zip(wanted, outcomes, strict=True) if outcome is None]
        assert len(won) == 1, outcomes
        assert {type(each) for each in errors_of(outcomes)} == {ConflictError}
        assert subject.back_door.aliases("race") == {ALIAS: won[0]}
        current = subject.registry.resolve("race", ALIAS).version
        assert current == won[0]


def _check_compare_and_set_is_refused(registry: ModelRegistry) -> None:
    first, second = (register(registry, each).version for each in "ab")
    for expected in (None, first, second):
        with pytest.raises(UnsupportedOperationError):
            registry.set_alias(MODEL, ALIAS, first, expected=expected)
    assert registry.get(MODEL, first).aliases == ()
    registry.set_alias(MODEL, ALIAS, first)
    for expected in (None, first, second):
        with pytest.raises(UnsupportedOperationError):
            registry.set_alias(MODEL, ALIAS, second, expected=expected)
    with pytest.raises(UnsupportedOperationError):
        registry.set_alias("nope", ALIAS, first, expected=None)
    assert registry.resolve(MODEL, ALIAS).version == first
