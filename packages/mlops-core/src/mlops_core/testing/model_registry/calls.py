"""Calls that many tests of the registry's contract make, in one short word each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

import pytest

from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.errors import BackendError
    from mlops_core.ports.model_registry import IfExists, ModelRegistry, ModelVersion

MODEL: Final = "churn"
"""The model of most tests."""
ALIAS: Final = "champion"
"""The alias of most tests."""
RIVALS: Final = 8
"""How many threads a race has."""


def new_operation() -> str:
    """An operation id that was never used."""
    return uuid4().hex


def register(
    registry: ModelRegistry, content: bytes | str = "a model", /, *, model: str = MODEL, if_exists: IfExists = "return"
) -> ModelVersion:
    """Register a package whose model file has the given content."""
    return registry.register(model, make_package(content), operation_id=new_operation(), if_exists=if_exists)


def read_file(registry: ModelRegistry, version: ModelVersion, path: str, /) -> bytes:
    """The bytes of one file of a version, as the registry gives them."""
    with registry.open(version, path) as stream:
        return stream.read()


def read_files(registry: ModelRegistry, version: ModelVersion, /) -> dict[str, bytes]:
    """The bytes of every file of a version, by path."""
    return {path: read_file(registry, version, path) for path in version.manifest.paths}


def raised_by(call: Callable[[], object], /) -> type[Exception] | None:
    """The class of what a call raises; ``None`` if it returns."""
    try:
        call()
    except Exception as exc:  # noqa: BLE001 (whatever it is, the test judges it)
        return type(exc)
    return None


def assert_four_parts(call: Callable[[], object], kind: type[BackendError], /, *, operation: str, subject: str) -> None:
    """The call raises exactly this class, which says what failed, where, why and what to do next."""
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    assert type(error) is kind
    parts = {"what": error.what, "backend=, of which where is made": error.where, "why": error.why, "hint": error.hint}
    empty = [name for name, value in parts.items() if not value]
    assert not empty, f"{kind.__name__}({error.what!r}, ...) was made without {', '.join(empty)}"
    assert error.operation == operation, "operation= names the method of the port"
    assert subject in error.subject, "subject= names what the method was applied to"
