"""The adapter ``local``: a registry, a store and a tracker in one folder of this host, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_core.errors import ConfigurationError, near_matches
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.stores.tracker import StoreExperimentTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.ports.backend import OpenBackend, OptionValue, PortName

_OPTIONS: Final = ("path",)


class LocalBackend:
    """The backend ``local``. Making it touches no disk; the folder is made at the first write.

    Args:
        name: The configured name.
        options: ``path``, the folder: absolute, below the home folder (``~``), or relative to ``base``.
        base: The folder against which a relative path is taken.

    Raises:
        ConfigurationError: An option is unknown, missing or wrong.
    """

    def __init__(self, name: str, options: Mapping[str, OptionValue], /, *, base: Path) -> None:
        where = f"backend {name!r}, adapter 'local'"
        for option in options:
            if option not in _OPTIONS:
                raise ConfigurationError(
                    f"unknown option {option!r}",
                    where=where,
                    why="the adapter 'local' has one option: path",
                    hint=near_matches(option, _OPTIONS),
                )
        path = options.get("path")
        if not isinstance(path, str) or not path.strip() or "\0" in path:
            raise ConfigurationError(
                "the option 'path' is missing" if path is None else "the option 'path' is not a path",
                where=where,
                why="it is the folder that holds the models, as text" + ("" if path is None else f", not {path!r}"),
                hint='path = ".mlops"',
            )
        self._name = name
        self._store = FileArtifactStore(base / Path(path).expanduser(), backend=name)
        self._registry = StoreModelRegistry(self._store, backend=name)
        self._tracker = StoreExperimentTracker(self._store, backend=name)

    @property
    def name(self) -> str:
        """See :attr:`BackendFactory.name`."""
        return self._name

    @property
    def adapter(self) -> str:
        """See :attr:`BackendFactory.adapter`."""
        return "local"

    @property
    def ports(self) -> frozenset[PortName]:
        """See :attr:`BackendFactory.ports`."""
        return frozenset({"model_registry", "artifact_store", "experiment_tracker"})

    def model_registry(self) -> StoreModelRegistry:
        """See :meth:`BackendFactory.model_registry`."""
        return self._registry

    def artifact_store(self) -> FileArtifactStore:
        """See :meth:`BackendFactory.artifact_store`."""
        return self._store

    def experiment_tracker(self) -> StoreExperimentTracker:
        """See :meth:`BackendFactory.experiment_tracker`."""
        return self._tracker

    def close(self) -> None:
        """See :meth:`BackendFactory.close`; nothing is kept open between calls."""


if TYPE_CHECKING:
    # The type checker compares the adapter and what it makes with the ports: a method that differs is an error here.
    _conforms: OpenBackend = LocalBackend
