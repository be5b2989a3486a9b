"""What an adapter's fixtures give to the contracts: empty instances, a back door, a connection that can be broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mlops_core.errors import BackendError
    from mlops_core.manifest import Package
    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.ports.backend import OpenBackend, OptionValue
    from mlops_core.ports.experiment_tracker import ExperimentTracker, MetricPoint
    from mlops_core.ports.model_registry import ModelRegistry


class Connection(Protocol):
    """What lies between an adapter and its backend, and can be broken: a proxy, or a wrapper of the vendor's client.

    Requests are numbered from 0 within a ``with``.
    """

    @property
    def requests(self) -> int:
        """How many requests the adapter has made so far."""
        ...

    @property
    def refusals(self) -> frozenset[type[BackendError]]:
        """Which of ``AuthenticationError`` and ``AccessDeniedError`` :meth:`refusing` can provoke."""
        ...

    def cut(self, *, after: int = 0) -> AbstractContextManager[None]:
        """Let ``after`` requests through; every later one finds nobody until the ``with`` ends."""
        ...

    def losing_reply(self, *, to: int = 0) -> AbstractContextManager[None]:
        """The backend does what request number ``to`` asks, and the adapter never learns of it."""
        ...

    def refusing(self, error: type[BackendError], /) -> AbstractContextManager[None]:
        """Every request is refused, as by a backend that does not know who asks or does not allow it."""
        ...


class ModelRegistryBackDoor(Protocol):
    """Reads and writes past the adapter, with the vendor's own tools, so that an adapter cannot corroborate itself."""

    def numbers(self, model: str, /) -> Sequence[int]:
        """The numbers of the live versions of a model, in any order; none for an unknown model."""
        ...

    def aliases(self, model: str, /) -> Mapping[str, int]:
        """What the aliases of a model point at; none for an unknown model."""
        ...

    def tags(self, model: str, version: int, /) -> Mapping[str, str]:
        """The tags of a version that users have set."""
        ...

    def read(self, model: str, version: int, path: str, /) -> bytes:
        """The stored bytes of one file of a version's package."""
        ...

    def damage(self, model: str, version: int, path: str, /) -> None:
        """Change one byte of a stored file, at the same length."""
        ...

    def remove(self, model: str, version: int, path: str, /) -> None:
        """Remove one stored file of a version."""
        ...

    def add(self, model: str, version: int, path: str, data: bytes, /) -> None:
        """Put a file beside those of a version's package, as somebody with the vendor's tools may do."""
        ...

    def move_alias(self, model: str, alias: str, version: int, /) -> None:
        """Point an alias at a version."""
        ...

    def make_model(self, model: str, package: Package, /) -> int:
        """Make a model of any name that the vendor takes, with one version of a package.

        Returns:
            The version's number.
        """
        ...


class ArtifactStoreBackDoor(Protocol):
    """Reads and writes past the adapter, with the vendor's own tools."""

    def keys(self) -> Sequence[str]:
        """Every key, in any order."""
        ...

    def read(self, key: str, /) -> bytes:
        """The stored bytes of a key."""
        ...

    def write(self, key: str, data: bytes, /) -> None:
        """Store bytes under a key."""
        ...


class ExperimentTrackerBackDoor(Protocol):
    """Reads and writes past the adapter, with the vendor's own tools."""

    def params(self, run_id: str, /) -> Mapping[str, str]:
        """The stored parameters of a run."""
        ...

    def points(self, run_id: str, key: str, /) -> Sequence[MetricPoint]:
        """The stored points of a metric, in any order."""
        ...

    def tags(self, run_id: str, /) -> Mapping[str, str]:
        """The tags of a run that users have set."""
        ...

    def file(self, run_id: str, path: str, /) -> bytes:
        """The stored bytes of a file of a run."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryUnderTest:
    """An empty registry, isolated from every other.

    Attributes:
        registry: The instance.
        another: Opens one more instance on the same place, as another process would.
        back_door: The vendor's own tools on the same place.
        connection: Breaks what lies between ``registry`` and its backend; ``None`` for one that lives in this process.
        secrets: Values that the instance was opened with and that must appear nowhere.
    """

    registry: ModelRegistry
    another: Callable[[], ModelRegistry]
    back_door: ModelRegistryBackDoor
    connection: Connection | None = None
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUnderTest:
    """An empty artifact store, isolated from every other; the attributes mean what they mean for a registry."""

    store: ArtifactStore
    another: Callable[[], ArtifactStore]
    back_door: ArtifactStoreBackDoor
    connection: Connection | None = None
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerUnderTest:
    """An empty experiment tracker, isolated from every other; the attributes mean what they mean for a registry."""

    tracker: ExperimentTracker
    another: Callable[[], ExperimentTracker]
    back_door: ExperimentTrackerBackDoor
    connection: Connection | None = None
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendUnderTest:
    """What opens a backend, and what a user would write for it.

    Attributes:
        open: What the entry point names.
        adapter: The name of the entry point.
        options: The backend's table of the settings, without ``adapter``. Ports are made with them, and not used.
        base: The folder of the settings.
    """

    open: OpenBackend
    adapter: str
    options: Mapping[str, OptionValue]
    base: Path
