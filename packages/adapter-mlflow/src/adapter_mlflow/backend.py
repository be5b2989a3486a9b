"""The backend ``mlflow``: a registry and a tracker on one server, or on two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from mlops_core.errors import UnsupportedOperationError
from mlops_core.settings.options import read_options
from mlops_core.stores.conditional_writes import Retries

from adapter_mlflow._client import MlflowRestClient
from adapter_mlflow._run_client import RunClient
from adapter_mlflow.experiment_tracker import MlflowExperimentTracker
from adapter_mlflow.experiments import Experiments
from adapter_mlflow.model_registry import MlflowModelRegistry
from adapter_mlflow.package_homes import PackageHomes
from adapter_mlflow.pages import Pages
from adapter_mlflow.settings import MlflowSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_core.ports.backend import OpenBackend, OptionValue, PortName


class MlflowBackend:
    """The backend ``mlflow``. Making it makes no request, loads no SDK and reads no secret.

    Args:
        name: The configured name.
        options: See :class:`~adapter_mlflow.settings.MlflowSettings`.
        base: The folder against which the files of secrets and certificates are taken.

    Raises:
        ConfigurationError: An option is unknown, missing or wrong.
    """

    def __init__(self, name: str, options: Mapping[str, OptionValue], /, *, base: Path) -> None:
        settings = read_options(MlflowSettings, options, backend=name, adapter="mlflow", base=base).below(base)
        settings.check(f"backend {name!r}, adapter 'mlflow'")
        self._name = name
        self._ports = MlflowPorts(settings, backend=name)

    @property
    def name(self) -> str:
        """See :attr:`BackendFactory.name`."""
        return self._name

    @property
    def adapter(self) -> str:
        """See :attr:`BackendFactory.adapter`."""
        return "mlflow"

    @property
    def ports(self) -> frozenset[PortName]:
        """See :attr:`BackendFactory.ports`."""
        return frozenset({"model_registry", "experiment_tracker"})

    @property
    def native(self) -> Any:
        """MLflow's own ``MlflowClient`` of the same servers.

        It takes its credentials, certificates and workspace from MLflow's environment variables, whenever it makes a
        request, and not from the settings: it offers no public way to be given others, and this library writes no
        environment.
        """
        return self._ports.native

    def model_registry(self) -> MlflowModelRegistry:
        """See :meth:`BackendFactory.model_registry`."""
        return self._ports.registry

    def artifact_store(self) -> NoReturn:
        """Not offered: ``ports`` does not name it.

        Raises:
            UnsupportedOperationError: Always.
        """
        raise UnsupportedOperationError(
            "the adapter 'mlflow' offers no artifact_store",
            operation="artifact_store",
            subject=self._name,
            backend=self._name,
            why="MLflow keeps files of runs and of models only",
            hint="name another backend for it: use = { artifact_store = ... }",
        )

    def experiment_tracker(self) -> MlflowExperimentTracker:
        """See :meth:`BackendFactory.experiment_tracker`."""
        return self._ports.tracker

    def close(self) -> None:
        """See :meth:`BackendFactory.close`."""
        self._ports.close()


class MlflowPorts:
    """The two ports of one configuration, on shared connections.

    Args:
        settings: Where the servers are, and how they are asked.
        backend: The configured name, for messages.
        retries: How often and how fast requests are made again.
        pages: Where people reach the pages of models and runs; by default at the servers' own addresses.
    """

    def __init__(
        self, settings: MlflowSettings, *, backend: str, retries: Retries | None = None, pages: str | None = None
    ) -> None:
        retries = retries or Retries()
        tracking, registry = settings.addresses
        self._tracking = MlflowRestClient(settings, address=tracking, retries=retries)
        same = tracking == registry
        self._registry = self._tracking if same else MlflowRestClient(settings, address=registry, retries=retries)
        # MLflow takes a version only of files that it serves itself, so those are on the registry's server too.
        runs = RunClient(self._registry)
        homes = PackageHomes(runs, Experiments(runs, backend=backend), experiment=settings.experiment, retries=retries)
        self.registry: MlflowModelRegistry = MlflowModelRegistry(
            self._registry,
            homes=homes,
            backend=backend,
            pages=Pages(pages or registry, settings.workspace),
            retries=retries,
        )
        self.tracker: MlflowExperimentTracker = MlflowExperimentTracker(
            self._tracking, backend=backend, pages=Pages(pages or tracking, settings.workspace), retries=retries
        )

    @property
    def native(self) -> Any:
        """MLflow's own client."""
        return self._tracking.native(self._registry.address)

    def close(self) -> None:
        """Close the connections; a later call opens others."""
        self._tracking.close()
        self._registry.close()


if TYPE_CHECKING:
    # The type checker compares the adapter and what it makes with the ports: a method that differs is an error here.
    _conforms: OpenBackend = MlflowBackend
