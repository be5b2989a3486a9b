"""A session opens what is used once, closes what it opened, and says what to type when a port is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from mlops_core.errors import ConfigurationError, UnsupportedOperationError
from mlops_core.sessions import Session, open_session, reset_session, session
from mlops_core.settings import PORTS, BackendSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.ports.backend import BackendFactory, OptionValue, PortName
    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.ports.model_registry import ModelRegistry


@dataclass
class StandIn:
    """A backend whose ports are plain objects."""

    name: str
    adapter: str
    ports: frozenset[PortName]
    closed: int = 0
    fails_to_close: bool = False
    registry: object = field(default_factory=object)
    store: object = field(default_factory=object)
    tracker: object = field(default_factory=object)

    def model_registry(self) -> ModelRegistry:
        return cast("ModelRegistry", self.registry)

    def artifact_store(self) -> ArtifactStore:
        return cast("ArtifactStore", self.store)

    def experiment_tracker(self) -> ExperimentTracker:
        return cast("ExperimentTracker", self.tracker)

    def close(self) -> None:
        self.closed += 1
        if self.fails_to_close:
            raise OSError("connection lost")


class Adapters:
    """Two adapters, one with every port, one with the registry alone, that remember what they opened."""

    def __init__(self) -> None:
        self.opened: list[StandIn] = []

    def every(self, name: str, _options: Mapping[str, OptionValue], /, *, base: Path) -> BackendFactory:
        return self._made(StandIn(name, "every", frozenset(PORTS)))

    def registry_only(self, name: str, _options: Mapping[str, OptionValue], /, *, base: Path) -> BackendFactory:
        return self._made(StandIn(name, "registry_only", frozenset({"model_registry"})))

    def _made(self, backend: StandIn) -> StandIn:
        self.opened.append(backend)
        return backend

    def session(self, settings: Settings) -> Session:
        return Session(settings, adapters={"every": self.every, "registry_only": self.registry_only})


def settings_using(use: str | Mapping[PortName, str]) -> Settings:
    backends = {
        "prod": BackendSettings(adapter="registry_only"),
        "broken": BackendSettings(adapter="nowhere"),
        "lake": BackendSettings(adapter="every"),
    }
    return Settings(use=use, backends=backends, base=Path("/base"))


@pytest.fixture
def adapters() -> Adapters:
    return Adapters()


def test_nothing_is_opened_before_it_is_used(adapters: Adapters) -> None:
    with adapters.session(settings_using("prod")) as opened:
        assert adapters.opened == []
        registry = opened.model_registry
        assert opened.model_registry is registry
        assert opened.backend_name("model_registry") == "prod"
    assert [(each.name, each.closed) for each in adapters.opened] == [("prod", 1)]


def test_ports_may_come_from_different_backends(adapters: Adapters) -> None:
    settings = settings_using({"model_registry": "prod", "artifact_store": "lake", "experiment_tracker": "lake"})
    with adapters.session(settings) as opened:
        found = (opened.model_registry, opened.artifact_store, opened.experiment_tracker)
    prod, lake = adapters.opened
    assert found == (prod.registry, lake.store, lake.tracker)


def test_a_missing_port_shows_the_line_to_type(adapters: Adapters) -> None:
    with adapters.session(settings_using("prod")) as opened:
        with pytest.raises(UnsupportedOperationError, match="'registry_only' offers no artifact_store") as caught:
            _ = opened.artifact_store
        expected = 'use = { model_registry = "prod", artifact_store = "lake", experiment_tracker = "prod" }'
        assert caught.value.hint == f"write into mlops.toml: {expected}"
        assert caught.value.backend == "prod"


def test_a_port_is_offered_if_use_chooses_a_backend_that_has_it(adapters: Adapters) -> None:
    with adapters.session(settings_using("prod")) as opened:
        assert [opened.offers(port) for port in PORTS] == [port == "model_registry" for port in PORTS]
    with adapters.session(settings_using({"artifact_store": "lake"})) as opened:
        assert [opened.offers(port) for port in PORTS] == [port == "artifact_store" for port in PORTS]


def test_threads_share_one_backend(adapters: Adapters) -> None:
    with adapters.session(settings_using("lake")) as opened, ThreadPoolExecutor(8) as pool:
        barrier = threading.Barrier(8)

        def use(_: int) -> object:
            barrier.wait()
            return opened.artifact_store

        stores = list(pool.map(use, range(8)))
    assert all(each is stores[0] for each in stores)
    assert len(adapters.opened) == 1


def test_a_closed_session_says_so(adapters: Adapters) -> None:
    opened = adapters.session(settings_using("lake"))
    _ = opened.model_registry
    opened.close()
    opened.close()
    assert adapters.opened[0].closed == 1
    with pytest.raises(ConfigurationError, match="the session is closed") as caught:
        _ = opened.model_registry
    assert "open_session()" in caught.value.hint


def test_every_backend_is_closed_even_when_one_fails(adapters: Adapters) -> None:
    opened = adapters.session(settings_using({"model_registry": "prod", "artifact_store": "lake"}))
    _ = (opened.model_registry, opened.artifact_store)
    for each in adapters.opened:
        each.fails_to_close = True
    with pytest.raises(OSError, match="connection lost"):
        opened.close()
    assert [each.closed for each in adapters.opened] == [1, 1]


def test_sessions_do_not_share_backends(adapters: Adapters) -> None:
    settings = settings_using("lake")
    with adapters.session(settings) as one, adapters.session(settings) as two:
        assert one.model_registry is not two.model_registry


def test_open_session_takes_settings_or_a_file(tmp_path: Path) -> None:
    settings = settings_using("prod")
    assert open_session(settings=settings).settings is settings
    assert open_session("lake", settings=settings).settings.use == "lake"
    with pytest.raises(ConfigurationError, match="no backend 'home'"):
        open_session("home", settings=settings)
    with pytest.raises(ConfigurationError, match="exclude each other"):
        open_session(config=tmp_path / "mlops.toml", settings=settings)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    for name in [each for each in os.environ if each.startswith("MLOPS_")]:
        monkeypatch.delenv(name)
    reset_session()
    yield tmp_path
    reset_session()


def test_the_default_session_is_one_until_it_is_reset_or_closed(project: Path) -> None:
    first = session()
    assert session() is first
    (project / "mlops.toml").write_text('use = "x"\n[backends.x]\nadapter = "local"\n')
    assert session().settings.use == "home"
    reset_session()
    assert first.closed
    second = session()
    assert second.settings.use == "x"
    second.close()
    assert session() is not second


def test_threads_get_one_default_session(project: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        sessions = [each.result() for each in [pool.submit(session) for _ in range(8)]]
    assert all(each is sessions[0] for each in sessions)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_opens_its_own_backends_even_while_a_thread_of_its_parent_opens_one(tmp_path: Path) -> None:
    script = Path(__file__).with_name("fork_while_opening.py")
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == ["child: True 1 True", "parent: 0 True [] False", "closed: 2"], done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_a_default_session_of_its_own(project: Path) -> None:
    parents = session()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            own = session() is not parents and session() is session() and not parents.closed
            os.write(writing, b"own" if own else b"shared")
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as stream:
        assert stream.read() == b"own"
    assert session() is parents
