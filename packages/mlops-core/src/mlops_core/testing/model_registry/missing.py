"""Promise ``missing_things_are_told_apart``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from mlops_core.errors import AliasNotFoundError, ArtifactNotFoundError, ModelNotFoundError, VersionNotFoundError
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import (
    ALIAS,
    MODEL,
    assert_four_parts,
    raised_by,
    read_file,
    register,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_core.ports.model_registry import ModelRegistry

_NO_MODELS: Final = (
    *("nope", "No Such Model", "Größe", "a/../b", "..", "/abs", "%2e%2e", "", "a\0b", "a\ud800b", "x" * 10_000),
    *("Churn", "CHURN", "churn ", " churn", "churn/", "./churn", "churn:1", "churn%", "chur_", "chur*", "churn'--"),
)
"""Names that no model of the test has, and that something between us and the vendor may take for another thing."""
_NO_ALIASES: Final = ("nope", "Champion", "champio", "champion ", "champio%", "a/b", "größe", "", "x" * 10_000)
_NO_FILES: Final = ("nope", "model", "model.bin/", "data", "", ".", "..", "../model.bin", "/etc/passwd", "a\0b")


class MissingThings(ModelRegistryPart):
    """What is not there is an error of its own."""

    @pytest.mark.parametrize(
        "method",
        ["get", "resolve", "latest", "versions", "set_alias", "delete_alias", "set_tags", "delete_version", "open"],
    )
    def test_missing_things_are_told_apart__a_model(self, registry: ModelRegistry, method: str) -> None:
        """Every method that needs a model raises ``ModelNotFoundError`` for one that is not there, in four parts.

        If this fails: translate the vendor's error by the call that was made, not by its code alone; and fill what,
        ``operation``, ``subject``, ``backend``, why and hint.
        """
        made = register(registry)
        calls: Mapping[str, Callable[[], object]] = {
            "get": lambda: registry.get("nope", made.version),
            "resolve": lambda: registry.resolve("nope", ALIAS),
            "latest": lambda: registry.latest("nope"),
            "versions": lambda: next(registry.versions("nope")),
            "set_alias": lambda: registry.set_alias("nope", ALIAS, made.version),
            "delete_alias": lambda: registry.delete_alias("nope", ALIAS),
            "set_tags": lambda: registry.set_tags("nope", made.version, {"a": "b"}),
            "delete_version": lambda: registry.delete_version("nope", made.version),
            "open": lambda: registry.open(replace(made, model="nope"), "model.bin"),
        }
        assert_four_parts(calls[method], ModelNotFoundError, operation=method, subject="nope")

    @pytest.mark.parametrize("method", ["get", "set_alias", "set_tags", "open"])
    def test_missing_things_are_told_apart__a_version(self, registry: ModelRegistry, method: str) -> None:
        """Every method that needs a version raises ``VersionNotFoundError`` where the model is there and it is not.

        If this fails: see whether the vendor says one thing for both, and ask it once more to tell them apart.
        """
        made = register(registry)
        missing = made.version + 1_000
        calls: Mapping[str, Callable[[], object]] = {
            "get": lambda: registry.get(MODEL, missing),
            "set_alias": lambda: registry.set_alias(MODEL, ALIAS, missing),
            "set_tags": lambda: registry.set_tags(MODEL, missing, {"a": "b"}),
            "open": lambda: registry.open(replace(made, version=missing), "model.bin"),
        }
        assert_four_parts(calls[method], VersionNotFoundError, operation=method, subject=MODEL)

    def test_missing_things_are_told_apart__an_alias(self, registry: ModelRegistry) -> None:
        """``resolve`` raises ``AliasNotFoundError`` where the model is there and the alias is not.

        If this fails: translate the vendor's error for a missing alias, whatever its code is.
        """
        registry.set_alias(MODEL, ALIAS, register(registry).version)
        assert_four_parts(
            lambda: registry.resolve(MODEL, "challenger"), AliasNotFoundError, operation="resolve", subject=MODEL
        )

    def test_missing_things_are_told_apart__a_file(self, registry: ModelRegistry) -> None:
        """``open`` raises ``ArtifactNotFoundError`` for a path that the package does not hold, and never leaves it.

        If this fails: look the path up in ``version.manifest.paths``, which begins with ``package.json``, before the
        vendor is asked for it; and fill what, ``operation``, ``subject``, ``backend``, why and hint.
        """
        made = register(registry)
        raised = {path: raised_by(lambda path=path: read_file(registry, made, path)) for path in _NO_FILES}
        assert raised == dict.fromkeys(_NO_FILES, ArtifactNotFoundError)
        for path in ("nope", "modle.bin"):
            assert_four_parts(
                lambda path=path: registry.open(made, path), ArtifactNotFoundError, operation="open", subject=MODEL
            )

    def test_missing_things_are_told_apart__whatever_they_are_called(self, registry: ModelRegistry) -> None:
        """What reads takes any name: one that could never be created is missing, and not refused.

        If this fails: quote names where they become part of an address or a query; do not check them when reading.
        """
        made = register(registry)
        registry.set_alias(MODEL, ALIAS, made.version)
        models = {name: raised_by(lambda name=name: registry.get(name, made.version)) for name in _NO_MODELS}
        assert models == dict.fromkeys(_NO_MODELS, ModelNotFoundError)
        listings = {name: raised_by(lambda name=name: next(registry.versions(name))) for name in _NO_MODELS}
        assert listings == dict.fromkeys(_NO_MODELS, ModelNotFoundError)
        aliases = {name: raised_by(lambda name=name: registry.resolve(MODEL, name)) for name in _NO_ALIASES}
        assert aliases == dict.fromkeys(_NO_ALIASES, AliasNotFoundError)

    def test_missing_things_are_told_apart__in_an_empty_registry(self, registry: ModelRegistry) -> None:
        """Where nothing was ever registered a model is missing, and reading has made nothing.

        If this fails: reading must not create what it does not find.
        """
        assert raised_by(lambda: registry.latest(MODEL)) is ModelNotFoundError
        assert raised_by(lambda: registry.get(MODEL, 1)) is ModelNotFoundError
        assert raised_by(lambda: registry.set_alias(MODEL, ALIAS, 1)) is ModelNotFoundError
        assert list(registry.models()) == []
