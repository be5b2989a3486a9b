"""Promise ``deleting_is_idempotent_and_final``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops_core.errors import AliasNotFoundError, ConflictError, ModelNotFoundError, NotFoundError, VersionNotFoundError
from mlops_core.ports.model_registry import ModelRegistryCapability
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import (
    ALIAS,
    MODEL,
    new_operation,
    raised_by,
    read_file,
    read_files,
    register,
)
from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import ModelRegistryBackDoor, RegistryUnderTest


class Deletion(ModelRegistryPart):
    """Deleting versions and models."""

    def test_deleting_is_idempotent_and_final(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """Deleting what is not there, or not any more, is fine; what is left stays as it was.

        If this fails: the vendor's answer for what is missing has to be taken for success in the delete methods.
        """
        kept, gone = register(registry, "a"), register(registry, "b")
        for number in (gone.version, gone.version, gone.version + 1_000):
            registry.delete_version(MODEL, number)
        for model in ("never-there", "Never There"):
            registry.delete_model(model)
            registry.delete_model(model, force=True)
        assert [each.version for each in registry.versions(MODEL)] == [kept.version]
        assert list(back_door.numbers(MODEL)) == [kept.version]

    def test_deleting_is_idempotent_and_final__for_every_reader(self, subject: RegistryUnderTest) -> None:
        """A deleted version is found by no method and no instance, also one that has read and opened it before.

        If this fails: something is remembered by name and number; or the vendor marks versions as deleted and goes on
        giving them, so leave them out.
        """
        registry, other = subject.registry, subject.another()
        gone, kept = register(registry, "a"), register(registry, "b")
        for instance in (registry, other):
            assert read_file(instance, instance.get(MODEL, gone.version), "model.bin") == b"a"
        other.delete_version(MODEL, gone.version)
        for instance in (registry, other):
            assert {
                "get": raised_by(lambda each=instance: each.get(MODEL, gone.version)),
                "set_alias": raised_by(lambda each=instance: each.set_alias(MODEL, ALIAS, gone.version)),
                "set_tags": raised_by(lambda each=instance: each.set_tags(MODEL, gone.version, {"a": "b"})),
                "open": raised_by(lambda each=instance: read_file(each, gone, "model.bin")),
            } == dict.fromkeys(("get", "set_alias", "set_tags", "open"), VersionNotFoundError)
            assert [each.version for each in instance.versions(MODEL)] == [kept.version]
        assert read_files(registry, kept)["model.bin"] == b"b"

    def test_deleting_is_idempotent_and_final__with_its_aliases(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor
    ) -> None:
        """The aliases of a deleted version are gone, those of others stay; they may be set again.

        If this fails: remove the aliases with the version, before it, so that none points at nothing.
        """
        gone, kept = register(registry, "a"), register(registry, "b")
        for alias in (ALIAS, "best"):
            registry.set_alias(MODEL, alias, gone.version)
        registry.set_alias(MODEL, "other", kept.version)
        registry.delete_version(MODEL, gone.version)
        for alias in (ALIAS, "best"):
            assert raised_by(lambda alias=alias: registry.resolve(MODEL, alias)) is AliasNotFoundError
        assert [each.aliases for each in registry.models()] == [{"other": kept.version}]
        assert back_door.aliases(MODEL) == {"other": kept.version}
        registry.set_alias(MODEL, ALIAS, kept.version)
        assert registry.resolve(MODEL, ALIAS).version == kept.version
        if ModelRegistryCapability.ALIAS_COMPARE_AND_SET in registry.capabilities:
            registry.set_alias(MODEL, "best", kept.version, expected=None)

    def test_deleting_is_idempotent_and_final__with_its_bytes_only(self, registry: ModelRegistry) -> None:
        """Another version of the same bytes keeps its files.

        If this fails: two versions share stored files; let each have its own, or count who uses them.
        """
        gone, kept = (register(registry, "same", if_exists="new") for _ in range(2))
        registry.delete_version(MODEL, gone.version)
        assert read_files(registry, kept)["model.bin"] == b"same"

    def test_deleting_is_idempotent_and_final__a_model_with_versions_needs_force(self, registry: ModelRegistry) -> None:
        """A model with live versions is refused and stays whole; once they are deleted it goes without force.

        If this fails: look for live versions before deleting; the vendor may have no such guard.
        """
        made = register(registry)
        registry.set_alias(MODEL, ALIAS, made.version)
        assert raised_by(lambda: registry.delete_model(MODEL)) is ConflictError
        assert registry.resolve(MODEL, ALIAS).digest == made.digest
        assert read_files(registry, made)["model.bin"] == b"a model"
        registry.delete_version(MODEL, made.version)
        for _ in range(2):
            registry.delete_model(MODEL)
        assert list(registry.models()) == []

    def test_deleting_is_idempotent_and_final__a_model_with_force(self, subject: RegistryUnderTest) -> None:
        """A deleted model is found by no method and no instance, also one that has read it before.

        If this fails: something is remembered by name; or the vendor deletes the model's versions later than itself.
        """
        registry, other = subject.registry, subject.another()
        made = register(registry)
        registry.set_alias(MODEL, ALIAS, made.version)
        for instance in (registry, other):
            assert read_file(instance, instance.get(MODEL, made.version), "model.bin") == b"a model"
        other.delete_model(MODEL, force=True)
        other.delete_model(MODEL, force=True)
        for instance in (registry, other):
            calls = {
                "get": raised_by(lambda each=instance: each.get(MODEL, made.version)),
                "resolve": raised_by(lambda each=instance: each.resolve(MODEL, ALIAS)),
                "latest": raised_by(lambda each=instance: each.latest(MODEL)),
                "versions": raised_by(lambda each=instance: list(each.versions(MODEL))),
                "set_alias": raised_by(lambda each=instance: each.set_alias(MODEL, ALIAS, made.version)),
                "delete_alias": raised_by(lambda each=instance: each.delete_alias(MODEL, ALIAS)),
                "set_tags": raised_by(lambda each=instance: each.set_tags(MODEL, made.version, {})),
                "delete_version": raised_by(lambda each=instance: each.delete_version(MODEL, made.version)),
                "open": raised_by(lambda each=instance: read_file(each, made, "model.bin")),
            }
            assert calls == dict.fromkeys(calls, ModelNotFoundError)
            assert list(instance.models()) == []
        assert list(subject.back_door.numbers(MODEL)) == []

    def test_deleting_is_idempotent_and_final__a_model_made_again_is_another(self, subject: RegistryUnderTest) -> None:
        """A model of a deleted one's name shares nothing with it: no version, alias, tag, digest or byte.

        If this fails: what is kept under the name, or under name and number, outlives the model.
        """
        registry, other = subject.registry, subject.another()
        old = [
            registry.register(MODEL, make_package(content), operation_id=new_operation(), tags={"old": "yes"})
            for content in "ab"
        ]
        registry.set_tags(MODEL, old[0].version, {"older": "yes"})
        registry.set_alias(MODEL, ALIAS, old[0].version)
        assert other.resolve(MODEL, ALIAS).digest == old[0].digest
        registry.delete_model(MODEL, force=True)
        new = register(registry, "c")
        again = register(registry, "b")
        assert not again.reused
        for instance in (registry, other):
            assert raised_by(lambda each=instance: each.resolve(MODEL, ALIAS)) is AliasNotFoundError
            listed = {each.version: (each.digest, each.aliases, dict(each.tags)) for each in instance.versions(MODEL)}
            assert listed == {new.version: (new.digest, (), {}), again.version: (again.digest, (), {})}
        assert subject.back_door.aliases(MODEL) == {}

    def test_deleting_is_idempotent_and_final__a_pinned_version_gives_no_other_bytes(
        self, subject: RegistryUnderTest
    ) -> None:
        """A version that was pinned before its model was deleted and made again gives its own bytes, or an error.

        If this fails: ``open`` compares number and name only; compare the digest too.
        """
        registry, other = subject.registry, subject.another()
        pins = {each: each.get(MODEL, register(registry, "old").version) for each in (registry, other)}
        assert [read_file(each, pin, "model.bin") for each, pin in pins.items()] == [b"old", b"old"]
        registry.delete_model(MODEL, force=True)
        for number in range(2):
            register(registry, f"new {number}")
        for instance, pin in pins.items():
            with pytest.raises(NotFoundError):
                read_file(instance, pin, "model.bin")
