"""A registry in a workspace of its own, through a proxy that counts and disturbs its requests."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapter_mlflow import MlflowPorts, MlflowSettings

from tests.contract.mlflow_back_doors import RegistryBackDoor, Rest
from tests.contract.mlflow_subjects import IMPATIENT, refusal
from tests.servers.http_proxy import PASS, HttpProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from adapter_mlflow import MlflowModelRegistry
    from mlops_core.stores.conditional_writes import Retries

    from tests.servers.http_proxy import Fate, Request
    from tests.servers.mlflow_servers import MlflowServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An empty place of a server.

    Attributes:
        ports: A registry and a tracker, through the proxy.
        proxy: What their requests go through.
        rest: The same place without the adapter.
    """

    ports: MlflowPorts
    proxy: HttpProxy
    rest: Rest
    opened: list[MlflowPorts] = field(default_factory=list[MlflowPorts])

    @property
    def registry(self) -> MlflowModelRegistry:
        """The registry."""
        return self.ports.registry

    @property
    def back_door(self) -> RegistryBackDoor:
        """MLflow's REST API and the folder of files."""
        return RegistryBackDoor(self.rest)

    def another(self, **more: Any) -> MlflowPorts:
        """What another process would open on the same place, through the same proxy."""
        ports = ports_at(self.proxy.url, self.rest.workspace, **more)
        self.opened.append(ports)
        return ports

    def cold(self) -> MlflowModelRegistry:
        """A registry that knows nothing yet."""
        return self.another().registry

    def count(self, call: Callable[[], object]) -> int:
        """How many requests a call makes."""
        before = self.proxy.requests
        call()
        return self.proxy.requests - before

    @contextmanager
    def once(self, fate: Fate, method: str, path: str, *, times: int = 1) -> Generator[list[Request]]:
        """The first such requests meet a fate; gives those that met it."""
        met: list[Request] = []

        def plan(request: Request) -> Fate:
            if len(met) < times and request.method == method and request.path.partition("?")[0].endswith(path):
                met.append(request)
                return fate
            return PASS

        with self.proxy.planning(plan):
            yield met
        assert len(met) == times, f"{len(met)} requests of {method} {path}"


def ports_at(url: str, workspace: str, *, retries: Retries = IMPATIENT, **more: Any) -> MlflowPorts:
    """Ports on a workspace."""
    options: dict[str, Any] = {
        "tracking_uri": url,
        "workspace": workspace,
        "connect_timeout": 2.0,
        "read_timeout": 20.0,
        **more,
    }
    return MlflowPorts(MlflowSettings(**options), backend="team", retries=retries)


@contextmanager
def place_on(server: MlflowServer) -> Generator[Place]:
    """An empty place for the time of a ``with``."""
    workspace = server.new_workspace()
    with HttpProxy(server.url, refusal=refusal) as proxy:
        ports = ports_at(proxy.url, workspace)
        place = Place(ports=ports, proxy=proxy, rest=Rest(server=server, workspace=workspace), opened=[ports])
        yield place
        for each in place.opened:
            each.close()


def by_hand(place: Place, files: dict[str, bytes], name: str = "by-hand") -> str:
    """Register a folder of files as version 1 of a model, with MLflow's requests alone."""
    experiment = place.rest.tell("experiments/create", name=f"by hand: {name}")["experiment_id"]
    run = place.rest.tell("runs/create", experiment_id=experiment)["run"]["info"]
    source = f"{run['artifact_uri']}/model"
    for path, data in files.items():
        target = place.rest.folder(source) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    place.rest.tell("registered-models/create", name=name)
    place.rest.tell("model-versions/create", name=name, source=source, run_id=run["run_id"])
    return source
