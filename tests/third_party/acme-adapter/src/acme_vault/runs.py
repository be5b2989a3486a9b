"""The vault's requests about runs."""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Final

from acme_vault.errors import AcmeConflict, AcmeFileMissing, AcmeRejected, AcmeRunMissing
from acme_vault.models import PAGE
from acme_vault.records import Page, Point, Run, StoredFile

if TYPE_CHECKING:
    import sqlite3

TABLES: Final = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, experiment TEXT, name TEXT, state TEXT,
    started_at INTEGER, ended_at INTEGER, tags TEXT
);
CREATE TABLE params (run TEXT, key TEXT, value TEXT, PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE points (
    run TEXT, key TEXT, step INTEGER, time INTEGER, value REAL, PRIMARY KEY (run, key, step, time, value)
) WITHOUT ROWID;
CREATE TABLE run_files (run TEXT, path TEXT, data BLOB, PRIMARY KEY (run, path));
"""
_COLUMNS: Final = "id, experiment, name, state, started_at, ended_at, tags"
_LAST_VALUES: Final = """
SELECT key, value FROM (
    SELECT key, value, row_number() OVER (PARTITION BY key ORDER BY step DESC, time DESC, value DESC) AS place
    FROM points WHERE run = ?
) WHERE place = 1
"""


def create_run(db: sqlite3.Connection, *, run: str, experiment: str, name: str, tags: dict[str, str]) -> None:
    row = (run, experiment, name, time.time_ns() // 1_000_000, json.dumps(tags))
    db.execute(f"INSERT OR IGNORE INTO runs ({_COLUMNS}) VALUES (?, ?, ?, 'running', ?, NULL, ?)", row)


def get_run(db: sqlite3.Connection, *, run: str) -> Run:
    row = db.execute(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise AcmeRunMissing(f"there is no run {run!r}")
    return _run(db, row)


def list_runs(db: sqlite3.Connection, *, experiment: str | None, cursor: str | None) -> Page[Run]:
    query = f"""
    SELECT number, {_COLUMNS} FROM runs WHERE (:experiment IS NULL OR experiment = :experiment)
    AND (:below IS NULL OR number < :below) ORDER BY number DESC LIMIT {PAGE + 1}
    """
    below = None if cursor is None else int(cursor)
    rows = db.execute(query, {"experiment": experiment, "below": below}).fetchall()
    following = str(rows[PAGE - 1][0]) if len(rows) > PAGE else None
    return Page(items=[_run(db, row[1:]) for row in rows[:PAGE]], cursor=following)


def add_params(db: sqlite3.Connection, *, run: str, params: dict[str, str]) -> None:
    _check_running(db, run)
    for key, value in params.items():
        row = db.execute("SELECT value FROM params WHERE run = ? AND key = ?", (run, key)).fetchone()
        if row is None:
            db.execute("INSERT INTO params VALUES (?, ?, ?)", (run, key, value))
        elif row[0] != value:
            raise AcmeConflict(f"the parameter {key!r} has another value")


def add_points(db: sqlite3.Connection, *, run: str, points: list[tuple[str, int, int, float]]) -> None:
    _check_running(db, run)
    if not all(math.isfinite(value) for *_, value in points):
        raise AcmeRejected("the vault keeps finite numbers only")
    db.executemany("INSERT OR IGNORE INTO points VALUES (?, ?, ?, ?, ?)", [(run, *each) for each in points])


def list_points(db: sqlite3.Connection, *, run: str, key: str, cursor: str | None) -> Page[Point]:
    _check_run(db, run)
    after = [-1, 0, 0.0] if cursor is None else json.loads(cursor)
    query = f"""
    SELECT step, time, value FROM points WHERE run = ? AND key = ? AND (step, time, value) > (?, ?, ?)
    ORDER BY step, time, value LIMIT {PAGE + 1}
    """
    rows = db.execute(query, (run, key, *after)).fetchall()
    following = json.dumps(rows[PAGE - 1]) if len(rows) > PAGE else None
    items = [Point(key=key, step=step, time=at, value=value) for step, at, value in rows[:PAGE]]
    return Page(items=items, cursor=following)


def replace_run_tags(db: sqlite3.Connection, *, run: str, tags: dict[str, str]) -> None:
    _check_run(db, run)
    db.execute("UPDATE runs SET tags = ? WHERE id = ?", (json.dumps(tags), run))


def put_run_file(db: sqlite3.Connection, *, run: str, path: str, data: bytes) -> None:
    _check_running(db, run)
    db.execute("INSERT OR REPLACE INTO run_files VALUES (?, ?, ?)", (run, path, data))


def list_run_files(db: sqlite3.Connection, *, run: str, cursor: str | None) -> Page[StoredFile]:
    _check_run(db, run)
    query = "SELECT path, length(data) FROM run_files WHERE run = ? AND path > ? ORDER BY path LIMIT ?"
    rows = db.execute(query, (run, cursor or "", PAGE + 1)).fetchall()
    following = rows[PAGE - 1][0] if len(rows) > PAGE else None
    return Page(items=[StoredFile(path=path, size=size) for path, size in rows[:PAGE]], cursor=following)


def read_run_file(db: sqlite3.Connection, *, run: str, path: str) -> bytes:
    _check_run(db, run)
    row = db.execute("SELECT data FROM run_files WHERE run = ? AND path = ?", (run, path)).fetchone()
    if row is None:
        raise AcmeFileMissing(f"there is no file {path!r}")
    return row[0]


def end_run(db: sqlite3.Connection, *, run: str, state: str) -> None:
    _check_run(db, run)
    ended_at = time.time_ns() // 1_000_000
    db.execute(
        "UPDATE runs SET state = ?, ended_at = max(?, started_at) WHERE id = ? AND state = 'running'",
        (state, ended_at, run),
    )


def _check_run(db: sqlite3.Connection, run: str) -> str:
    row = db.execute("SELECT state FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise AcmeRunMissing(f"there is no run {run!r}")
    return row[0]


def _check_running(db: sqlite3.Connection, run: str) -> None:
    if _check_run(db, run) != "running":
        raise AcmeConflict(f"the run {run!r} has ended")


def _run(db: sqlite3.Connection, row: tuple[str, str, str, str, int, int | None, str]) -> Run:
    name, experiment, shown, state, started_at, ended_at, tags = row
    params = db.execute("SELECT key, value FROM params WHERE run = ?", (name,)).fetchall()
    return Run(
        id=name,
        experiment=experiment,
        name=shown,
        state=state,
        started_at=started_at,
        ended_at=ended_at,
        params=dict(params),
        metrics=dict(db.execute(_LAST_VALUES, (name,)).fetchall()),
        tags=json.loads(tags),
    )
