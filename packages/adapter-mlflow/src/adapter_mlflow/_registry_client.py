"""The registry's requests, typed: one of HTTP each, unless the docstring says otherwise."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from mlops_core.json_values import as_text

from adapter_mlflow._answers import each, one
from adapter_mlflow.version_documents import StoredModel, StoredVersion, model_from_json, version_from_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_core.json_values import JsonValue

    from adapter_mlflow._client import MlflowRestClient

_PAGE: Final = 1_000


class RegistryClient:
    """Requests about models and versions. It may be used from several threads.

    Args:
        client: Sends them.
    """

    def __init__(self, client: MlflowRestClient) -> None:
        self._client = client

    def create_model(self, model: str) -> None:
        """Create a model; ``RESOURCE_ALREADY_EXISTS`` also if an earlier request of ours has done so."""
        self._client.call("POST", "registered-models/create", {"name": model})

    def model(self, model: str) -> StoredModel:
        """A model, or a prompt, which shares the names of models."""
        answer = self._client.call("GET", "registered-models/get", {"name": model})
        return one(answer, "registered_model", model_from_json)

    def models(self) -> Iterator[StoredModel]:
        """Every model, in any order, without prompts; one request for every 1,000."""
        for page in self._client.pages("GET", "registered-models/search", {"max_results": _PAGE}):
            yield from each(page, "registered_models", model_from_json)

    def delete_model(self, model: str) -> None:
        """Delete a model with its versions, or a prompt."""
        self._client.call("DELETE", "registered-models/delete", {"name": model})

    def create_version(
        self, model: str, *, source: str, run_id: str, tags: Mapping[str, str], description: str = ""
    ) -> StoredVersion:
        """Make a version; never sent twice, so whether a lost answer made one has to be looked up."""
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        body: dict[str, JsonValue] = {"name": model, "source": source, "run_id": run_id, "tags": listed}
        if description:
            body["description"] = description
        answer = self._client.call("POST", "model-versions/create", body, creates=True)
        return one(answer, "model_version", version_from_json)

    def version(self, model: str, version: int) -> StoredVersion:
        """A version with its aliases, of a model or of a prompt."""
        answer = self._client.call("GET", "model-versions/get", {"name": model, "version": str(version)})
        return one(answer, "model_version", version_from_json)

    def version_of_alias(self, model: str, alias: str) -> StoredVersion:
        """What an alias points at; a missing one is an ``INVALID_PARAMETER_VALUE``."""
        answer = self._client.call("GET", "registered-models/alias", {"name": model, "alias": alias})
        return one(answer, "model_version", version_from_json)

    def versions(self, model: str, *, having: Mapping[str, str] | None = None) -> Iterator[StoredVersion]:
        """Live versions of a model, none of a prompt, newest first, without aliases; one request for every 1,000.

        Args:
            model: The model's name.
            having: Tags that they must have.
        """
        yield from self._found(model, having or {}, _PAGE)

    def newest_version(self, model: str) -> StoredVersion | None:
        """The highest live version of a model, without aliases."""
        return next(iter(self.newest_versions(model, 1)), None)

    def newest_versions(self, model: str, most: int) -> list[StoredVersion]:
        """So many of the highest live versions of a model, none of a prompt, newest first, without aliases."""
        return list(islice(self._found(model, {}, most), most))

    def download_uri(self, model: str, version: int) -> str:
        """Where the files of a version lie, whatever its source says."""
        answer = self._client.call("GET", "model-versions/get-download-uri", {"name": model, "version": str(version)})
        return one(answer, "artifact_uri", as_text)

    def delete_version(self, model: str, version: int) -> None:
        """Delete a version, and the aliases that point at it; its files stay."""
        self._client.call("DELETE", "model-versions/delete", {"name": model, "version": str(version)})

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Point an alias at a version."""
        body = {"name": model, "alias": alias, "version": str(version)}
        self._client.call("POST", "registered-models/alias", body)

    def delete_alias(self, model: str, alias: str) -> None:
        """Remove an alias, whether it is there or not."""
        self._client.call("DELETE", "registered-models/alias", {"name": model, "alias": alias})

    def set_tag(self, model: str, version: int, key: str, value: str) -> None:
        """Set one tag of a version, and no other."""
        body = {"name": model, "version": str(version), "key": key, "value": value}
        self._client.call("POST", "model-versions/set-tag", body)

    def delete_tag(self, model: str, version: int, key: str) -> None:
        """Remove one tag of a version, whether it is there or not."""
        body = {"name": model, "version": str(version), "key": key}
        self._client.call("DELETE", "model-versions/delete-tag", body)

    def _found(self, model: str, having: Mapping[str, str], page: int) -> Iterator[StoredVersion]:
        conditions = [_named(model), *(f"tags.`{key}` = '{value}'" for key, value in having.items())]
        query: dict[str, JsonValue] = {
            "filter": " AND ".join(conditions),
            "order_by": "version_number DESC",
            "max_results": page,
        }
        for answer in self._client.pages("GET", "model-versions/search", query):
            found = each(answer, "model_versions", version_from_json)
            yield from (version for version in found if version.model == model)


def _named(model: str) -> str:
    if "'" not in model:
        return f"name = '{model}'"
    if '"' not in model:
        return f'name = "{model}"'
    # MLflow's language quotes with one of the two and escapes neither; a pattern can leave a character open.
    return 'name LIKE "{}"'.format(model.replace('"', "_"))
