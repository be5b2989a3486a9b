"""The vault itself: one SQLite file, one transaction for each request. It keeps nothing open between requests."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from acme_vault import models, runs
from acme_vault.errors import AcmeForbidden, AcmeRejected, AcmeUnauthorized, AcmeUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from acme_vault.records import Request

_TOKENS: Final = "CREATE TABLE tokens (token TEXT PRIMARY KEY, rights TEXT) WITHOUT ROWID;"
_INTEGER_BITS: Final = 63
_READS: Final[Mapping[str, Callable[..., object]]] = {
    "get_model": models.get_model,
    "get_version": models.get_version,
    "get_alias": models.get_alias,
    "list_models": models.list_models,
    "list_versions": models.list_versions,
    "read_file": models.read_file,
    "get_run": runs.get_run,
    "list_runs": runs.list_runs,
    "list_points": runs.list_points,
    "list_run_files": runs.list_run_files,
    "read_run_file": runs.read_run_file,
}
_WRITES: Final[Mapping[str, Callable[..., object]]] = {
    "upload": models.upload,
    "create_version": models.create_version,
    "put_alias": models.put_alias,
    "drop_alias": models.drop_alias,
    "replace_tags": models.replace_tags,
    "delete_version": models.delete_version,
    "delete_model": models.delete_model,
    "create_run": runs.create_run,
    "add_params": runs.add_params,
    "add_points": runs.add_points,
    "replace_run_tags": runs.replace_run_tags,
    "put_run_file": runs.put_run_file,
    "end_run": runs.end_run,
}


class Vault:
    """The way to a vault of this machine.

    Args:
        path: Its file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, request: Request, /) -> object:
        """See :meth:`Wire.send`."""
        writes = request.operation in _WRITES
        carry_out = _WRITES.get(request.operation) or _READS.get(request.operation)
        if carry_out is None:
            raise AcmeRejected(f"the vault knows no {request.operation!r}")
        try:
            with closing(_connect(self._path)) as db, db:
                db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                _authorise(db, request, writes=writes)
                return carry_out(db, **{name: _as_sql(value) for name, value in request.arguments.items()})
        except sqlite3.OperationalError as exc:
            raise AcmeUnreachable(f"the vault cannot be opened: {exc}") from exc


def create_vault(path: Path, tokens: Mapping[str, str]) -> None:
    """Make an empty vault.

    Args:
        path: Its file.
        tokens: ``"write"``, ``"read"`` or ``"suspended"`` by token.
    """
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript("PRAGMA synchronous = OFF;" + _TOKENS + models.TABLES + runs.TABLES)
        db.executemany("INSERT INTO tokens VALUES (?, ?)", tokens.items())


def _as_sql(value: object) -> Any:
    # SQLite takes neither lone surrogates nor integers of more than 64 bits. What is called like that is not there, and
    # bytes are equal to no text and to no number.
    if isinstance(value, str):
        return b"" if any("\ud800" <= each <= "\udfff" for each in value) else value
    return b"" if isinstance(value, int) and value.bit_length() > _INTEGER_BITS else value


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=30, isolation_level=None)
    # The vault of a test need not survive the loss of power.
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA journal_mode = MEMORY")
    return db


def _authorise(db: sqlite3.Connection, request: Request, *, writes: bool) -> None:
    row = db.execute("SELECT rights FROM tokens WHERE token = ?", (request.token,)).fetchone()
    if row is None:
        raise AcmeUnauthorized("the token is unknown")
    if row[0] == "suspended":
        raise AcmeForbidden("the token is suspended")
    if writes and row[0] != "write":
        raise AcmeForbidden("the token may read only")
