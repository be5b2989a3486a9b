"""Promise ``names_obey_one_grammar``, for what reads: a name that the vendor has is taken verbatim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.errors import ConflictError, InvalidNameError, ModelNotFoundError
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import ALIAS, raised_by, read_files, register
from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import ModelRegistryBackDoor


class ForeignNames(ModelRegistryPart):
    """Models that somebody has made with the vendor's own tools, under names that this library would not create."""

    def test_names_obey_one_grammar__but_any_name_is_read(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor
    ) -> None:
        """A model of any name that the vendor has is listed, resolved and opened under it, verbatim.

        If this fails: quote names where they become part of an address or a query; do not check them when reading.
        """
        numbers = {name: back_door.make_model(name, make_package(name)) for name in self.foreign_names}
        assert {each.name for each in registry.models()} == set(self.foreign_names)
        for name, number in numbers.items():
            back_door.move_alias(name, ALIAS, number)
            record = registry.get(name, number)
            assert (record.model, record.version, record.aliases) == (name, number, (ALIAS,))
            assert record.digest == make_package(name).manifest.digest
            assert list(registry.versions(name)) == [record]
            pins = [registry.resolve(name, ALIAS), registry.latest(name)]
            assert [(each.model, each.version, each.digest) for each in pins] == [(name, number, record.digest)] * 2
            assert read_files(registry, record)["model.bin"] == name.encode()
        assert {each.name: dict(each.aliases) for each in registry.models()} == {
            name: {ALIAS: number} for name, number in numbers.items()
        }

    def test_names_obey_one_grammar__but_any_model_is_managed(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor
    ) -> None:
        """A model of any name can be given aliases and tags, and be deleted: none of that creates its name.

        If this fails: only ``register`` checks the name of a model.
        """
        for name in self.foreign_names:
            number = back_door.make_model(name, make_package(name))
            registry.set_alias(name, ALIAS, number)
            registry.set_tags(name, number, {"team": "risk"})
            record = registry.get(name, number)
            assert (record.aliases, record.tags) == ((ALIAS,), {"team": "risk"})
            assert back_door.aliases(name) == {ALIAS: number}
            registry.delete_alias(name, ALIAS)
            assert back_door.aliases(name) == {}
            assert raised_by(lambda name=name: registry.delete_model(name)) is ConflictError
            registry.delete_version(name, number)
            assert list(back_door.numbers(name)) == []
            registry.delete_model(name)
            assert raised_by(lambda name=name, number=number: registry.get(name, number)) is ModelNotFoundError
        assert list(registry.models()) == []

    def test_names_obey_one_grammar__and_nothing_is_registered_under_any_other(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor
    ) -> None:
        """Registering under a name outside the grammar is refused, also where such a model is there.

        If this fails: check the model's name first in ``register``, whatever the vendor has.
        """
        for name in self.foreign_names:
            number = back_door.make_model(name, make_package(name))
            assert raised_by(lambda name=name: register(registry, "new", model=name)) is InvalidNameError
            assert list(back_door.numbers(name)) == [number]
