"""The tracker's requests, typed: one of HTTP each, unless the docstring says otherwise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.json_values import as_mapping, as_text

from adapter_mlflow._answers import each, one
from adapter_mlflow.run_documents import point_from_json, point_to_json, run_from_json, user_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlops_core.json_values import JsonValue

    from adapter_mlflow._client import MlflowRestClient
    from adapter_mlflow.metric_notes import StoredPoint
    from adapter_mlflow.run_documents import StoredRun

MAX_POINTS: Final = 1_000
"""Most metric points of one request."""
_MAX_PAIRS: Final = 100
_MAX_BATCH: Final = 900_000
"""Bytes. MLflow refuses a batch of more than a million."""
_HISTORY_PAGE: Final = 25_000
_EXPERIMENTS_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment: its id, its name, and whether it is in MLflow's trash."""

    id: str
    name: str
    deleted: bool


class RunClient:
    """Requests about runs and experiments. It may be used from several threads.

    Args:
        client: Sends them.
    """

    def __init__(self, client: MlflowRestClient) -> None:
        self._client = client

    def experiment_of_name(self, name: str) -> Experiment:
        """The experiment of a name; ``RESOURCE_DOES_NOT_EXIST`` if there is none."""
        answer = self._client.call("GET", "experiments/get-by-name", {"experiment_name": name})
        return one(answer, "experiment", _experiment)

    def experiment_of_id(self, experiment_id: str) -> Experiment:
        """The experiment of an id."""
        answer = self._client.call("GET", "experiments/get", {"experiment_id": experiment_id})
        return one(answer, "experiment", _experiment)

    def create_experiment(self, name: str) -> Experiment:
        """Create an experiment; ``RESOURCE_ALREADY_EXISTS`` also if an earlier request of ours has done so."""
        answer = self._client.call("POST", "experiments/create", {"name": name})
        return Experiment(id=one(answer, "experiment_id", as_text), name=name, deleted=False)

    def experiments(self) -> Iterator[Experiment]:
        """All experiments that are not in the trash; one request for every 1,000."""
        body = {"max_results": _EXPERIMENTS_PAGE, "view_type": "ACTIVE_ONLY"}
        for answer in self._client.pages("POST", "experiments/search", body):
            yield from each(answer, "experiments", _experiment)

    def create_run(self, experiment_id: str, *, name: str, started: int, tags: Mapping[str, str]) -> StoredRun:
        """Begin a run; never sent twice, so whether a lost answer made one has to be looked up."""
        entries = _entries({**user_tags(), **tags})
        body: dict[str, JsonValue] = {"experiment_id": experiment_id, "start_time": started, "tags": entries}
        if name:
            body["run_name"] = name
        answer = self._client.call("POST", "runs/create", body, creates=True)
        return one(answer, "run", run_from_json)

    def run(self, run_id: str) -> StoredRun:
        """A run, also one in the trash; ``RESOURCE_DOES_NOT_EXIST`` if there is none."""
        answer = self._client.call("GET", "runs/get", {"run_id": run_id})
        return one(answer, "run", run_from_json)

    def delete_run(self, run_id: str) -> None:
        """Put a run into the trash."""
        self._client.call("POST", "runs/delete", {"run_id": run_id})

    def search(self, experiment_ids: Sequence[str], condition: str, *, page: int) -> Iterator[StoredRun]:
        """The runs that fulfil a condition of MLflow's, newest first; one request for each page of so many."""
        body: dict[str, JsonValue] = {
            "experiment_ids": experiment_ids,
            "filter": condition,
            "run_view_type": "ACTIVE_ONLY",
            "max_results": page,
            "order_by": ["attributes.start_time DESC"],
        }
        for answer in self._client.pages("POST", "runs/search", body):
            yield from each(answer, "runs", run_from_json)

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Write parameters; at least one request for every 100."""
        for batch in _batches(_entries(params), _MAX_PAIRS):
            self._client.call("POST", "runs/log-batch", {"run_id": run_id, "params": batch})

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags; at least one request for every 100."""
        for batch in _batches(_entries(tags), _MAX_PAIRS):
            self._client.call("POST", "runs/log-batch", {"run_id": run_id, "tags": batch})

    def log_points(self, run_id: str, points: Iterable[StoredPoint]) -> None:
        """Write metric points, infinite ones too; one request for every 1,000. What is there already is not doubled."""
        for batch in _batches(map(point_to_json, points), MAX_POINTS):
            self._client.call("POST", "runs/log-batch", {"run_id": run_id, "metrics": batch})

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag; ``RESOURCE_DOES_NOT_EXIST`` if it is not there."""
        self._client.call("POST", "runs/delete-tag", {"run_id": run_id, "key": key})

    def end_run(self, run_id: str, *, status: str, ended: int) -> None:
        """End a run."""
        body: dict[str, JsonValue] = {"run_id": run_id, "status": status, "end_time": ended}
        self._client.call("POST", "runs/update", body)

    def history(self, run_id: str, key: str) -> Iterator[StoredPoint]:
        """The points of a metric, none for a run that is not there; one request for every 25,000."""
        query = {"run_id": run_id, "metric_key": key, "max_results": _HISTORY_PAGE}
        for answer in self._client.pages("GET", "metrics/get-history", query):
            yield from each(answer, "metrics", point_from_json)


def _experiment(value: JsonValue) -> Experiment:
    found = as_mapping(value)
    return Experiment(
        id=as_text(found["experiment_id"]),
        name=as_text(found["name"]),
        deleted=found.get("lifecycle_stage") == "deleted",
    )


def _entries(pairs: Mapping[str, str]) -> list[Mapping[str, JsonValue]]:
    return [{"key": key, "value": value} for key, value in pairs.items()]


def _batches(entries: Iterable[Mapping[str, JsonValue]], most: int) -> Iterator[list[Mapping[str, JsonValue]]]:
    """The entries in lists that MLflow takes in one request."""
    batch: list[Mapping[str, JsonValue]] = []
    size = 0
    for entry in entries:
        more = len(json.dumps(entry)) + 2
        if batch and (len(batch) == most or size + more > _MAX_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += more
    if batch:
        yield batch
