"""The client: one method for each request. It never asks twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acme_vault.records import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from acme_vault.records import Model, Page, Point, Run, StoredFile, Version
    from acme_vault.wire import Wire


class VaultClient:
    """Talks to a vault.

    Args:
        wire: The way to it.
        token: Who asks.
    """

    def __init__(self, wire: Wire, token: str) -> None:
        self._wire = wire
        self._token = token

    def __repr__(self) -> str:
        return "<VaultClient>"

    def _ask(self, operation: str, /, **arguments: object) -> Any:
        return self._wire.send(Request(operation=operation, arguments=arguments, token=self._token))

    def upload(self, data: bytes) -> str:
        """Bring bytes to the vault; the answer names them for :meth:`create_version`."""
        return self._ask("upload", data=data)

    def create_version(
        self,
        model: str,
        files: Mapping[str, str],
        *,
        notes: str,
        checksum: str,
        external_id: str,
        tags: Mapping[str, str],
    ) -> Version:
        """Make the next version of a model, and the model if need be, of uploads by path: one transaction."""
        return self._ask(
            "create_version",
            model=model,
            files=dict(files),
            notes=notes,
            checksum=checksum,
            external_id=external_id,
            tags=dict(tags),
        )

    def get_model(self, model: str) -> Model:
        """A model with all its aliases."""
        return self._ask("get_model", model=model)

    def get_version(self, model: str, number: int) -> Version:
        """A live version."""
        return self._ask("get_version", model=model, number=number)

    def get_alias(self, model: str, alias: str) -> Version:
        """The version that an alias points at."""
        return self._ask("get_alias", model=model, alias=alias)

    def list_models(self, cursor: str | None = None) -> Page[Model]:
        """Models in order of name."""
        return self._ask("list_models", cursor=cursor)

    def list_versions(
        self, model: str, cursor: str | None = None, *, checksum: str | None = None, external_id: str | None = None
    ) -> Page[Version]:
        """Live versions, highest number first; with a checksum or an external id, those that have it."""
        return self._ask("list_versions", model=model, cursor=cursor, checksum=checksum, external_id=external_id)

    def read_file(self, model: str, number: int, path: str) -> bytes:
        """A file of a version."""
        return self._ask("read_file", model=model, number=number, path=path)

    def put_alias(self, model: str, alias: str, number: int) -> None:
        """Point an alias at a version."""
        self._ask("put_alias", model=model, alias=alias, number=number)

    def drop_alias(self, model: str, alias: str) -> None:
        """Remove an alias."""
        self._ask("drop_alias", model=model, alias=alias)

    def replace_tags(self, model: str, number: int, tags: Mapping[str, str]) -> None:
        """Give a version these tags and no others."""
        self._ask("replace_tags", model=model, number=number, tags=dict(tags))

    def delete_version(self, model: str, number: int) -> None:
        """Delete a version with its aliases and files."""
        self._ask("delete_version", model=model, number=number)

    def delete_model(self, model: str, *, cascade: bool) -> None:
        """Delete a model; one with versions only with ``cascade``."""
        self._ask("delete_model", model=model, cascade=cascade)

    def create_run(self, run: str, experiment: str, *, name: str, tags: Mapping[str, str]) -> None:
        """Begin a run under an id that the caller makes up; again with the same id, nothing happens."""
        self._ask("create_run", run=run, experiment=experiment, name=name, tags=dict(tags))

    def get_run(self, run: str) -> Run:
        """A run."""
        return self._ask("get_run", run=run)

    def list_runs(self, experiment: str | None = None, cursor: str | None = None) -> Page[Run]:
        """Runs, newest first."""
        return self._ask("list_runs", experiment=experiment, cursor=cursor)

    def add_params(self, run: str, params: Mapping[str, str]) -> None:
        """Add parameters; another value than the one that is there is a conflict, and then none is added."""
        self._ask("add_params", run=run, params=dict(params))

    def add_points(self, run: str, points: Sequence[tuple[str, int, int, float]]) -> None:
        """Add metric points (key, step, time, value); what is there already is not doubled."""
        self._ask("add_points", run=run, points=list(points))

    def list_points(self, run: str, key: str, cursor: str | None = None) -> Page[Point]:
        """Points of a metric, in order of step, time and value."""
        return self._ask("list_points", run=run, key=key, cursor=cursor)

    def replace_run_tags(self, run: str, tags: Mapping[str, str]) -> None:
        """Give a run these tags and no others."""
        self._ask("replace_run_tags", run=run, tags=dict(tags))

    def put_run_file(self, run: str, path: str, data: bytes) -> None:
        """Store a file of a run."""
        self._ask("put_run_file", run=run, path=path, data=data)

    def list_run_files(self, run: str, cursor: str | None = None) -> Page[StoredFile]:
        """Files of a run, in order of path."""
        return self._ask("list_run_files", run=run, cursor=cursor)

    def read_run_file(self, run: str, path: str) -> bytes:
        """A file of a run."""
        return self._ask("read_run_file", run=run, path=path)

    def end_run(self, run: str, state: str) -> None:
        """End a run; one that has ended stays as it is."""
        self._ask("end_run", run=run, state=state)
