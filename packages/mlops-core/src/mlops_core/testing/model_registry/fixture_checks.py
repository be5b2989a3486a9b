"""Checks of what the author gives: empty and isolated instances, a working back door, methods as the port has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.errors import InvalidNameError
from mlops_core.manifest import MANIFEST_FILE
from mlops_core.naming import check_model_name
from mlops_core.ports.model_registry import (
    ModelRegistry,
    ModelRegistryCapability,
    ModelVersion,
    PinnedVersion,
    RegisteredModel,
)
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import ALIAS, MODEL, raised_by, register
from mlops_core.testing.packages import make_package
from mlops_core.testing.signatures import compare_with_protocol
from mlops_core.testing.subjects import ModelRegistryBackDoor

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.testing.subjects import RegistryUnderTest

_LISTED: int = 11
"""Fewer versions than these would not show whether numbers are sorted as text."""


class FixtureChecks(ModelRegistryPart):
    """Whether the other tests mean anything."""

    def test_fixture_gives_an_empty_registry(self, subject: RegistryUnderTest) -> None:
        """A fresh registry holds no model, for the adapter and through the back door.

        If this fails: ``fresh_registry`` gives a place that something else has used; make a new one at each call.
        """
        assert list(subject.registry.models()) == []
        assert list(subject.another().models()) == []
        assert list(subject.back_door.numbers(MODEL)) == []
        assert dict(subject.back_door.aliases(MODEL)) == {}

    def test_fixture_gives_isolated_registries(self, fresh_registry: Callable[[], RegistryUnderTest]) -> None:
        """Two fresh registries share nothing.

        If this fails: ``fresh_registry`` gives the same place twice; use a folder, project or prefix for each.
        """
        one, two = fresh_registry(), fresh_registry()
        made = register(one.registry)
        assert list(two.registry.models()) == []
        assert list(two.another().models()) == []
        assert list(two.back_door.numbers(MODEL)) == []
        assert list(one.back_door.numbers(MODEL)) == [made.version]

    def test_fixture_opens_another_on_the_same_place(self, subject: RegistryUnderTest) -> None:
        """``another`` gives an instance of its own each time, which sees what the first one does.

        If this fails: return a new instance, as another process would have it, and not the one that is there.
        """
        made = register(subject.registry)
        others = [subject.another(), subject.another()]
        assert len({id(each) for each in (subject.registry, *others)}) == len(others) + 1
        assert [each.latest(MODEL).digest for each in others] == [made.digest] * len(others)

    def test_fixture_back_door_reads_and_writes(self, subject: RegistryUnderTest) -> None:
        """The back door does what its docstrings say: it changes one byte, removes and adds files, moves an alias.

        If this fails: compare the author's back door with ``ModelRegistryBackDoor``.
        """
        back_door = subject.back_door
        assert compare_with_protocol(back_door, ModelRegistryBackDoor) == []
        old, new = register(subject.registry, "a"), register(subject.registry, "b")
        subject.registry.set_tags(MODEL, new.version, {"team": "risk"})
        back_door.move_alias(MODEL, ALIAS, old.version)
        back_door.move_alias(MODEL, ALIAS, new.version)
        assert sorted(back_door.numbers(MODEL)) == [old.version, new.version]
        assert dict(back_door.aliases(MODEL)) == {ALIAS: new.version}
        assert dict(back_door.tags(MODEL, new.version)) == {"team": "risk"}
        before = back_door.read(MODEL, new.version, MANIFEST_FILE)
        assert before == make_package("b").manifest.to_bytes()
        back_door.damage(MODEL, new.version, MANIFEST_FILE)
        after = back_door.read(MODEL, new.version, MANIFEST_FILE)
        assert len(after) == len(before)
        assert sum(one != two for one, two in zip(before, after, strict=True)) == 1
        back_door.add(MODEL, new.version, "extra", b"beside it")
        assert back_door.read(MODEL, new.version, "extra") == b"beside it"
        back_door.remove(MODEL, new.version, "model.bin")
        assert raised_by(lambda: back_door.read(MODEL, new.version, "model.bin")) is not None
        assert back_door.read(MODEL, old.version, "model.bin") == b"a"

    def test_fixture_back_door_makes_models(self, subject: RegistryUnderTest) -> None:
        """The back door makes a model with one version, which the adapter finds.

        If this fails: write with the vendor's own tools what somebody without this library would have written, and the
        package's files as they are.
        """
        number = subject.back_door.make_model("by-hand", make_package("a"))
        assert list(subject.back_door.numbers("by-hand")) == [number]
        assert subject.back_door.read("by-hand", number, "model.bin") == b"a"
        assert subject.registry.latest("by-hand").version == number

    def test_fixture_says_what_the_vendor_differs_in(self) -> None:
        """``foreign_names`` are outside the grammar, and ``many`` is enough to show how numbers are sorted.

        If this fails: name at least one model that the vendor takes and this library would not create, and leave
        ``many`` at its default or raise it.
        """
        names = self.foreign_names
        assert names
        assert len(set(names)) == len(names)
        assert {raised_by(lambda name=name: check_model_name(name)) for name in names} == {InvalidNameError}
        assert self.many >= _LISTED

    def test_signatures_are_those_of_the_port(self, subject: RegistryUnderTest) -> None:
        """Methods, parameters, kinds and defaults are the port's, and so are the classes of what is returned.

        If this fails: each line of the list names a method and how it differs; compare it with ``ModelRegistry``.
        """
        registry = subject.registry
        assert compare_with_protocol(registry, ModelRegistry) == []
        made = register(registry)
        registry.set_alias(MODEL, ALIAS, made.version)
        assert all(isinstance(each, ModelVersion) for each in (made, registry.get(MODEL, made.version)))
        assert all(isinstance(each, ModelVersion) for each in registry.versions(MODEL))
        assert all(isinstance(each, PinnedVersion) for each in (registry.resolve(MODEL, ALIAS), registry.latest(MODEL)))
        assert all(isinstance(each, RegisteredModel) for each in registry.models())
        assert isinstance(made.aliases, tuple)
        assert made.url is None or made.url.startswith(("http://", "https://"))
        with registry.open(made, "model.bin") as stream:
            assert stream.readable()
            assert isinstance(stream.read(), bytes)

    def test_signatures_declare_capabilities(self, subject: RegistryUnderTest) -> None:
        """Capabilities are the port's flags, and the same for every instance of one place.

        If this fails: ``capabilities`` is a property that gives ``ModelRegistryCapability``.
        """
        declared = subject.registry.capabilities
        assert isinstance(declared, ModelRegistryCapability)
        assert declared == subject.registry.capabilities == subject.another().capabilities
