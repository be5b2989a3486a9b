"""Moving an alias to a version, and saying what that changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_core.errors import AliasNotFoundError, VersionNotFoundError
from mlops_core.models.references import pin
from mlops_core.naming import check_alias
from mlops_core.ports.model_registry import UNCHECKED, ModelVersion, Unchecked

if TYPE_CHECKING:
    from mlops_core.naming import ModelRef
    from mlops_core.ports.model_registry import ModelRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """An alias that was moved.

    Attributes:
        alias: The alias.
        before: What it pointed at when the promotion began; ``None`` if it did not exist, or its version is gone.
        after: What it points at now.
    """

    alias: str
    before: ModelVersion | None
    after: ModelVersion

    @property
    def metrics(self) -> dict[str, tuple[float | None, float | None]]:
        """Metrics of either version by name, before and after; ``None`` where a version has no such metric."""
        new = self.after.metrics
        old = self.before.metrics if self.before else dict[str, float]()
        return {name: (old.get(name), new.get(name)) for name in sorted({*old, *new})}


def promote(
    registry: ModelRegistry,
    reference: str | ModelRef,
    /,
    *,
    alias: str,
    expected: int | Unchecked | None = UNCHECKED,
) -> Promotion:
    """Point an alias at the version that a reference means now.

    Args:
        registry: Where the model is.
        reference: Such as ``late-flight:3``, ``late-flight@challenger``, or ``late-flight`` for the latest version.
        alias: The alias to move.
        expected: Compare-and-set: the version that it must point at now, ``None`` for none.

    Raises:
        InvalidNameError: The alias or the reference breaks the grammar.
        NotFoundError: No such model, version or alias to promote.
        ConflictError: ``expected`` does not hold; nothing was changed.
        UnsupportedOperationError: ``expected`` on a registry that cannot compare and set.
    """
    check_alias(alias)
    pinned = pin(registry, reference)
    after = pinned if isinstance(pinned, ModelVersion) else registry.get(pinned.model, pinned.version)
    before = _holder(registry, pinned.model, alias)
    registry.set_alias(pinned.model, alias, pinned.version, expected=expected)
    return Promotion(alias=alias, before=before, after=after)


def _holder(registry: ModelRegistry, model: str, alias: str) -> ModelVersion | None:
    try:
        return registry.get(model, registry.resolve(model, alias).version)
    except (AliasNotFoundError, VersionNotFoundError):
        return None
