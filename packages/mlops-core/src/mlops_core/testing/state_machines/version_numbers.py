"""The numbers that an adapter and the memory registry give to the same versions, and records compared across them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mlops_core.testing.state_machines.outcomes import comparable_metrics

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry, ModelVersion, PinnedVersion, RegisteredModel

NEVER_GIVEN: Final = 10**6
"""A number that no version of a short programme has."""


@dataclass(frozen=True)
class Known:
    """A version that was registered once: its model, that model's life, and the number that each side gave it."""

    model: str
    life: int
    adapter: int
    memory: int
    digest: str


class Numbers:
    """Which number of the adapter is which of the memory registry, by model and for its present life only."""

    def __init__(self) -> None:
        self._memory_numbers: dict[str, dict[int, int]] = {}
        self._lives: dict[str, int] = {}

    def add(self, model: str, adapter: int, memory: int) -> None:
        """Note a new version; its number is above all earlier ones of the model's life."""
        known = self._memory_numbers.setdefault(model, {})
        assert adapter > max(known, default=-1), f"{model!r}: version {adapter} was made after {sorted(known)}"
        known[adapter] = memory

    def forget(self, model: str) -> None:
        """The model was deleted: its next life may number as it likes."""
        self._memory_numbers.pop(model, None)
        self._lives[model] = self.life(model) + 1

    def life(self, model: str) -> int:
        """How often the model was deleted."""
        return self._lives.get(model, 0)

    def are_of_another_life(self, version: Known) -> bool:
        """Whether the version's model was deleted since the version was registered."""
        return version.adapter != NEVER_GIVEN and version.life != self.life(version.model)

    def of_memory(self, model: str, adapter: int) -> int | str:
        """The memory registry's number for one of the adapter's."""
        return self._memory_numbers.get(model, {}).get(adapter, f"{adapter}, which register() never gave")

    def of_adapter(self, pin: PinnedVersion) -> int:
        """The adapter's number for a version of the memory registry."""
        return next(each for each, memory in self._memory_numbers[pin.model].items() if memory == pin.version)


def comparable_pin(pin: PinnedVersion, numbers: Numbers | None) -> tuple[str, int | str, str]:
    """A pinned version, with the memory registry's number.

    Args:
        pin: What a registry gave.
        numbers: The numbers of the adapter that gave it; ``None`` for the memory registry.
    """
    number = pin.version if numbers is None else numbers.of_memory(pin.model, pin.version)
    return pin.model, number, pin.digest


def comparable_model(model: RegisteredModel, numbers: Numbers | None) -> tuple[str, dict[str, int | str]]:
    """A listed model, with the memory registry's numbers."""
    if numbers is None:
        return model.name, dict(model.aliases)
    return model.name, {alias: numbers.of_memory(model.name, each) for alias, each in model.aliases.items()}


def comparable_version(version: ModelVersion, numbers: Numbers | None) -> tuple[object, ...]:
    """What has to be equal of a record: all but the time, the page, and whether it was there before."""
    assert version.created_at.utcoffset() == timedelta(0), f"created_at is not UTC: {version.created_at!r}"
    return (
        comparable_pin(version, numbers),
        version.manifest,
        version.operation_id,
        version.aliases,
        dict(version.tags),
        comparable_metrics(version.metrics),
        (version.run, version.commit, version.origin),
    )


def read_all_files(registry: ModelRegistry, model: str) -> list[bytes]:
    """The bytes of every file of every live version of a model, the newest first."""
    found: list[bytes] = []
    for version in registry.versions(model):
        for each in version.manifest.files:
            with registry.open(version, each.path) as stream:
                found.append(stream.read())
    return found
