"""Sessions: one open set of backends, their connections and their end; and the process's default session."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self, SupportsFloat

from mlops_core.backends import open_backend
from mlops_core.errors import ConfigurationError, MlopsError, UnsupportedOperationError
from mlops_core.settings import PORTS, load_settings, use_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from mlops_core.models import LoadedModel
    from mlops_core.models.cache import PackageCache
    from mlops_core.naming import ModelRef
    from mlops_core.operations.register import TrainedOn
    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.ports.backend import BackendFactory, OpenBackend, PortName
    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.ports.model_registry import IfExists, ModelRegistry, ModelVersion, PinnedVersion
    from mlops_core.settings import Settings


class _Opened:
    """What one process has opened for a session, and the lock under which it does so."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.backends: dict[str, BackendFactory] = {}
        self.cache: PackageCache | None = None


class Session:
    """One open set of backends. A context manager; may be used from several threads.

    Backends open on first use and close together. Any number of sessions can be open at once. A forked child opens
    its own on its first use, and leaves its parent's alone: connections and locks do not survive a fork. A registry,
    store or tracker that was taken from the session before the fork is the parent's: ask the session again.

    Args:
        settings: What is configured.
        adapters: Adapters by name, instead of the installed ones.
    """

    def __init__(self, settings: Settings, *, adapters: Mapping[str, OpenBackend] | None = None) -> None:
        self._settings = settings
        self._adapters = adapters
        self._by_process: dict[int, _Opened] = {}
        self._closed = False

    @property
    def settings(self) -> Settings:
        """What is configured."""
        return self._settings

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    @property
    def model_registry(self) -> ModelRegistry:
        """The registry that ``use`` chooses.

        Raises:
            UnsupportedOperationError: The chosen backend has none.
            ConfigurationError: The backend cannot be opened, or the session is closed.
        """
        return self._offering("model_registry").model_registry()

    @property
    def artifact_store(self) -> ArtifactStore:
        """The artifact store that ``use`` chooses.

        Raises:
            UnsupportedOperationError: The chosen backend has none.
            ConfigurationError: The backend cannot be opened, or the session is closed.
        """
        return self._offering("artifact_store").artifact_store()

    @property
    def experiment_tracker(self) -> ExperimentTracker:
        """The experiment tracker that ``use`` chooses.

        Raises:
            UnsupportedOperationError: The chosen backend has none.
            ConfigurationError: The backend cannot be opened, or the session is closed.
        """
        return self._offering("experiment_tracker").experiment_tracker()

    def offers(self, port: PortName) -> bool:
        """Whether ``use`` chooses a backend for a port, and that backend has it.

        Raises:
            ConfigurationError: The backend cannot be opened, or the session is closed.
            AdapterNotFoundError: Its adapter is not installed.
        """
        use = self._settings.use
        return (isinstance(use, str) or port in use) and port in self.backend(self.backend_name(port)).ports

    def backend_name(self, port: PortName) -> str:
        """The configured name of the backend that ``use`` chooses for a port."""
        return self._settings.backend_for(port)

    def backend(self, name: str) -> BackendFactory:
        """An open backend by its configured name, chosen by ``use`` or not; the same object each time.

        Raises:
            ConfigurationError: No such backend, its options are wrong, or the session is closed.
            AdapterNotFoundError: Its adapter is not installed.
        """
        mine = self._mine()
        with mine.lock:
            if self._closed:
                why = "its backends were closed with it"
                raise ConfigurationError("the session is closed", why=why, hint="open another: open_session()")
            if name not in mine.backends:
                mine.backends[name] = open_backend(name, self._settings, adapters=self._adapters)
            return mine.backends[name]

    def _mine(self) -> _Opened:
        # One step, so that the first threads of a process agree. The parent's entry stays: dropping it could close
        # connections that are still in use over there.
        return self._by_process.setdefault(os.getpid(), _Opened())

    def _offering(self, port: PortName) -> BackendFactory:
        name = self.backend_name(port)
        backend = self.backend(name)
        if port in backend.ports:
            return backend
        raise UnsupportedOperationError(
            f"the adapter {backend.adapter!r} offers no {port}",
            operation=port,
            subject=port,
            backend=name,
            why=f"it offers {', '.join(sorted(backend.ports))}",
            hint=f"write into mlops.toml: {self._better_use(port)}",
        )

    def _better_use(self, port: PortName) -> str:
        use = self._settings.use
        choice = dict.fromkeys(PORTS, use) if isinstance(use, str) else dict(use)
        return use_table({**choice, port: self._any_offering(port) or "<another backend>"})

    def _any_offering(self, port: PortName) -> str | None:
        for name in self._settings.backends:
            try:
                if port in self.backend(name).ports:
                    return name
            except MlopsError:  # a backend that cannot be opened is no suggestion, and not the error to report
                continue
        return None

    def register(
        self,
        model_name: str,
        model: object,
        /,
        *,
        dataset: TrainedOn | None = None,
        metrics: Mapping[str, SupportsFloat] | None = None,
        tags: Mapping[str, str] | None = None,
        if_exists: IfExists = "return",
        serializer: str | None = None,
        run: str | None = None,
        commit: str | None = None,
    ) -> ModelVersion:
        """Register a fitted model; see :func:`mlops_core.operations.register.register_model`."""
        from mlops_core.operations.register import register_model

        return register_model(
            self.model_registry,
            model_name,
            model,
            dataset=dataset,
            metrics=metrics,
            tags=tags,
            if_exists=if_exists,
            serializer=serializer,
            run=run,
            commit=commit,
        )

    def load(self, reference: str | ModelRef | PinnedVersion, /, *, allow_unsafe: bool = False) -> LoadedModel:
        """Load a model: its record and signature now, the estimator on first use.

        Args:
            reference: Such as ``late-flight@champion``.
            allow_unsafe: Whether a pickle may be loaded, which can run any code.

        Raises:
            NotFoundError: No such model, version or alias.
            IntegrityError: The stored bytes are not those that were registered.
            UntrustedModelError: The package holds something that the settings do not trust.
        """
        from mlops_core.models.loading import load_model
        from mlops_core.models.trust import TrustPolicy

        return load_model(
            self.model_registry,
            reference,
            cache=self._package_cache(),
            trust=TrustPolicy(extra_types=self._settings.trust.types),
            allow_unsafe=allow_unsafe,
        )

    def _package_cache(self) -> PackageCache:
        from mlops_core.models.cache import PackageCache

        mine = self._mine()
        with mine.lock:
            if mine.cache is None:
                configured = self._settings.cache
                mine.cache = PackageCache(configured.path or _user_cache(), configured.max_bytes)
            return mine.cache

    def close(self) -> None:
        """Close every backend that this process opened. May be called twice."""
        mine = self._mine()
        with mine.lock, ExitStack() as closing:
            self._closed = True
            for backend in mine.backends.values():
                closing.callback(backend.close)  # every one is closed, even when one of them fails
            mine.backends = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<{state} session, use={self._settings.use!r}, {self._settings.place}>"


