"""The factory that the entry point names: one object for each configured backend, which makes its two ports."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mlops_core.errors import UnsupportedOperationError

from acme_adapter._client import Calls, open_client
from acme_adapter.experiment_tracker import AcmeExperimentTracker
from acme_adapter.model_registry import AcmeModelRegistry
from acme_adapter.settings import AcmeSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import NoReturn

    from mlops_core.ports.backend import OpenBackend, OptionValue, PortName


class AcmeBackend:
    """The backend ``acme``. Making it makes no request and reads no secret.

    Args:
        name: The configured name.
        options: See :meth:`AcmeSettings.read`.
        base: The folder against which relative paths are taken.

    Raises:
        ConfigurationError: An option is unknown, missing or wrong.
    """

    def __init__(self, name: str, options: Mapping[str, OptionValue], /, *, base: Path) -> None:
        self._settings = AcmeSettings.read(name, options, base=base)
        self._lock = threading.Lock()
        self._calls: Calls | None = None
        self._registry: AcmeModelRegistry | None = None
        self._tracker: AcmeExperimentTracker | None = None

    @property
    def name(self) -> str:
        """See :attr:`BackendFactory.name`."""
        return self._settings.name

    @property
    def adapter(self) -> str:
        """See :attr:`BackendFactory.adapter`."""
        return "acme"

    @property
    def ports(self) -> frozenset[PortName]:
        """See :attr:`BackendFactory.ports`."""
        return frozenset({"model_registry", "experiment_tracker"})

    def model_registry(self) -> AcmeModelRegistry:
        """See :meth:`BackendFactory.model_registry`."""
        with self._lock:
            if self._registry is None:
                self._registry = AcmeModelRegistry(self._open())
            return self._registry

    def experiment_tracker(self) -> AcmeExperimentTracker:
        """See :meth:`BackendFactory.experiment_tracker`."""
        with self._lock:
            if self._tracker is None:
                self._tracker = AcmeExperimentTracker(self._open())
            return self._tracker

    def artifact_store(self) -> NoReturn:
        """Not offered: ``ports`` does not name it.

        Raises:
            UnsupportedOperationError: Always.
        """
        raise UnsupportedOperationError(
            "the adapter 'acme' offers no artifact_store", operation="artifact_store", backend=self.name
        )

    def close(self) -> None:
        """See :meth:`BackendFactory.close`; the vendor's client keeps nothing open between requests."""

    def _open(self) -> Calls:
        if self._calls is None:
            self._calls = Calls(open_client(self._settings), backend=self.name)
        return self._calls


if TYPE_CHECKING:
    # The type checker compares the factory and what it makes with the ports: a method that differs is an error here.
    _conforms: OpenBackend = AcmeBackend
