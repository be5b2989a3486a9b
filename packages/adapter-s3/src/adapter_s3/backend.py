"""The backend ``s3``: all three ports on one bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_core.settings.options import read_options
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.stores.tracker import StoreExperimentTracker

from adapter_s3.artifact_store import S3ArtifactStore
from adapter_s3.settings import S3Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_core.ports.backend import OpenBackend, OptionValue, PortName

_RACE_PAUSE: Final = 0.05
"""Seconds: about two requests over a network, so that who has lost a race does not meet the same rivals at once."""


class S3Backend:
    """The backend ``s3``. Making it makes no request and loads no SDK.

    Args:
        name: The configured name.
        options: See :class:`~adapter_s3.settings.S3Settings`.
        base: The folder against which the files of secrets are taken.

    Raises:
        ConfigurationError: An option is unknown, missing or wrong.
    """

    def __init__(self, name: str, options: Mapping[str, OptionValue], /, *, base: Path) -> None:
        settings = read_options(S3Settings, options, backend=name, adapter="s3", base=base)
        settings.check(f"backend {name!r}, adapter 's3'")
        self._name = name
        self._store = S3ArtifactStore(settings, backend=name, probe_memory=_probe_memory())
        retries = Retries(first_race_pause=_RACE_PAUSE)
        self._registry = StoreModelRegistry(self._store, backend=name, retries=retries)
        self._tracker = StoreExperimentTracker(self._store, backend=name, retries=retries)

    @property
    def name(self) -> str:
        """See :attr:`BackendFactory.name`."""
        return self._name

    @property
    def adapter(self) -> str:
        """See :attr:`BackendFactory.adapter`."""
        return "s3"

    @property
    def ports(self) -> frozenset[PortName]:
        """See :attr:`BackendFactory.ports`."""
        return frozenset({"model_registry", "artifact_store", "experiment_tracker"})

    def model_registry(self) -> StoreModelRegistry:
        """See :meth:`BackendFactory.model_registry`."""
        return self._registry

    def artifact_store(self) -> S3ArtifactStore:
        """See :meth:`BackendFactory.artifact_store`."""
        return self._store

    def experiment_tracker(self) -> StoreExperimentTracker:
        """See :meth:`BackendFactory.experiment_tracker`."""
        return self._tracker

    def close(self) -> None:
        """See :meth:`BackendFactory.close`."""
        self._store.close()


def _probe_memory() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("mlops-core") / "s3-probes"


if TYPE_CHECKING:
    # The type checker compares the adapter and what it makes with the ports: a method that differs is an error here.
    _conforms: OpenBackend = S3Backend
