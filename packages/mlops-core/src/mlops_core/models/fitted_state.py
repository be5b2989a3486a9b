"""Everything that a fitted model is made of, one object after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator


def parts_of(model: object) -> Iterator[object]:
    """A model and, to any depth, its attributes and the elements of its containers and object arrays, each once."""
    import numpy as np

    waiting: list[object] = [model]
    seen: dict[int, object] = {}  # keeps what it has seen alive, so that no id is used twice
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, (str, bytes, int, float, type)):
            continue
        seen[id(part)] = part
        yield part
        if isinstance(part, dict):
            waiting.extend(cast("dict[Any, Any]", part).values())
        elif isinstance(part, (list, tuple, set, frozenset)):
            waiting.extend(cast("list[Any]", part))
        elif isinstance(part, np.ndarray) and cast("Any", part).dtype == object:
            waiting.extend(cast("list[Any]", cast("Any", part).ravel().tolist()))
        waiting.extend(getattr(cast("object", part), "__dict__", {}).values())
