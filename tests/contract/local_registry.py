"""The adapter ``local`` as a subject of the registry's contract, and a back door that knows only its files on disk.

The back door shares no code with the registry: it writes and reads the layout that
:mod:`mlops_core.stores.registry_layout` draws, as somebody with an editor and ``sha256sum`` would.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Final, cast
from uuid import uuid4

from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.local import LocalBackend
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.testing import BreakableStore, RegistryUnderTest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_core.manifest import Package
    from mlops_core.ports.model_registry import ModelRegistry

_HIGHEST: Final = 10**10
_IMPATIENT: Final = Retries(sleep=lambda _: None)


def local_registry(root: Path) -> RegistryUnderTest:
    """An empty registry in a folder that does not exist yet; others open it as a user does, by the adapter."""
    connection = BreakableStore(FileArtifactStore(root, backend="home"))

    def another() -> ModelRegistry:
        return LocalBackend("home", {"path": str(root)}, base=root.parent).model_registry()

    return RegistryUnderTest(
        registry=StoreModelRegistry(connection, backend="home", retries=_IMPATIENT),
        another=another,
        back_door=FolderBackDoor(root),
        connection=connection,
    )


class FolderBackDoor:
    """Reads and writes a registry's files past the adapter; see ``ModelRegistryBackDoor``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def numbers(self, model: str, /) -> Sequence[int]:
        head = self._head(model)
        if head is None:
            return []
        life = self._life(model)
        documents = {_HIGHEST - int(path.stem): _opened(path) for path in life.glob("versions/*.json")}
        records = [number for number, content in documents.items() if "fence" not in content]
        tombstones = {int(path.name) for path in life.glob("tombstones/*")}
        return [each for each in records if each not in tombstones and each not in cast("list[int]", head["deleting"])]

    def aliases(self, model: str, /) -> Mapping[str, int]:
        head = self._head(model)
        targets = {} if head is None else cast("dict[str, dict[str, int]]", head["aliases"])
        return {alias: target["version"] for alias, target in targets.items()}

    def tags(self, model: str, version: int, /) -> Mapping[str, str]:
        changed = self._life(model) / "tags" / f"{version}.json"
        content = _opened(changed) if changed.exists() else self._record(model, version)
        return cast("dict[str, str]", content["tags"])

    def read(self, model: str, version: int, path: str, /) -> bytes:
        return self._file(model, version, path).read_bytes()

    def damage(self, model: str, version: int, path: str, /) -> None:
        file = self._file(model, version, path)
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)

    def remove(self, model: str, version: int, path: str, /) -> None:
        self._file(model, version, path).unlink()

    def add(self, model: str, version: int, path: str, data: bytes, /) -> None:
        _write(self._file(model, version, path), data)

    def move_alias(self, model: str, alias: str, version: int, /) -> None:
        head = self._head(model)
        assert head is not None, f"no model {model!r}"
        aliases = cast("dict[str, object]", head["aliases"])
        aliases[alias] = {"version": version, "digest": self._record(model, version)["digest"]}
        _write(self._model(model) / "head.json", _sealed({**head, "nonce": uuid4().hex}))

    def make_model(self, model: str, package: Package, /) -> int:
        manifest = package.manifest
        paths = ["package.json", *(each.path for each in manifest.files)]
        files: dict[str, bytes] = {}
        for path in paths:
            with package.open(path) as stream:
                files[path] = stream.read()
        sums = [f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(paths)]
        folder = self._root / "packages" / _part(model) / "by-hand"
        for path, data in (files | {"SHA256SUMS": "".join(sums).encode()}).items():
            _write(folder / path, data)
        life = self._model(model) / "firstlife"
        digest = hashlib.sha256(files["package.json"]).hexdigest()
        record: dict[str, object] = {
            "model": model,
            "incarnation": life.name,
            "version": 1,
            "digest": digest,
            "folder": folder.name,
            "manifest": json.loads(files["package.json"]),
            "created_at": "2026-11-23T12:00:00+00:00",
            "operation_id": "by-hand",
            "tags": {},
            "metrics": {},
            "run": None,
            "commit": None,
            "origin": None,
        }
        note: dict[str, object] = {"model": model, "digest": digest, "nonce": uuid4().hex, "tried": [[1, "by-hand"]]}
        head: dict[str, object] = {
            "model": model,
            "incarnation": life.name,
            "nonce": uuid4().hex,
            "aliases": {},
            "deleting": [],
            "deletions": 0,
            "deleted": False,
            "closing": False,
        }
        _write(life / "digests" / digest, _sealed(note))
        _write(life / "versions" / f"{_HIGHEST - 1:010}.json", _sealed(record))
        _write(self._model(model) / "head.json", _sealed(head))
        return 1

    def _model(self, model: str) -> Path:
        return self._root / "models" / _part(model)

    def _head(self, model: str) -> dict[str, object] | None:
        path = self._model(model) / "head.json"
        head = _opened(path) if path.exists() else None
        return None if head is None or head["deleted"] else head

    def _life(self, model: str) -> Path:
        head = self._head(model)
        assert head is not None, f"no model {model!r}"
        return self._model(model) / cast("str", head["incarnation"])

    def _record(self, model: str, version: int) -> dict[str, object]:
        return _opened(self._life(model) / "versions" / f"{_HIGHEST - version:010}.json")

    def _file(self, model: str, version: int, path: str) -> Path:
        folder = cast("str", self._record(model, version)["folder"])
        return self._root / "packages" / _part(model) / folder / path


def _part(model: str) -> str:
    """A model's name as a folder's: verbatim if it obeys the grammar, else percent-encoded but for ``[a-z0-9_-]``."""
    if re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", model) and ".." not in model:
        return model
    first, rest = model[0], model[1:]
    return _percent(first) + re.sub(r"[^a-z0-9_-]", lambda found: _percent(found.group()), rest)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def _sealed(content: Mapping[str, object]) -> bytes:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return f'{{"checksum":"{checksum}","content":{text},"format_version":1}}'.encode()


def _opened(path: Path) -> dict[str, object]:
    document = cast("dict[str, object]", json.loads(path.read_bytes()))
    content = cast("dict[str, object]", document["content"])
    assert _sealed(content) == path.read_bytes(), f"{path} is not sealed as documented"
    return content


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
