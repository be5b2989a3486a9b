"""From what a user writes (``churn``, ``churn:3``, ``churn@champion``) to the version that it means now."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    return registry.latest(ref.model)
