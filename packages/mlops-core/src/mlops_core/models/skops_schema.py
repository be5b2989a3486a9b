"""What a skops file says that it holds, read from its schema without building anything."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from mlops_core.errors import IntegrityError
from mlops_core.json_values import read_json_object
from mlops_core.models.trust import PARTIAL, PARTIAL_OF

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class SkopsContents:
    """What the schema names.

    Attributes:
        types: Full names of every type and function.
        partials_are_reviewed: Whether it holds partials, all of them around a function of
            :data:`mlops_core.models.trust.PARTIAL_OF`.
    """

    types: frozenset[str]
    partials_are_reviewed: bool

    @property
    def modules(self) -> set[str]:
        """The top-level modules of the types."""
        return {name.partition(".")[0] for name in self.types}


def read_contents(data: bytes, *, where: str) -> SkopsContents:
    """Read the schema of a sound archive.

    Args:
        data: The archive; see :func:`mlops_core.models.archive_checks.check_archive`.
        where: The file that it came from, for the message.

    Raises:
        IntegrityError: It has no schema, or the schema is no tree of nodes, or gives two things one number.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            schema = archive.read("schema.json")
    except KeyError as exc:
        raise IntegrityError("the model file is no skops file", where=where, why="it has no schema.json") from exc
    root = read_json_object(schema, what="the schema of a skops file", where=where)
    try:
        return _contents(list(_nodes(root)))
    except (KeyError, TypeError, ValueError, RecursionError) as exc:
        why = f"{type(exc).__name__}: {exc}"
        raise IntegrityError("cannot read the schema of a skops file", where=where, why=why) from exc


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    waiting: list[Any] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            node = cast("dict[str, Any]", each)
            if isinstance(node.get("__loader__"), str):
                yield node
            waiting.extend(node.values())
        elif isinstance(each, list):
            waiting.extend(cast("list[Any]", each))


def _contents(nodes: list[dict[str, Any]]) -> SkopsContents:
    kinds: dict[object, tuple[str, str]] = {}
    types: set[str] = set()
    partials: list[bool] = []
    for node in nodes:
        name, loader = _name(node), cast("str", node["__loader__"])
        types.add(name)
        # Skops builds the first node of a number wherever the number comes back, so a harmless node could stand for
        # another: one number must always say the same type.
        if "__id__" in node and kinds.setdefault(node["__id__"], (name, loader)) != (name, loader):
            raise ValueError(f"two different objects have the number {node['__id__']}")
        if name == PARTIAL:
            partials.append(_is_reviewed_partial(node))
    return SkopsContents(frozenset(types), partials_are_reviewed=bool(partials) and all(partials))


def _is_reviewed_partial(node: dict[str, Any]) -> bool:
    if node["__loader__"] != "PartialNode":
        return False
    function = cast("dict[str, Any]", node["content"]["func"])
    return function["__loader__"] == "FunctionNode" and _name(function) in PARTIAL_OF


def _name(node: dict[str, Any]) -> str:
    return f"{node['__module__']}.{node['__class__']}"
