"""From what a user writes (``churn``, ``churn:3``, ``churn@champion``) to the version that it means now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.errors import ModelNotFoundError
from mlops_core.naming import ModelRef

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry, PinnedVersion


def pin(registry: ModelRegistry, reference: str | ModelRef, /) -> PinnedVersion:
    """The version that a reference means at this moment.

    Args:
        registry: Where to look.
        reference: A model's name (its latest version), ``name:version`` or ``name@alias``.

    Raises:
        InvalidNameError: The text is not a reference.
        ModelNotFoundError: No such model.
        VersionNotFoundError: No such version, or the model has none.
        AliasNotFoundError: No such alias.
    """
    ref = ModelRef.parse(reference) if isinstance(reference, str) else reference
    if ref.alias is not None:
        return registry.resolve(ref.model, ref.alias)
    if ref.version is not None:
        return registry.get(ref.model, ref.version)
    try:
        return registry.latest(ref.model)
    except ModelNotFoundError as exc:
        name, colon, _ = ref.model.rpartition(":")
        if colon:
            # A vendor's name may hold a colon, so what follows one is taken for a version only if it is a number.
            exc.hint = f"if a version was meant, it is a number, as in {name}:1; {exc.hint}"
        raise
