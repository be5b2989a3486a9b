"""Promise ``names_obey_one_grammar``, for what creates a name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, cast

from mlops_core.errors import InvalidNameError, UnsupportedOperationError
from mlops_core.ports.model_registry import ModelRegistryCapability, Origin, PinnedVersion
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import ALIAS, MODEL, new_operation, raised_by, read_files, register
from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import ModelRegistryBackDoor

BAD_MODELS: Final = (
    *("", ".", "..", "a/../b", "/abs", "C:\\x", "%2e%2e", "a/b", "a\\b", "a..b"),
    *("a\0b", "a\nb", "a\r\n", "a\tb", " a", "a ", "a b", "a\u202eb", "a\u200bb", "a\ud800b"),
    *("Race", "RACE", "größe", "gro\u0308ße", "模型", "\U0001f9ea"),
    *("-a", "a-", ".a", "a.", "_a", "a_", "a:1", "a@b", "a#b", "a?b", "a*", "a'b", 'a"b', "a;b", "a,b", "a=b"),
    *("con", "CON", "nul", "com1", "lpt9.txt", "aux.bin"),
    *("x" * 64, "x" * 10_000),
)
GOOD_MODELS: Final = ("a", "0", "a-b", "a_b", "a.b", "a--b", "ab", "v1", "latest", "conx", "9.9", "x" * 63)
BAD_ALIASES: Final = (
    *("latest", "v0", "v1", "v007", "0", "1", "12"),
    *("", " ", "Champion", "CHAMPION", "champion ", "a b", "a.b", "a/b", "../x", "a:b", "a@b", "a\0", "a\n"),
    *("1a", "-a", "_a", "größe", "\U0001f9ea", "a\u202e", "a\ud800", "x" * 64, "x" * 10_000),
)
GOOD_ALIASES: Final = ("a", "champion", "a-b", "a_b", "a--", "v", "vv1", "v1-", "latest-1", "none", "x" * 63)
BAD_TAGS: Final[tuple[Mapping[object, object], ...]] = (
    *({key: "x"} for key in ("", "A", "Team", "1a", ".a", "-a", "_a", "a b", "a/b", "a:b", "a=b", "a'b", "größe")),
    *({key: "x"} for key in ("mlops.x", "mlflow.x", "mlflow.runName", "a\n", "a\0", "a" * 65, 3)),
    *({"a": value} for value in ("x" * 4_001, "\ud800", 3, 0.5, True, b"x", ["x"], {"b": "c"})),
)
_BAD_OPERATIONS: Final = ("", "a/b", "a b", "..", "a.b", "a_b", "ä", "a\n", "x" * 65, 3)
_BAD_METRICS: Final[tuple[Mapping[object, object], ...]] = (
    *({"auc": value} for value in (10**400, True, "0.5", None, b"1", [0.5])),
    {3: 0.5},
    *({name: 0.5} for name in ("\ud800", "", "a b", "a//b", "/a", "-a", ".a", "a:b", "größe", "a\0", "x" * 251)),
)
_BAD_NUMBERS: Final = ("1", b"1", True, False, 1.0, -1, None, math.nan)


class Names(ModelRegistryPart):
    """What creates a name obeys the grammar, and everything else that is bad is refused as early."""

    def test_names_obey_one_grammar(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """Names within the grammar are taken, told apart, and never altered, up to their longest.

        If this fails: the vendor's own grammar is narrower, or folds names; encode them so that it can be undone.
        """
        made = {model: register(registry, f"content of {model}", model=model) for model in GOOD_MODELS}
        assert [each.model for each in made.values()] == list(GOOD_MODELS)
        assert {each.name for each in registry.models()} == set(GOOD_MODELS)
        for model, version in made.items():
            assert list(back_door.numbers(model)) == [version.version]
            assert read_files(registry, registry.get(model, version.version)) == read_files(registry, version)
        version = made["a"].version
        for alias in GOOD_ALIASES:
            registry.set_alias("a", alias, version)
        assert registry.get("a", version).aliases == tuple(sorted(GOOD_ALIASES))
        assert back_door.aliases("a") == dict.fromkeys(GOOD_ALIASES, version)

    def test_names_obey_one_grammar__models(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """A model's name outside the grammar is refused, and nothing is made under it or under a name like it.

        If this fails: call ``naming.check_model_name`` first in ``register``; leave nothing to the vendor's rules.
        """
        raised = {model: raised_by(lambda model=model: register(registry, model=model)) for model in BAD_MODELS}
        assert raised == dict.fromkeys(BAD_MODELS, InvalidNameError)
        assert list(registry.models()) == []
        for model in ("a", "b", "race", "x", "con", "evil"):
            assert list(back_door.numbers(model)) == []

    def test_names_obey_one_grammar__aliases(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """An alias outside the grammar is refused, and no alias is set.

        If this fails: call ``naming.check_alias`` first in ``set_alias``.
        """
        version = register(registry).version
        raised = {
            alias: raised_by(lambda alias=alias: registry.set_alias(MODEL, alias, version)) for alias in BAD_ALIASES
        }
        assert raised == dict.fromkeys(BAD_ALIASES, InvalidNameError)
        assert back_door.aliases(MODEL) == {}

    def test_names_obey_one_grammar__tags(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """A tag outside the grammar is refused by ``register`` and by ``set_tags``, and no tag is set.

        If this fails: call ``naming.check_tags`` first in both; a value is text, and never made to be.
        """
        version = register(registry).version
        for bad in BAD_TAGS:
            tags = cast("dict[str, str | None]", bad)
            assert raised_by(lambda tags=tags: registry.set_tags(MODEL, version, tags)) is InvalidNameError, bad
            assert raised_by(lambda tags=tags: _register(registry, tags=tags)) is InvalidNameError, bad
        removing = cast("dict[str, str]", {"a": None})
        assert raised_by(lambda: _register(registry, tags=removing)) is InvalidNameError
        assert back_door.tags(MODEL, version) == {}
        assert list(back_door.numbers(MODEL)) == [version]

    def test_names_obey_one_grammar__what_a_record_holds(self, registry: ModelRegistry) -> None:
        """Operation ids, metrics, runs, commits and origins that cannot be kept exactly are refused; nothing is made.

        If this fails: call ``registration_values.checked_registration`` first in ``register``.
        """
        bad: list[tuple[object, Callable[[], object]]] = [
            *((each, lambda each=each: _register(registry, operation_id=each)) for each in _BAD_OPERATIONS),
            *((each, lambda each=each: _register(registry, metrics=each)) for each in _BAD_METRICS),
            *((each, lambda each=each: _register(registry, run=each)) for each in (3, b"x", "\ud800")),
            *((each, lambda each=each: _register(registry, commit=each)) for each in (3, b"x", "\ud800")),
            *((each, lambda each=each: _register(registry, origin=each)) for each in _bad_origins()),
            ("if_exists", lambda: _register(registry, if_exists="retrun")),
        ]
        for what, call in bad:
            assert raised_by(call) is InvalidNameError, what
        assert list(registry.models()) == []

    def test_names_obey_one_grammar__numbers_of_versions(self, registry: ModelRegistry) -> None:
        """What is no integer from 0 on is no number of a version, for every method that takes one; ``True`` is none.

        That ``set_alias`` expects is such a number as well, where a condition is not refused as a whole.

        If this fails: call ``naming.check_version`` first in each of them, and for ``expected``.
        """
        made = register(registry)
        registry.set_alias(MODEL, ALIAS, made.version)
        conditional = ModelRegistryCapability.ALIAS_COMPARE_AND_SET in registry.capabilities
        for each in _BAD_NUMBERS:
            wrong = cast("int", each)
            pin = PinnedVersion(model=MODEL, version=wrong, digest=made.digest)
            raised = {
                "get": raised_by(lambda wrong=wrong: registry.get(MODEL, wrong)),
                "set_alias": raised_by(lambda wrong=wrong: registry.set_alias(MODEL, ALIAS, wrong)),
                "set_tags": raised_by(lambda wrong=wrong: registry.set_tags(MODEL, wrong, {})),
                "delete_version": raised_by(lambda wrong=wrong: registry.delete_version(MODEL, wrong)),
                "open": raised_by(lambda pin=pin: registry.open(pin, "model.bin")),
            }
            assert raised == dict.fromkeys(raised, InvalidNameError), each
            if each is not None:  # which expects that there is no such alias
                refused = raised_by(lambda wrong=wrong: registry.set_alias(MODEL, ALIAS, made.version, expected=wrong))
                assert refused is (InvalidNameError if conditional else UnsupportedOperationError), f"expected={each!r}"
        assert registry.resolve(MODEL, ALIAS).version == made.version


def _register(registry: ModelRegistry, /, **arguments: object) -> object:
    """A registration with arguments that no type checker would let through."""
    given = {"operation_id": new_operation(), **arguments}
    return cast("Callable[..., object]", registry.register)(MODEL, make_package(), **given)


def _bad_origins() -> list[Origin]:
    return [
        Origin(backend=cast("str", None), model="m", version=1, digest="d"),
        Origin(backend="b", model=cast("str", 3), version=1, digest="d"),
        Origin(backend="b", model="\ud800", version=1, digest="d"),
        Origin(backend="b", model="m", version=cast("int", "1"), digest="d"),
        Origin(backend="b", model="m", version=True, digest="d"),
        Origin(backend="b", model="m", version=-1, digest="d"),
        Origin(backend="b", model="m", version=1, digest=cast("str", b"d")),
    ]
