"""Model files that nobody honest writes."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from mlops_core.models.canonical_skops import canonical_skops

if TYPE_CHECKING:
    from collections.abc import Callable


def archive(members: list[tuple[str, bytes]], *, compressed: bool = False) -> bytes:
    """A ZIP archive of any members, doubled ones included."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as written:
        for name, data in members:
            written.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED if compressed else None)
    return buffer.getvalue()


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def of_schema(schema: dict[str, Any]) -> bytes:
    """A skops file that consists of a schema."""
    return archive([("schema.json", json.dumps({"protocol": 2, "_skops_version": "0.16.0", **schema}).encode())])


def node(loader: str, name: str, **rest: object) -> dict[str, Any]:
    """A node of a schema."""
    module, _, kind = name.rpartition(".")
    return {"__loader__": loader, "__module__": module, "__class__": kind, **rest}


def text(value: object, **rest: object) -> dict[str, Any]:
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True, **rest)


def sequence(*elements: dict[str, Any], kind: str = "list") -> dict[str, Any]:
    return node(f"{kind.capitalize()}Node", f"builtins.{kind}", content=list(elements))


def with_changed_array(model: object, change: Callable[[Any], None], *, field: str) -> bytes:
    """The dump of a model in which every structured array that has a field was changed in place."""
    import numpy as np

    changed: list[tuple[str, bytes]] = []
    for name, data in members_of(canonical_skops(model)).items():
        if name.endswith(".npy"):
            array: Any = np.load(io.BytesIO(data))
            if array.dtype.names is not None and field in array.dtype.names:
                change(array)
                written = io.BytesIO()
                np.save(written, array)
                changed.append((name, written.getvalue()))
                continue
        changed.append((name, data))
    return archive(changed)
