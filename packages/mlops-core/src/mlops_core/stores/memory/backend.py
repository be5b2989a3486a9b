"""The adapter ``memory``: a registry, a store and a tracker that live as long as the backend does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.errors import ConfigurationError
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore
from mlops_core.stores.memory.experiment_tracker import MemoryExperimentTracker
from mlops_core.stores.memory.model_registry import MemoryModelRegistry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_core.ports.backend import OpenBackend, OptionValue, PortName


class MemoryBackend:
    """The backend ``memory``. Two of them share nothing, and what one holds is gone when nobody holds it any more.

    Args:
        name: The configured name.
        options: None are known.
        base: Not used: it has no paths.

    Raises:
        ConfigurationError: An option was given.
    """

    def __init__(self, name: str, options: Mapping[str, OptionValue], /, *, base: Path) -> None:
        del base
        for option in options:
            raise ConfigurationError(
                f"unknown option {option!r}",
                where=f"backend {name!r}, adapter 'memory'",
                why="the adapter 'memory' has no options",
                hint=f"remove {option!r}, or choose another adapter",
            )
        self._name = name
        self._registry = MemoryModelRegistry(backend=name)
        self._store = MemoryArtifactStore(backend=name)
        self._tracker = MemoryExperimentTracker(backend=name)

    @property
    def name(self) -> str:
        """See :attr:`BackendFactory.name`."""
        return self._name

    @property
    def adapter(self) -> str:
        """See :attr:`BackendFactory.adapter`."""
        return "memory"

    @property
    def ports(self) -> frozenset[PortName]:
        """See :attr:`BackendFactory.ports`."""
        return frozenset({"model_registry", "artifact_store", "experiment_tracker"})

    def model_registry(self) -> MemoryModelRegistry:
        """See :meth:`BackendFactory.model_registry`."""
        return self._registry

    def artifact_store(self) -> MemoryArtifactStore:
        """See :meth:`BackendFactory.artifact_store`."""
        return self._store

    def experiment_tracker(self) -> MemoryExperimentTracker:
        """See :meth:`BackendFactory.experiment_tracker`."""
        return self._tracker

    def close(self) -> None:
        """See :meth:`BackendFactory.close`; nothing is open."""


if TYPE_CHECKING:
    # The type checker compares the adapter and what it makes with the ports: a method that differs is an error here.
    _conforms: OpenBackend = MemoryBackend
