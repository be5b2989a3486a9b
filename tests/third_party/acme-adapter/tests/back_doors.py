"""Reads and writes past the adapter and the vendor's client: straight into the SQLite file of the vault."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mlops_core.ports.experiment_tracker import MetricPoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_core.manifest import Package

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FILE: Final = "SELECT upload FROM files WHERE model = ? AND number = ? AND path = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Database:
    """The SQLite file of a vault."""

    path: Path

    def rows(self, statement: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.path, timeout=30)) as db, db:
            return db.execute(statement, values).fetchall()


class RegistryBackDoor(_Database):
    """See :class:`mlops_core.testing.ModelRegistryBackDoor`."""

    def numbers(self, model: str, /) -> Sequence[int]:
        return [number for (number,) in self.rows("SELECT number FROM versions WHERE model = ? AND live", model)]

    def aliases(self, model: str, /) -> Mapping[str, int]:
        return dict(self.rows("SELECT alias, number FROM aliases WHERE model = ?", model))

    def tags(self, model: str, version: int, /) -> Mapping[str, str]:
        ((tags,),) = self.rows("SELECT tags FROM versions WHERE model = ? AND number = ?", model, version)
        return json.loads(tags)

    def read(self, model: str, version: int, path: str, /) -> bytes:
        ((data,),) = self.rows(f"SELECT data FROM uploads WHERE id = ({_FILE})", model, version, path)
        return data

    def damage(self, model: str, version: int, path: str, /) -> None:
        data = self.read(model, version, path)
        damaged = bytes([data[0] ^ 1]) + data[1:]
        self.rows(f"UPDATE uploads SET data = ? WHERE id = ({_FILE})", damaged, model, version, path)

    def remove(self, model: str, version: int, path: str, /) -> None:
        self.rows("DELETE FROM files WHERE model = ? AND number = ? AND path = ?", model, version, path)

    def add(self, model: str, version: int, path: str, data: bytes, /) -> None:
        upload = f"{model}/{version}/{path}"
        self.rows("INSERT INTO uploads VALUES (?, ?)", upload, data)
        self.rows("INSERT INTO files VALUES (?, ?, ?, ?)", model, version, path, upload)

    def move_alias(self, model: str, alias: str, version: int, /) -> None:
        self.rows("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)", model, alias, version)

    def make_model(self, model: str, package: Package, /) -> int:
        manifest = package.manifest
        notes: dict[str, object] = {
            "manifest": manifest.to_bytes().decode(),
            "metrics": {},
            "run": None,
            "commit": None,
            "origin": None,
        }
        self.rows("INSERT INTO models VALUES (?)", model)
        self.rows(
            "INSERT INTO versions VALUES (?, 0, 1700000000000, ?, ?, 'by-hand', '{}', 1)",
            model,
            json.dumps(notes),
            manifest.digest,
        )
        for path in ("package.json", *(each.path for each in manifest.files)):
            with package.open(path) as stream:
                self.add(model, 0, path, stream.read())
        return 0


class TrackerBackDoor(_Database):
    """See :class:`mlops_core.testing.ExperimentTrackerBackDoor`."""

    def params(self, run_id: str, /) -> Mapping[str, str]:
        return dict(self.rows("SELECT key, value FROM params WHERE run = ?", run_id))

    def points(self, run_id: str, key: str, /) -> Sequence[MetricPoint]:
        rows = self.rows("SELECT value, step, time FROM points WHERE run = ? AND key = ?", run_id, key)
        return [
            MetricPoint(key=key, value=value, step=step, time=_EPOCH + timedelta(milliseconds=time))
            for value, step, time in rows
        ]

    def tags(self, run_id: str, /) -> Mapping[str, str]:
        ((tags,),) = self.rows("SELECT tags FROM runs WHERE id = ?", run_id)
        return json.loads(tags)

    def file(self, run_id: str, path: str, /) -> bytes:
        ((data,),) = self.rows("SELECT data FROM run_files WHERE run = ? AND path = ?", run_id, path)
        return data
