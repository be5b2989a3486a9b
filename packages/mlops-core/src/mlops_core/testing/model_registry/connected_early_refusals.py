"""Bad input and what is not declared are refused before any request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import pytest

from mlops_core.errors import BackendUnavailableError, InvalidNameError, MlopsError, UnsupportedOperationError
from mlops_core.ports.model_registry import ModelRegistryCapability
from mlops_core.testing.model_registry.calls import ALIAS, MODEL
from mlops_core.testing.model_registry.connected_scenes import NEW, Fresh, OnAConnection, Scene, prepared
from mlops_core.testing.model_registry.names import BAD_ALIASES, BAD_MODELS, BAD_TAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_core.ports.model_registry import ModelRegistry

_Bad: TypeAlias = "Callable[[ModelRegistry], object]"
_BAD_OPERATIONS: Final = ("", "a/b", "a b", "x" * 65)
_NO_TAGS: Final[Mapping[str, str]] = {}
_BAD_NUMBERS: Final = ("1", True, 1.0, -1)


class EarlyRefusals(OnAConnection):
    """With the connection cut, the error of bad input arrives all the same, and no request is made."""

    def test_names_obey_one_grammar__before_any_request(self, fresh_registry: Fresh) -> None:
        """Names, tags and operation ids outside the grammar are refused without asking the backend.

        If this fails: the adapter begins (by making the model, by uploading a file) before it has checked its
        arguments with :mod:`mlops_core.naming`, or leaves the check to the vendor.
        """
        scene = prepared(fresh_registry())
        version = scene.versions[0].version

        def register(model: str = MODEL, operation: str = "op-new", tags: Mapping[str, str] = _NO_TAGS) -> _Bad:
            return lambda registry: registry.register(model, NEW, operation_id=operation, tags=tags)

        bad_tags = [cast("dict[str, str]", each) for each in BAD_TAGS]
        bad: list[_Bad] = [
            *(register(model=each) for each in BAD_MODELS),
            *(register(operation=each) for each in _BAD_OPERATIONS),
            *(register(tags=each) for each in bad_tags),
            *(lambda registry, each=each: registry.set_alias(MODEL, each, version) for each in BAD_ALIASES),
            *(lambda registry, each=each: registry.set_tags(MODEL, version, each) for each in bad_tags),
        ]
        for call in bad:
            _assert_refused(scene, call, InvalidNameError)

    def test_names_obey_one_grammar__and_numbers_are_integers_before_any_request(self, fresh_registry: Fresh) -> None:
        """What is no number of a version is refused without asking the backend, ``True`` and ``1.0`` too.

        If this fails: the method does not begin with ``naming.check_version``.
        """
        scene = prepared(fresh_registry())
        first = scene.versions[0]
        for each in _BAD_NUMBERS:
            wrong = cast("int", each)
            bad: list[_Bad] = [
                lambda registry, wrong=wrong: registry.get(MODEL, wrong),
                lambda registry, wrong=wrong: registry.set_alias(MODEL, ALIAS, wrong),
                lambda registry, wrong=wrong: registry.set_tags(MODEL, wrong, {"stage": "gold"}),
                lambda registry, wrong=wrong: registry.delete_version(MODEL, wrong),
                lambda registry, wrong=wrong: registry.open(replace(first, version=wrong), "model.bin"),
            ]
            for call in bad:
                _assert_refused(scene, call, InvalidNameError)

    def test_capability_alias_compare_and_set__before_any_request(self, fresh_registry: Fresh) -> None:
        """Undeclared, ``expected`` is refused without asking the backend; declared, the backend is asked.

        If this fails: ``expected`` is ignored or half works where ``ALIAS_COMPARE_AND_SET`` is not declared, or the
        adapter compares with something that it has remembered.
        """
        scene = prepared(fresh_registry())
        first, second = (each.version for each in scene.versions)
        declared = ModelRegistryCapability.ALIAS_COMPARE_AND_SET in scene.registry.capabilities
        for expected in (first, None):

            def move(registry: ModelRegistry, expected: int | None = expected) -> object:
                return registry.set_alias(MODEL, ALIAS, second, expected=expected)

            if declared:
                before = scene.connection.requests
                with scene.connection.cut():
                    _assert_raises(scene, move, BackendUnavailableError)
                assert scene.connection.requests > before
            else:
                _assert_refused(scene, move, UnsupportedOperationError)
        assert scene.others().resolve(MODEL, ALIAS).version == first


def _assert_refused(scene: Scene, call: _Bad, kind: type[MlopsError]) -> None:
    before = scene.connection.requests
    with scene.connection.cut():
        _assert_raises(scene, call, kind)
    assert scene.connection.requests == before, "the backend was asked before the arguments were checked"


def _assert_raises(scene: Scene, call: _Bad, kind: type[MlopsError]) -> None:
    with pytest.raises(kind) as caught:
        call(scene.registry)
    error = caught.value
    assert error.what
    assert error.why
    assert error.hint
