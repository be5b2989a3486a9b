"""Windows: an aggregate over the events of a span of time that ends at the moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast, get_args

from mlops_core.errors import FeatureError, near_matches
from mlops_core.features.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

AggregateKind: TypeAlias = Literal["count", "sum", "mean", "min", "max", "last", "n_unique"]
Closed: TypeAlias = Literal["right", "left"]
KINDS: Final[tuple[str, ...]] = get_args(AggregateKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What :func:`window` returns.

    Attributes:
        kind: The aggregate.
        column: The source's column; ``None`` to count events.
        by: Columns, named alike in source and spine, that must be equal; empty for the source's own keys.
        over: The length of the window.
        closed: ``right`` is (T - over, T], ``left`` is [T - over, T).
    """

    kind: AggregateKind
    column: str | None
    by: tuple[str, ...]
    over: timedelta
    closed: Closed


def window(
    kind: str, column: str | None = None, *, by: str | Sequence[str] = (), over: str | timedelta, closed: str = "right"
) -> Window:
    """An aggregate over the source's events in a window that ends at each row's own moment T.

    An empty window has count 0, n_unique 0 and sum 0; everything else is null.

    Args:
        kind: ``count``, ``sum``, ``mean``, ``min``, ``max``, ``last`` or ``n_unique``.
        column: The source's column; ``count`` without one counts events, with one its non-null values.
        by: Columns that exist under the same name in source and spine: only events with equal values count. Empty for
            the source's own keys; of a source without keys all events count.
        over: The length, such as ``"7d"``.
        closed: ``"right"`` for (T - over, T], ``"left"`` for [T - over, T).

    Raises:
        FeatureError: An argument cannot work.
    """
    span = parse_duration(over, what="the length of a window")
    why, hint = "", ""
    if kind not in KINDS:
        why, hint = f"the aggregate {kind!r} is not known", near_matches(kind, KINDS)
    elif column is None and kind != "count":
        why, hint = f"{kind!r} needs a column", f"window({kind!r}, 'amount', ...)"
    elif closed not in ("right", "left"):
        why, hint = f"closed is {closed!r}", "'right' includes the moment, 'left' does not"
    elif not span:
        why, hint = "its length is zero", "for example: over='7d'"
    if why:
        raise FeatureError("a window cannot be used", why=why, hint=hint)
    keys = (by,) if isinstance(by, str) else tuple(by)
    return Window(kind=cast("AggregateKind", kind), column=column, by=keys, over=span, closed=cast("Closed", closed))
