"""Promises of ``register``: dedup, races, and one version for one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops_core.errors import BackendUnavailableError, ConflictError
from mlops_core.ports.model_registry import ModelVersion
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import (
    ALIAS,
    MODEL,
    RIVALS,
    new_operation,
    raised_by,
    read_files,
    register,
)
from mlops_core.testing.packages import make_package
from mlops_core.testing.threads import all_at_once, errors_of

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import IfExists, ModelRegistry
    from mlops_core.testing.subjects import ModelRegistryBackDoor, RegistryUnderTest


class Registration(ModelRegistryPart):
    """Which versions a registration makes."""

    def test_same_digest_is_given_back_or_made_anew(self, registry: ModelRegistry) -> None:
        """``"return"`` gives back the version of the same digest, ``"new"`` makes another; ``reused`` says which.

        If this fails: compare the package's digest with those of the model's versions, also with old ones; and make
        the answer with ``reused=True`` where another call's version is given back, there only.
        """
        first = register(registry, "a")
        other = register(registry, "b")
        again = register(registry, "a")
        assert again.version == first.version
        assert again.reused, "a version that was there before is given back with reused=True"
        anew = register(registry, "a", if_exists="new")
        assert anew.version > other.version
        assert [first.reused, other.reused, anew.reused] == [False, False, False]
        assert [each.version for each in registry.versions(MODEL)] == [anew.version, other.version, first.version]

    def test_same_digest_is_given_back_or_made_anew__the_highest(self, registry: ModelRegistry) -> None:
        """Of several versions of one digest the highest live one is given back; of none that lives, none.

        If this fails: look for the digest among live versions, newest first.
        """
        low, high = (register(registry, "a", if_exists="new") for _ in range(2))
        assert register(registry, "a").version == high.version
        registry.delete_version(MODEL, high.version)
        assert register(registry, "a").version == low.version
        registry.delete_version(MODEL, low.version)
        made = register(registry, "a")
        assert made.version > high.version
        assert not made.reused

    def test_same_digest_is_given_back_or_made_anew__unchanged(self, registry: ModelRegistry) -> None:
        """A version that is given back is as it was: tags, metrics, run and operation id of the second call are lost.

        If this fails: look for the digest before anything is written, tags included.
        """
        registry.register(
            MODEL, make_package(), operation_id=new_operation(), tags={"by": "first"}, metrics={"auc": 0.5}, run="r1"
        )
        before = registry.latest(MODEL)
        registry.set_alias(MODEL, "champion", before.version)
        record = registry.get(MODEL, before.version)
        again = registry.register(
            MODEL, make_package(), operation_id=new_operation(), tags={"by": "second"}, metrics={"auc": 0.9}, run="r2"
        )
        assert again == record  # whether it was reused is no part of a record
        assert registry.get(MODEL, before.version) == record

    def test_same_digest_is_given_back_or_made_anew__in_the_same_model(self, registry: ModelRegistry) -> None:
        """The same bytes under two names are versions of two models.

        If this fails: the digest is looked up in the whole registry.
        """
        one, two = register(registry, "a", model="one"), register(registry, "a", model="two")
        assert (one.model, one.reused, two.model, two.reused) == ("one", False, "two", False)
        assert read_files(registry, two) == read_files(registry, one)
        registry.delete_model("one", force=True)
        assert read_files(registry, two)["model.bin"] == b"a"

    def test_same_digest_is_given_back_or_made_anew__by_another_instance(self, subject: RegistryUnderTest) -> None:
        """What one instance has registered another one finds, one call after the other.

        If this fails: the digests are remembered by the instance instead of the vendor.
        """
        made = register(subject.registry, "a")
        assert register(subject.another(), "a").version == made.version

    def test_concurrent_registrations_all_count(self, subject: RegistryUnderTest) -> None:
        """Registrations of one new model at the same moment, from several instances: unique numbers, nothing lost.

        If this fails: creating the model races with itself, or a number is computed from a listing; try again with the
        next number when somebody else was faster.
        """
        instances = [subject.another() for _ in range(RIVALS)]
        outcomes = all_at_once(
            [lambda who=who, each=each: register(each, f"{who}") for who, each in enumerate(instances)]
        )
        made = {who: each for who, each in enumerate(outcomes) if isinstance(each, ModelVersion)}
        assert [each for each in errors_of(outcomes) if not isinstance(each, BackendUnavailableError)] == []
        assert made
        numbers = {each.version for each in made.values()}
        assert len(numbers) == len(made)
        listed = {each.version: each.digest for each in subject.registry.versions(MODEL)}
        assert {each.version: make_package(f"{who}").manifest.digest for who, each in made.items()}.items() <= (
            listed.items()
        )
        assert set(subject.back_door.numbers(MODEL)) == set(listed)
        assert {who: read_files(subject.registry, each)["model.bin"] for who, each in made.items()} == {
            who: f"{who}".encode() for who in made
        }

    def test_concurrent_registrations_all_count__of_equal_bytes_as_well(self, subject: RegistryUnderTest) -> None:
        """``if_exists="new"`` makes a version for each of several equal packages at the same moment.

        If this fails: registrations of one digest share a key or a folder; give each call its own.
        """
        instances = [subject.another() for _ in range(RIVALS)]
        outcomes = all_at_once([lambda each=each: register(each, "same", if_exists="new") for each in instances])
        made = [each for each in outcomes if isinstance(each, ModelVersion)]
        assert [each for each in errors_of(outcomes) if not isinstance(each, BackendUnavailableError)] == []
        assert made
        assert len({each.version for each in made}) == len(made)
        operations = {each.version: each.operation_id for each in subject.registry.versions(MODEL)}
        assert {each.version: each.operation_id for each in made}.items() <= operations.items()

    def test_one_call_makes_one_version(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """Each call makes exactly one version, which carries the call's operation id, as every reader says.

        If this fails: something is sent twice, or the operation id is not stored with the version.
        """
        made: list[tuple[int, str]] = []
        for content in "ab":
            operation = new_operation()
            version = registry.register(MODEL, make_package(content), operation_id=operation)
            made.append((version.version, operation))
        assert sorted(back_door.numbers(MODEL)) == [number for number, _ in made]
        assert [(each.version, each.operation_id) for each in registry.versions(MODEL)] == made[::-1]

    @pytest.mark.parametrize("if_exists", ["return", "new"])
    def test_one_call_makes_one_version__however_often_it_is_made(
        self, subject: RegistryUnderTest, if_exists: IfExists
    ) -> None:
        """The same call again, on any instance and whatever came in between, gives back the version that it has made.

        ``reused`` is false as it was the first time, and the version is given as it is now: nothing of it is changed.

        If this fails: look for a live version of this digest *and* this operation id before anything else, whatever
        ``if_exists`` says; by the digest alone only if there is none. Give its record as ``get`` does.
        """
        operation = new_operation()

        def call(registry: ModelRegistry, by: str) -> ModelVersion:
            return registry.register(
                MODEL, make_package("same"), operation_id=operation, if_exists=if_exists, tags={"by": by}
            )

        made = call(subject.registry, "first")
        other = register(subject.registry, "same", if_exists="new")
        subject.registry.set_tags(MODEL, made.version, {"later": "yes"})
        subject.registry.set_alias(MODEL, ALIAS, made.version)
        now = subject.registry.get(MODEL, made.version)
        for instance in (subject.registry, subject.another()):
            again = call(instance, "second")
            assert (again.version, again.reused, again) == (made.version, False, now)
        assert sorted(subject.back_door.numbers(MODEL)) == [made.version, other.version]
        assert subject.back_door.tags(MODEL, made.version) == {"by": "first", "later": "yes"}

    def test_one_call_makes_one_version__of_one_package(self, registry: ModelRegistry) -> None:
        """An operation id with another package, another model, or a model made again is another call.

        If this fails: an earlier call is looked up by its operation id alone; compare model and digest as well.
        """
        operation = new_operation()
        wanted = [("one", "a"), ("one", "b"), ("two", "a"), ("two", "b")]
        for _ in range(2):
            made = [registry.register(model, make_package(each), operation_id=operation) for model, each in wanted]
            assert [(each.model, each.digest, each.reused) for each in made] == [
                (model, make_package(each).manifest.digest, False) for model, each in wanted
            ]
            for model in ("one", "two"):
                numbers = [each.version for each in reversed(made) if each.model == model]
                assert [each.version for each in registry.versions(model)] == numbers
                registry.delete_model(model, force=True)

    @pytest.mark.parametrize("if_exists", ["return", "new"])
    def test_one_call_makes_one_version__and_never_a_deleted_one(
        self, registry: ModelRegistry, if_exists: IfExists
    ) -> None:
        """The same call again, after its version was deleted, makes another version or is a ``ConflictError``.

        If this fails: an earlier call is looked up among deleted versions too, and what is found there is given back.
        """
        operation = new_operation()

        def call() -> ModelVersion:
            return registry.register(MODEL, make_package(), operation_id=operation, if_exists=if_exists)

        gone = call()
        registry.delete_version(MODEL, gone.version)
        assert raised_by(call) in {None, ConflictError}
        assert [each.version for each in registry.versions(MODEL) if each.version <= gone.version] == []

    def test_one_call_makes_one_version__with_any_operation_id(self, registry: ModelRegistry) -> None:
        """An operation id is 1 to 64 letters, digits and dashes, and is kept exactly.

        If this fails: the id is shortened, folded to lower case, or becomes part of a narrower name of the vendor's.
        """
        operations = ["a", "A", "0", "-", "Z" * 64, "5bb6f0b4-32cb-4e0b-9d9c-1f1d4c1b2a3d"]
        made = [
            registry.register(MODEL, make_package(f"{position}"), operation_id=operation).version
            for position, operation in enumerate(operations)
        ]
        assert [registry.get(MODEL, number).operation_id for number in made] == operations
