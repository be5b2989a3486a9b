"""Back doors of an MLflow server: its REST API and its folder of artifacts, and no code of the adapter's."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import requests
from mlops_core.manifest import MANIFEST_FILE
from mlops_core.ports.experiment_tracker import MetricPoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlops_core.manifest import Package

    from ..servers.mlflow_servers import MlflowServer

_MANIFEST: Final = "mlops.manifest"
_OURS: Final = ("mlops.", "mlflow.")
_CODED: Final = str.maketrans({each: f"~{ord(each):02X}" for each in "%#?;"})
"""Characters that MLflow would take for parts of an address, as the files of versions are named."""
_PAGE: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Requests to a workspace of a server, as anybody with ``curl`` would make them.

    Attributes:
        server: The server.
        workspace: The workspace.
    """

    server: MlflowServer
    workspace: str

    def ask(self, path: str, /, **query: object) -> dict[str, Any]:
        """A question, such as ``ask("runs/get", run_id="...")``."""
        return self._answer("GET", path, params=query)

    def tell(self, path: str, /, **body: object) -> dict[str, Any]:
        """A command, such as ``tell("runs/create", experiment_id="1")``."""
        return self._answer("POST", path, json=body)

    def drop(self, path: str, /, **body: object) -> dict[str, Any]:
        """A removal, such as ``drop("model-versions/delete-tag", name="churn", version="1", key="team")``."""
        return self._answer("DELETE", path, json=body)

    def pages(self, path: str, name: str, /, **query: object) -> Iterator[dict[str, Any]]:
        """What all pages of an answer list under a name."""
        token = ""
        while True:
            page = self.ask(path, **query, max_results=_PAGE, **({"page_token": token} if token else {}))
            yield from page.get(name, [])
            token = page.get("next_page_token", "")
            if not token:
                return

    def folder(self, address: str, /) -> Path:
        """Where the artifacts of an address lie."""
        return self.server.artifacts / address.removeprefix("mlflow-artifacts:/")

    def _answer(self, method: Literal["GET", "POST", "DELETE"], path: str, **content: Any) -> dict[str, Any]:
        url = f"{self.server.url}/api/2.0/mlflow/{path}"
        headers = {"X-MLFLOW-WORKSPACE": self.workspace}
        answer = requests.request(method, url, headers=headers, timeout=30, **content)
        answer.raise_for_status()
        return answer.json()


class RegistryBackDoor:
    """Reads and writes registered models past the adapter; see ``ModelRegistryBackDoor``.

    The files of a version lie below its source; ``package.json`` lies in its tags, in pieces if it is long.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def numbers(self, model: str, /) -> Sequence[int]:
        found = self._rest.pages("model-versions/search", "model_versions", filter=f"name = '{model}'")
        return [int(each["version"]) for each in found]

    def aliases(self, model: str, /) -> Mapping[str, int]:
        found = self._rest.pages("registered-models/search", "registered_models", filter=f"name = '{model}'")
        return {each["alias"]: int(each["version"]) for known in found for each in known.get("aliases", [])}

    def tags(self, model: str, version: int, /) -> Mapping[str, str]:
        return {key: value for key, value in self._tags(model, version).items() if not key.startswith(_OURS)}

    def read(self, model: str, version: int, path: str, /) -> bytes:
        if path != MANIFEST_FILE:
            return self._file(model, version, path).read_bytes()
        return "".join(self._pieces(model, version).values()).encode()

    def damage(self, model: str, version: int, path: str, /) -> None:
        if path != MANIFEST_FILE:
            file = self._file(model, version, path)
            file.write_bytes(_damaged(file.read_bytes()))
            return
        key, text = list(self._pieces(model, version).items())[-1]
        damaged = _damaged(text.encode()).decode()
        self._rest.tell("model-versions/set-tag", name=model, version=str(version), key=key, value=damaged)

    def remove(self, model: str, version: int, path: str, /) -> None:
        if path != MANIFEST_FILE:
            self._file(model, version, path).unlink()
            return
        for key in self._pieces(model, version):
            self._rest.drop("model-versions/delete-tag", name=model, version=str(version), key=key)

    def add(self, model: str, version: int, path: str, data: bytes, /) -> None:
        _write(self._file(model, version, path), data)

    def move_alias(self, model: str, alias: str, version: int, /) -> None:
        self._rest.tell("registered-models/alias", name=model, alias=alias, version=str(version))

    def make_model(self, model: str, package: Package, /) -> int:
        experiment = self._rest.tell("experiments/create", name=f"by hand: {model}")["experiment_id"]
        run = self._rest.tell("runs/create", experiment_id=experiment)["run"]["info"]
        source = f"{run['artifact_uri']}/by-hand"
        for each in package.manifest.files:
            with package.open(each.path) as stream:
                _write(self._rest.folder(source) / each.path, stream.read())
        tags = {
            "mlops.digest": package.manifest.digest,
            "mlops.operation_id": f"by-hand-{run['run_id']}",
            _MANIFEST: package.manifest.to_bytes().decode(),
        }
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        self._rest.tell("registered-models/create", name=model)
        made = self._rest.tell("model-versions/create", name=model, source=source, run_id=run["run_id"], tags=listed)
        return int(made["model_version"]["version"])

    def _version(self, model: str, version: int) -> dict[str, Any]:
        return self._rest.ask("model-versions/get", name=model, version=version)["model_version"]

    def _tags(self, model: str, version: int) -> dict[str, str]:
        return _pairs(self._version(model, version).get("tags", []))

    def _pieces(self, model: str, version: int) -> dict[str, str]:
        """The tags that hold ``package.json``: one, or ``mlops.manifest.1`` and so on."""
        tags = self._tags(model, version)
        keys = [key for key in tags if key == _MANIFEST or key.startswith(f"{_MANIFEST}.")]
        return {key: tags[key] for key in sorted(keys, key=lambda each: (len(each), each))}

    def _file(self, model: str, version: int, path: str) -> Path:
        return self._rest.folder(self._version(model, version)["source"]) / path.translate(_CODED)


class TrackerBackDoor:
    """Reads runs past the adapter; see ``ExperimentTrackerBackDoor``."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def params(self, run_id: str, /) -> Mapping[str, str]:
        return _pairs(self._run(run_id)["data"].get("params", []))

    def points(self, run_id: str, key: str, /) -> Sequence[MetricPoint]:
        found = self._rest.pages("metrics/get-history", "metrics", run_id=run_id, metric_key=key)
        return [
            MetricPoint(
                key=key,
                value=_number(each["value"]),
                step=int(each.get("step", 0)),
                time=_EPOCH + timedelta(milliseconds=int(each["timestamp"])),
            )
            for each in found
        ]

    def tags(self, run_id: str, /) -> Mapping[str, str]:
        tags = _pairs(self._run(run_id)["data"].get("tags", []))
        return {key: value for key, value in tags.items() if not key.startswith(_OURS)}

    def file(self, run_id: str, path: str, /) -> bytes:
        return (self._rest.folder(self._run(run_id)["info"]["artifact_uri"]) / path).read_bytes()

    def _run(self, run_id: str) -> dict[str, Any]:
        return self._rest.ask("runs/get", run_id=run_id)["run"]


def _number(stored: float | str) -> float:
    """What a value stands for: an infinity is stored as the largest double, which no test of the contract logs."""
    value = float(stored)
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value


def _pairs(listed: Sequence[Mapping[str, object]]) -> dict[str, str]:
    return {cast("str", each["key"]): cast("str", each.get("value", "")) for each in listed}


def _damaged(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
