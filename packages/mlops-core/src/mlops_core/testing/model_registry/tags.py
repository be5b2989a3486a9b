"""Promise ``tags_merge``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.errors import InvalidNameError
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import MODEL, new_operation, raised_by, register
from mlops_core.testing.model_registry.records import ODD_TEXTS
from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import ModelRegistryBackDoor, RegistryUnderTest


class Tags(ModelRegistryPart):
    """Changing the tags of a version."""

    def test_tags_merge(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """Keys that are given are set, ``None`` removes a key, every other key stays.

        If this fails: ``set_tags`` replaces all tags, or prints ``None`` as a value.
        """
        tags = {"kept": "1", "changed": "2", "removed": "3"}
        made = registry.register(MODEL, make_package(), operation_id=new_operation(), tags=tags)
        registry.set_tags(MODEL, made.version, {"changed": "two", "removed": None, "new": "4", "never-there": None})
        merged = {"kept": "1", "changed": "two", "new": "4"}
        assert registry.get(MODEL, made.version).tags == merged
        assert [each.tags for each in registry.versions(MODEL)] == [merged]
        assert back_door.tags(MODEL, made.version) == merged

    def test_tags_merge__down_to_none(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """Removing every key leaves none, and does not bring back the tags of the registration.

        If this fails: an empty set of tags is taken for tags that were never changed.
        """
        made = registry.register(MODEL, make_package(), operation_id=new_operation(), tags={"a": "1", "b": "2"})
        registry.set_tags(MODEL, made.version, {"a": None, "b": None})
        registry.set_tags(MODEL, made.version, {})
        assert registry.get(MODEL, made.version).tags == {}
        assert back_door.tags(MODEL, made.version) == {}

    def test_tags_merge__each_version_by_itself(self, registry: ModelRegistry) -> None:
        """Tags belong to one version: others of the model, of the same bytes too, keep theirs.

        If this fails: tags are kept with the model, or with the package's bytes.
        """
        first, second = (register(registry, "same bytes", if_exists="new") for _ in range(2))
        registry.set_tags(MODEL, first.version, {"team": "risk"})
        assert registry.get(MODEL, first.version).tags == {"team": "risk"}
        assert registry.get(MODEL, second.version).tags == {}

    def test_tags_merge__with_what_another_instance_has_set(self, subject: RegistryUnderTest) -> None:
        """An instance that has read a version before merges with the tags of now, one call after the other.

        If this fails: tags are written from a copy that was read earlier; read them again in each ``set_tags``.
        """
        made = register(subject.registry)
        other = subject.another()
        for instance in (subject.registry, other):
            instance.set_tags(MODEL, made.version, {"seen": "by both"})
        subject.registry.set_tags(MODEL, made.version, {"ours": "1"})
        other.set_tags(MODEL, made.version, {"theirs": "2", "seen": None})
        subject.registry.set_tags(MODEL, made.version, {"ours": "one"})
        assert other.get(MODEL, made.version).tags == {"ours": "one", "theirs": "2"}
        assert subject.registry.get(MODEL, made.version).tags == {"ours": "one", "theirs": "2"}

    def test_tags_merge__to_the_last_character(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """Values come back exactly as they were set, as those of a registration do.

        If this fails: ``set_tags`` writes another way than ``register``; use one encoding for both.
        """
        made = register(registry)
        registry.set_tags(MODEL, made.version, ODD_TEXTS)
        assert registry.get(MODEL, made.version).tags == ODD_TEXTS
        assert back_door.tags(MODEL, made.version) == ODD_TEXTS

    def test_tags_merge__all_or_none(self, registry: ModelRegistry) -> None:
        """A call with one key or value outside the grammar sets none of its tags.

        If this fails: check all tags (``naming.check_tags``) before the first is written.
        """
        made = registry.register(MODEL, make_package(), operation_id=new_operation(), tags={"kept": "1"})
        bad = {"fine": "1", "kept": None, "Not Fine": "2"}
        assert raised_by(lambda: registry.set_tags(MODEL, made.version, bad)) is InvalidNameError
        assert registry.get(MODEL, made.version).tags == {"kept": "1"}