def _user_cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("mlops-core") / "packages"


def open_session(use: str | None = None, *, config: Path | None = None, settings: Settings | None = None) -> Session:
    """Open a session of one's own; close it, or use it in a ``with``.

    Args:
        use: The backend for every port, instead of what the settings say.
        config: The settings file, instead of the one found.
        settings: Settings that are there already, instead of any file.

    Raises:
        ConfigurationError: The settings are wrong, or both ``config`` and ``settings`` were given.
    """
    if settings is None:
        return Session(load_settings(config=config, use=use))
    if config is not None:
        raise ConfigurationError("config and settings exclude each other", hint="give one of them")
    return Session(settings if use is None else settings.using(use))


class _Default:
    """The process's default session. A convenience of the edge: inside, everything takes what it needs as arguments."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Session | None = None

    def get(self) -> Session:
        with self._lock:
            if self._session is None or self._session.closed:
                self._session = open_session()
            return self._session

    def reset(self) -> None:
        with self._lock:
            left, self._session = self._session, None
        if left is not None:
            left.close()

    def forget(self) -> None:
        # In a forked child: the parent's connections are not ours to close, and its lock may be held by a thread
        # that does not exist here.
        self._lock = threading.Lock()
        self._session = None


_default = _Default()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_default.forget)


def session() -> Session:
    """The process's default session: opened on first use from ``mlops.toml``, and again after a fork or a close.

    Raises:
        ConfigurationError: The settings are wrong.
    """
    return _default.get()


def reset_session() -> None:
    """Close the default session; the next :func:`session` reads the settings again."""
    _default.reset()
