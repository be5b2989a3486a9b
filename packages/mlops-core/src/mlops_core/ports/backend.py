"""The abstract factory: one object per configured backend, which makes the ports that the vendor offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.secret import Secret

PortName: TypeAlias = Literal["model_registry", "artifact_store", "experiment_tracker"]
OptionValue: TypeAlias = "bool | int | float | str | Secret | Sequence[OptionValue] | Mapping[str, OptionValue] | None"
"""What a settings file can hold for an option of a backend; ``{ env = "NAME" }`` arrives as a ``Secret``."""


class BackendFactory(Protocol):
    """One vendor, opened under one name: makes the registry, the store and the tracker that belong together.

    A port that the vendor does not offer is missing from ``ports`` and its method is never called.
    """

    @property
    def name(self) -> str:
        """The configured name, such as ``prod``."""
        ...

    @property
    def adapter(self) -> str:
        """The adapter's name, such as ``local``."""
        ...

    @property
    def ports(self) -> frozenset[PortName]:
        """The ports that this vendor offers."""
        ...

    def model_registry(self) -> ModelRegistry:
        """The registry; the same object each time."""
        ...

    def artifact_store(self) -> ArtifactStore:
        """The store; the same object each time."""
        ...

    def experiment_tracker(self) -> ExperimentTracker:
        """The tracker; the same object each time."""
        ...

    def close(self) -> None:
        """Close what was opened; afterwards no port is used. May be called twice."""
        ...


class OpenBackend(Protocol):
    """What the entry-point group ``mlops.backends`` names: checks options and makes the factory, without a request."""

    def __call__(self, name: str, options: Mapping[str, OptionValue], /, *, base: Path) -> BackendFactory:
        """Make the factory.

        Args:
            name: The configured name.
            options: The backend's table of the settings, without ``adapter``.
            base: The folder against which relative paths are taken.

        Raises:
            ConfigurationError: An option is unknown, missing or wrong.
        """
        ...
