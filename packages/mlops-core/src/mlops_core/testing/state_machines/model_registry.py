"""The state machine of the model registry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, multiple, rule

from mlops_core.ports.model_registry import UNCHECKED, ModelRegistryCapability, Origin, PinnedVersion
from mlops_core.stores.memory.model_registry import MemoryModelRegistry
from mlops_core.testing import strategies
from mlops_core.testing.packages import package_of
from mlops_core.testing.state_machines.outcomes import Gave, check_same, outcome
from mlops_core.testing.state_machines.running import ComparingMachine, leaving_out, run_machine
from mlops_core.testing.state_machines.version_numbers import (
    NEVER_GIVEN,
    Known,
    Numbers,
    comparable_model,
    comparable_pin,
    comparable_version,
    read_all_files,
)
from mlops_core.testing.state_machines.wrong_calls import VersionIn, WrongCall, wrong_registry_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mlops_core.ports.model_registry import IfExists, ModelRegistry, ModelVersion, RegisteredModel, Unchecked
    from mlops_core.testing.packages import MemoryPackage
    from mlops_core.testing.subjects import RegistryUnderTest

Expecting: TypeAlias = Literal["anything", "nothing", "what is there", "another"]
_PACKAGES: Final = 4
_PATHS: Final = ("package.json", "model.bin", "../package.json", ".hidden")
_DELETED: Final = ("alias", "version", "model", "model by force", "version")
_alias = st.integers(0, 1)
_texts = strategies.texts(max_size=20).filter(bool)


@dataclass(frozen=True, kw_only=True)
class Fields:
    """What a registration says of a version beside its package."""

    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    run: str | None
    commit: str | None
    origin: Origin | None


_fields = st.builds(
    Fields,
    tags=strategies.tags(),
    metrics=strategies.metrics(),
    run=st.none() | _texts,
    commit=st.none() | _texts,
    origin=st.none() | st.builds(Origin, backend=_texts, model=_texts, version=st.integers(0, 9), digest=_texts),
)


class ModelRegistryMachine(ComparingMachine):
    """Drives a registry and :class:`MemoryModelRegistry` with the same calls.

    Every rule is about a version that was registered once, so that all are drawn equally often.

    Args:
        subject: An empty registry.
    """

    versions: ClassVar[Bundle[object]] = Bundle("versions")

    def __init__(self, subject: RegistryUnderTest) -> None:
        super().__init__()
        self.registries: list[ModelRegistry] = [subject.registry, subject.another()]
        self.memory: MemoryModelRegistry = MemoryModelRegistry()
        self.models: list[str] = []
        self.aliases: list[str] = []
        self.packages: list[MemoryPackage] = []
        self.calls: int = 0
        self.numbers: Numbers = Numbers()
        self.newest: dict[str, Known] = {}
        self.touched: str = ""

    @property
    def registry(self) -> ModelRegistry:
        """The instance whose turn it is: one acts, then the other one reads and is the next to act."""
        return self.registries[0]

    @initialize(
        target=versions,
        models=st.lists(strategies.model_names(), min_size=2, max_size=2, unique=True),
        aliases=st.lists(strategies.aliases(), min_size=2, max_size=2, unique=True),
        packages=st.lists(strategies.packages(), min_size=_PACKAGES, max_size=_PACKAGES),
        fields=_fields,
    )
    def begin(self, models: list[str], aliases: list[str], packages: list[MemoryPackage], fields: Fields) -> object:
        """A few names, so that the same one is met often; a version to begin with, and one that is never there."""
        self.models, self.aliases, self.packages = models, aliases, packages
        return multiple(
            Known(models[1], 0, NEVER_GIVEN, NEVER_GIVEN, "0" * 64),
            self._register(models[0], packages[0], "new", fields),
        )

    @rule(
        target=versions,
        near=versions,
        other=st.booleans(),
        package=st.integers(0, _PACKAGES - 1),
        if_exists=st.sampled_from(("return", "new")),
        fields=_fields,
    )
    def register(self, *, near: Known, other: bool, package: int, if_exists: IfExists, fields: Fields) -> Known:
        """Register one of a few packages, which makes a version or gives one back."""
        return self._register(self.models[1] if other else near.model, self.packages[package], if_exists, fields)

    @rule(version=versions, if_exists=st.sampled_from(("return", "new")), fields=_fields)
    def register_again(self, version: Known, if_exists: IfExists, fields: Fields) -> None:
        """The same call again, which is answered by the version that it has made for as long as that lives."""
        version = self._present(version)
        there = outcome(lambda: self.memory.get(version.model, version.memory))
        if not isinstance(there, Gave):
            return  # once its version is deleted, either a new one or an error is right
        package = next(each for each in self.packages if each.manifest.digest == version.digest)
        self._register(version.model, package, if_exists, fields, again=there.value.operation_id)

    @rule(version=versions, content=st.binary(min_size=1, max_size=20))
    def register_broken(self, version: Known, content: bytes) -> None:
        """A package whose bytes are not its manifest's makes no version."""
        if not self._exists(version.model):
            return  # whether the model is there afterwards, nobody promises
        data = f"{self._operation_id()} ".encode() + content
        broken = replace(package_of({"model.bin": data}), files={"model.bin": data[:-1] + bytes([data[-1] ^ 1])})
        operation_id = self._operation_id()
        self._compare_version(
            "register(<broken>)", version, lambda it, _: it.register(version.model, broken, operation_id=operation_id)
        )

    @rule(version=versions, path=st.sampled_from(_PATHS))
    def read(self, version: Known, path: str) -> None:
        """The record of a version, be it deleted, and one file of it, be it not there."""
        version = self._present(version)

        def read_file(registry: ModelRegistry, number: int) -> bytes:
            pin = PinnedVersion(model=version.model, version=number, digest=version.digest)
            with registry.open(pin, path) as stream:
                return stream.read()

        self._compare_version("get", version, lambda it, number: self._version(it, it.get(version.model, number)))
        self._compare_version(f"open({path!r})", version, read_file)

    @rule(
        version=versions, alias=_alias, expecting=st.sampled_from(("anything", "what is there", "nothing", "another"))
    )
    def set_alias(self, version: Known, alias: int, expecting: Expecting) -> None:
        """Point an alias at a version, with and without a condition."""
        version = self._present(version)
        model, name = version.model, self.aliases[alias]
        conditional = ModelRegistryCapability.ALIAS_COMPARE_AND_SET in self.registries[0].capabilities
        live = isinstance(outcome(lambda: self.memory.get(model, version.memory)), Gave)
        if not (conditional and live):  # of two faults at once either may be told
            expecting = "anything"
        there = outcome(lambda: self.memory.resolve(model, name))

        def call(registry: ModelRegistry, number: int) -> None:
            expected: int | Unchecked | None = None
            if expecting == "anything":
                expected = UNCHECKED
            elif expecting == "what is there" and isinstance(there, Gave):
                expected = there.value.version if registry is self.memory else self.numbers.of_adapter(there.value)
            elif expecting == "another":
                expected = NEVER_GIVEN
            registry.set_alias(model, name, number, expected=expected)

        self._compare_version(f"set_alias({name!r}, expecting {expecting})", version, call)

    @rule(version=versions, tags=strategies.tags(), removed=st.lists(st.integers(0, 5), max_size=2))
    def set_tags(self, version: Known, tags: dict[str, str], removed: list[int]) -> None:
        """Merge tags, and remove some that may be there."""
        version = self._present(version)
        there = outcome(lambda: sorted(self.memory.get(version.model, version.memory).tags))
        names = [*there.value, "never"] if isinstance(there, Gave) else ["never"]
        given: dict[str, str | None] = {**tags, **{names[each % len(names)]: None for each in removed}}
        self._compare_version(f"set_tags({given})", version, lambda it, n: it.set_tags(version.model, n, given))

    @rule(version=versions, wrong=wrong_registry_calls())
    def refuse(self, version: Known, wrong: WrongCall[VersionIn]) -> None:
        """What is outside the grammar is refused, and changes nothing."""
        self._compare_version(repr(wrong), version, lambda it, n: wrong.make(VersionIn(it, version.model, n)))

    @rule(version=versions, name=strategies.invalid_model_names(), alias=strategies.invalid_aliases())
    def read_any_name(self, version: Known, name: str, alias: str) -> None:
        """What reads takes any name."""
        model = version.model
        self._compare(f"latest({name!r:.80})", lambda it: it.latest(name))
        self._compare(f"delete_model({name!r:.80})", lambda it: it.delete_model(name))
        self._compare(f"resolve({model!r}, {alias!r:.80})", lambda it: it.resolve(model, alias))
        self._compare(f"delete_alias({model!r}, {alias!r:.80})", lambda it: it.delete_alias(model, alias))

    @rule(
        version=versions, what=st.sampled_from(("alias", "version", "model", "model by force", "version")), alias=_alias
    )
    def delete(self, version: Known, alias: int, what: str) -> None:
        """Delete something, or delete it again; registering makes a deleted model anew."""
        version = self._present(version)
        model, name = version.model, self.aliases[alias]
        if what == "alias":
            self._compare_version(f"delete_alias({name!r})", version, lambda it, _: it.delete_alias(model, name))
        elif what == "version":
            self._compare_version("delete_version", version, lambda it, number: it.delete_version(model, number))
        else:
            force = what == "model by force"
            self._compare_version(f"delete_model({force=})", version, lambda it, _: it.delete_model(model, force=force))
        if not self._exists(model):
            self.numbers.forget(model)

    @invariant()
    def listings_agree(self) -> None:
        """Models, and versions, aliases and the latest of the touched model, are complete and equal."""
        self.registries.reverse()
        self._compare("models()", lambda it: [self._model(it, each) for each in it.models()])
        if self.touched:
            self._compare_model(self.touched)

    def teardown(self) -> None:
        """Every listing once more, and every file of every version."""
        for model in [] if self.failed else self.models:
            self._compare_model(model)
            self._compare(f"every file of {model!r}", lambda it, model=model: read_all_files(it, model))

    def _register(
        self, model: str, package: MemoryPackage, if_exists: IfExists, fields: Fields, *, again: str = ""
    ) -> Known:
        self.touched = model
        operation_id = again or self._operation_id()

        def call(registry: ModelRegistry) -> ModelVersion:
            return registry.register(
                model,
                package,
                operation_id=operation_id,
                if_exists=if_exists,
                tags=fields.tags,
                metrics=fields.metrics,
                run=fields.run,
                commit=fields.commit,
                origin=fields.origin,
            )

        made, expected = call(self.registry), call(self.memory)
        if not (expected.reused or again):
            self.numbers.add(model, made.version, expected.version)
        what = f"register({model!r}, {if_exists=})" + (f", the same call {again!r} again" if again else "")
        check_same(what, self._version(self.registry, made), self._version(self.memory, expected))
        check_same(f"{what}: reused", made.reused, expected.reused)
        self.newest[model] = Known(model, self.numbers.life(model), made.version, expected.version, made.digest)
        return self.newest[model]

    def _operation_id(self) -> str:
        self.calls += 1
        return f"call-{self.calls}"

    def _compare(self, what: str, call: Callable[[ModelRegistry], object]) -> None:
        registry = self.registry
        check_same(what, outcome(lambda: call(registry)), outcome(lambda: call(self.memory)))

    def _compare_version(self, what: str, version: Known, call: Callable[[ModelRegistry, int], object]) -> None:
        version = self._present(version)
        self.touched, registry = version.model, self.registry
        adapter = outcome(lambda: call(registry, version.adapter))
        memory = outcome(lambda: call(self.memory, version.memory))
        check_same(f"{what} of {version.model}:{version.adapter}", adapter, memory)

    def _present(self, version: Known) -> Known:
        """The version, or the newest one if its model was deleted and made again since.

        Its number may then have been given again, by one of the two sides only.
        """
        gone = self.numbers.are_of_another_life(version) and self._exists(version.model)
        return self.newest[version.model] if gone else version

    def _compare_model(self, model: str) -> None:
        for name in self.aliases:
            self._compare(f"resolve({model!r}, {name!r})", lambda it, name=name: self._pin(it, it.resolve(model, name)))
        self._compare(f"latest({model!r})", lambda it: self._pin(it, it.latest(model)))
        self._compare(f"versions({model!r})", lambda it: [self._version(it, each) for each in it.versions(model)])

    def _exists(self, model: str) -> bool:
        return model in {each.name for each in self.memory.models()}

    def _pin(self, registry: ModelRegistry, pin: PinnedVersion) -> object:
        return comparable_pin(pin, None if registry is self.memory else self.numbers)

    def _version(self, registry: ModelRegistry, version: ModelVersion) -> object:
        return comparable_version(version, None if registry is self.memory else self.numbers)

    def _model(self, registry: ModelRegistry, model: RegisteredModel) -> object:
        return comparable_model(model, None if registry is self.memory else self.numbers)


def check_model_registry(
    fresh: Callable[[], RegistryUnderTest], *, programmes: int, without: Collection[str] = ()
) -> None:
    """Compare a registry with the memory registry over random programmes.

    Args:
        fresh: Makes an empty registry.
        programmes: How many programmes of about thirty calls; ``MLOPS_TEST_PROGRAMMES`` overrides it.
        without: Names of rules of :class:`ModelRegistryMachine` that are left out; the contract leaves out none.
    """
    __tracebackhide__ = True
    machine = leaving_out(ModelRegistryMachine, without)
    run_machine(lambda: machine(fresh()), programmes=programmes)
