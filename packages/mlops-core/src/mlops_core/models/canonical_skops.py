"""Skops files whose bytes depend on the model alone, so that their digest names it.

Plain ``skops.io.dumps`` writes memory addresses as node ids and member names, times into the archive, sets in hash
order, and whatever lies in the padding of structured arrays. All of that is replaced here; ``skops.io.load`` reads
the result as it reads its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any, Final, cast

_SCHEMA: Final = "schema.json"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_READABLE: Final = 0o644 << 16
_UNFAITHFUL_KEYS: Final = frozenset({("builtins", "bool"), ("numpy", "bool")})
"""Types of dictionary keys that skops writes as text and reads back as True, whatever they were."""


def canonical_skops(model: object) -> bytes:
    """A skops file of a model; two dumps of one fitted object are equal, in any process.

    Equality is not promised for a refit, nor between versions of the libraries.

    Args:
        model: What :func:`skops.io.dumps` can write.

    Raises:
        ValueError: A dictionary of the model would not be read back as it is, or a class or function of it was
            defined in ``__main__``, where no other process finds it.
        TypeError: Skops does not know how to write a part of it.
    """
    import skops.io

    dump = cast("Any", skops.io).dumps
    with zipfile.ZipFile(io.BytesIO(cast("bytes", dump(model)))) as archive:
        schema = json.loads(archive.read(_SCHEMA), object_pairs_hook=_distinct)
        members = {name: archive.read(name) for name in archive.namelist() if name != _SCHEMA}
    canonical = _Canonical(members)
    root = canonical.node(schema)
    text = json.dumps(root, separators=(",", ":"))
    return _archive({**canonical.members, _SCHEMA: text.encode()})


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a dictionary of the model has two keys that are written alike, such as 1 and '1'")
    return found


class _Canonical:
    """Renumbers the nodes of one schema, and renames the members that they point at, in order of first occurrence."""

    def __init__(self, members: dict[str, bytes]) -> None:
        self.members: dict[str, bytes] = {}
        self._contents = {name: _canonical_member(name, data) for name, data in members.items()}
        self._names: dict[tuple[str, bytes], str] = {}
        self._numbers: dict[object, int] = {}

    def node(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.node(each) for each in cast("list[Any]", value)]
        if not isinstance(value, dict):
            return value
        node = cast("dict[str, Any]", value)
        if not isinstance(node.get("__loader__"), str):
            return {key: self.node(each) for key, each in node.items()}
        _refuse_unfaithful(node)
        node = self._with_sorted_set(node)
        if "__id__" in node:
            node = {**node, "__id__": self._number(node)}
        file = node.get("file")
        if isinstance(file, str):
            node = {**node, "file": self._member(file)}
        return {key: self.node(each) for key, each in node.items()}

    def _number(self, node: dict[str, Any]) -> int:
        # Whether two equal scalars are one object is an accident of the interpreter, and lost in a pickle; for every
        # other object sharing is part of the model.
        scalar = node["__loader__"] == "JsonNode"
        key = ("scalar", node["content"]) if scalar else ("object", node["__id__"])
        return self._numbers.setdefault(key, len(self._numbers) + 1)

    def _member(self, name: str) -> str:
        content = self._contents[name]
        suffix = name.rpartition(".")[2]
        new = self._names.setdefault((suffix, content), f"{len(self._names)}.{suffix}")
        self.members[new] = content
        return new

    def _with_sorted_set(self, node: dict[str, Any]) -> dict[str, Any]:
        content = node.get("content")
        if node["__loader__"] == "SetNode":
            return {**node, "content": sorted(cast("list[Any]", content), key=self._meaning)}
        if (node["__module__"], node["__class__"]) == ("builtins", "frozenset"):
            # frozenset([...]): the one argument is a list in hash order
            arguments = cast("dict[str, Any]", content)
            (elements,) = cast("list[dict[str, Any]]", arguments["content"])
            elements = {**elements, "content": sorted(elements["content"], key=self._meaning)}
            return {**node, "content": {**arguments, "content": [elements]}}
        return node

    def _meaning(self, value: Any) -> str:
        """A node as text, without ids and names of members: what its place among the elements of a set depends on."""
        return json.dumps(self._without_ids(value))

    def _without_ids(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._without_ids(each) for each in cast("list[Any]", value)]
        if not isinstance(value, dict):
            return value
        node = {key: self._without_ids(each) for key, each in cast("dict[str, Any]", value).items()}
        node.pop("__id__", None)
        if isinstance(node.get("file"), str):
            node["file"] = hashlib.sha256(self._contents[node["file"]]).hexdigest()
        return node


def _refuse_unfaithful(node: dict[str, Any]) -> None:
    if node["__module__"] == "__main__":
        raise ValueError(f"{node['__class__']!r} is defined in __main__, where no other process finds it")
    if node["__loader__"] == "DictNode":
        for key in cast("list[dict[str, Any]]", node["key_types"]["content"]):
            if (key["__module__"], key["__class__"]) in _UNFAITHFUL_KEYS:
                raise ValueError("a dictionary of the model has True or False as a key, and both are read back as True")


def _canonical_member(name: str, data: bytes) -> bytes:
    if name.endswith(".npy"):
        return _without_padding(data)
    if name.endswith(".npz"):
        # stored, not deflated: the bytes of a deflated member depend on the zlib that wrote them
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _archive({each: _without_padding(archive.read(each)) for each in sorted(archive.namelist())})
    return data


def _without_padding(data: bytes) -> bytes:
    import numpy as np

    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.names is None:
        return data
    clean = np.zeros(array.shape, array.dtype, order="F" if array.flags.fnc else "C")
    _copy_fields(array, clean)
    written = io.BytesIO()
    np.save(written, clean, allow_pickle=False)
    return written.getvalue()


def _copy_fields(source: Any, target: Any) -> None:
    for name in source.dtype.names:
        if source[name].dtype.names is None:
            target[name] = source[name]
        else:
            _copy_fields(source[name], target[name])


def _archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # Unix, on every platform
            info.external_attr = _READABLE
            archive.writestr(info, data)
    return buffer.getvalue()
