"""The vault's requests about models. Deleted versions leave their row, so that their number is not given again."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from acme_vault.errors import (
    AcmeAliasMissing,
    AcmeConflict,
    AcmeFileMissing,
    AcmeModelMissing,
    AcmeRejected,
    AcmeVersionMissing,
)
from acme_vault.records import Model, Page, Version

if TYPE_CHECKING:
    import sqlite3

TABLES: Final = """
CREATE TABLE models (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE versions (
    model TEXT, number INTEGER, created_at INTEGER, notes TEXT, checksum TEXT, external_id TEXT, tags TEXT,
    live INTEGER, PRIMARY KEY (model, number)
) WITHOUT ROWID;
CREATE TABLE aliases (model TEXT, alias TEXT, number INTEGER, PRIMARY KEY (model, alias)) WITHOUT ROWID;
CREATE TABLE uploads (id TEXT PRIMARY KEY, data BLOB);
CREATE TABLE files (model TEXT, number INTEGER, path TEXT, upload TEXT, PRIMARY KEY (model, number, path));
"""
PAGE: Final = 10
_COLUMNS: Final = "model, number, created_at, notes, checksum, external_id, tags"


def upload(db: sqlite3.Connection, *, data: bytes) -> str:
    name = uuid4().hex
    db.execute("INSERT INTO uploads VALUES (?, ?)", (name, data))
    return name


def create_version(
    db: sqlite3.Connection,
    *,
    model: str,
    files: dict[str, str],
    notes: str,
    checksum: str,
    external_id: str,
    tags: dict[str, str],
) -> Version:
    db.execute("INSERT OR IGNORE INTO models VALUES (?)", (model,))
    (number,) = db.execute("SELECT coalesce(max(number) + 1, 0) FROM versions WHERE model = ?", (model,)).fetchone()
    row = (model, number, time.time_ns() // 1_000_000, notes, checksum, external_id, json.dumps(tags))
    db.execute("INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, 1)", row)
    for path, name in files.items():
        if db.execute("SELECT 1 FROM uploads WHERE id = ?", (name,)).fetchone() is None:
            raise AcmeRejected(f"there is no upload {name!r}")
        db.execute("INSERT INTO files VALUES (?, ?, ?, ?)", (model, number, path, name))
    return _version(db, row)


def get_model(db: sqlite3.Connection, *, model: str) -> Model:
    _check_model(db, model)
    return _model(db, model)


def get_version(db: sqlite3.Connection, *, model: str, number: int) -> Version:
    _check_model(db, model)
    query = f"SELECT {_COLUMNS} FROM versions WHERE model = ? AND number = ? AND live"
    row = db.execute(query, (model, number)).fetchone()
    if row is None:
        raise AcmeVersionMissing(f"there is no version {model}:{number}")
    return _version(db, row)


def get_alias(db: sqlite3.Connection, *, model: str, alias: str) -> Version:
    _check_model(db, model)
    row = db.execute("SELECT number FROM aliases WHERE model = ? AND alias = ?", (model, alias)).fetchone()
    if row is None:
        raise AcmeAliasMissing(f"there is no alias {model}@{alias}")
    return get_version(db, model=model, number=row[0])


def list_models(db: sqlite3.Connection, *, cursor: str | None) -> Page[Model]:
    query = "SELECT name FROM models WHERE ? IS NULL OR name > ? ORDER BY name LIMIT ?"
    names = [name for (name,) in db.execute(query, (cursor, cursor, PAGE + 1))]
    following = names[PAGE - 1] if len(names) > PAGE else None
    return Page(items=[_model(db, name) for name in names[:PAGE]], cursor=following)


def list_versions(
    db: sqlite3.Connection, *, model: str, cursor: str | None, checksum: str | None, external_id: str | None
) -> Page[Version]:
    _check_model(db, model)
    query = f"""
    SELECT {_COLUMNS} FROM versions WHERE model = :model AND live AND (:below IS NULL OR number < :below)
    AND (:checksum IS NULL OR checksum = :checksum) AND (:external IS NULL OR external_id = :external)
    ORDER BY number DESC LIMIT {PAGE + 1}
    """
    below = None if cursor is None else int(cursor)
    rows = db.execute(query, {"model": model, "below": below, "checksum": checksum, "external": external_id}).fetchall()
    following = str(rows[PAGE - 1][1]) if len(rows) > PAGE else None
    return Page(items=[_version(db, row) for row in rows[:PAGE]], cursor=following)


def read_file(db: sqlite3.Connection, *, model: str, number: int, path: str) -> bytes:
    get_version(db, model=model, number=number)
    query = "SELECT data FROM files JOIN uploads ON upload = id WHERE model = ? AND number = ? AND path = ?"
    row = db.execute(query, (model, number, path)).fetchone()
    if row is None:
        raise AcmeFileMissing(f"there is no file {path!r}")
    return row[0]


def put_alias(db: sqlite3.Connection, *, model: str, alias: str, number: int) -> None:
    get_version(db, model=model, number=number)
    db.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)", (model, alias, number))


def drop_alias(db: sqlite3.Connection, *, model: str, alias: str) -> None:
    _check_model(db, model)
    if not db.execute("DELETE FROM aliases WHERE model = ? AND alias = ?", (model, alias)).rowcount:
        raise AcmeAliasMissing(f"there is no alias {model}@{alias}")


def replace_tags(db: sqlite3.Connection, *, model: str, number: int, tags: dict[str, str]) -> None:
    get_version(db, model=model, number=number)
    db.execute("UPDATE versions SET tags = ? WHERE model = ? AND number = ?", (json.dumps(tags), model, number))


def delete_version(db: sqlite3.Connection, *, model: str, number: int) -> None:
    get_version(db, model=model, number=number)
    db.execute("UPDATE versions SET live = 0 WHERE model = ? AND number = ?", (model, number))
    for table in ("aliases", "files"):
        db.execute(f"DELETE FROM {table} WHERE model = ? AND number = ?", (model, number))


def delete_model(db: sqlite3.Connection, *, model: str, cascade: bool) -> None:
    _check_model(db, model)
    if not cascade and db.execute("SELECT 1 FROM versions WHERE model = ? AND live", (model,)).fetchone():
        raise AcmeConflict(f"model {model!r} has versions")
    for table in ("aliases", "files", "versions"):
        db.execute(f"DELETE FROM {table} WHERE model = ?", (model,))
    db.execute("DELETE FROM models WHERE name = ?", (model,))


def _check_model(db: sqlite3.Connection, model: str) -> None:
    if db.execute("SELECT 1 FROM models WHERE name = ?", (model,)).fetchone() is None:
        raise AcmeModelMissing(f"there is no model {model!r}")


def _model(db: sqlite3.Connection, model: str) -> Model:
    rows = db.execute("SELECT alias, number FROM aliases WHERE model = ? ORDER BY alias", (model,))
    return Model(name=model, aliases=dict(rows.fetchall()))


def _version(db: sqlite3.Connection, row: tuple[str, int, int, str, str, str, str]) -> Version:
    model, number, created_at, notes, checksum, external_id, tags = row
    aliases = db.execute("SELECT alias FROM aliases WHERE model = ? AND number = ? ORDER BY alias", (model, number))
    return Version(
        model=model,
        number=number,
        created_at=created_at,
        aliases=[alias for (alias,) in aliases],
        tags=json.loads(tags),
        notes=notes,
        checksum=checksum,
        external_id=external_id,
    )
