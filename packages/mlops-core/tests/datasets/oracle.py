"""What a point-in-time join must answer, in plain Python: one loop over dictionaries, nothing clever.

Times are integers, microseconds; ``None`` is null everywhere. The engine under test shares no code with this.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_core.datasets.point_in_time import AsOfRule
    from mlops_core.datasets.windows import WindowRule

    Value = int | float | str | bool | None
    Row = Mapping[str, Value]


def visible(event: Row, row: Row, rule: AsOfRule | WindowRule, at: str) -> bool:
    """Whether a spine row may see an event at all, its age aside."""
    for source_key, spine_key in rule.keys:
        if event[source_key] is None or event[source_key] != row[spine_key]:
            return False
    if rule.event_time is not None:
        time, moment = event[rule.event_time], row[at]
        if time is None or moment is None or number(time) > number(moment):
            return False
    if rule.known_at:
        assert rule.created_time is not None
        created, moment = event[rule.created_time], row[at]
        if created is None or moment is None or number(created) > number(moment):
            return False
    return True


def order(event: Row, rule: AsOfRule | WindowRule) -> tuple[float, float]:
    """Later is greater; an unknown created time is smallest."""
    time = 0 if rule.event_time is None else number(event[rule.event_time])
    created = None if rule.created_time is None else event[rule.created_time]
    return time, -math.inf if created is None else number(created)


def chosen(row: Row, source: Sequence[Row], rule: AsOfRule, at: str) -> list[int]:
    """The positions of the events that tie for being the one seen, in the source's order; the last one wins."""
    seen = [number for number, event in enumerate(source) if visible(event, row, rule, at)]
    if rule.max_age is not None:
        assert rule.event_time is not None
        oldest = number(row[at]) - span(rule.max_age) if row[at] is not None else 0
        seen = [position for position in seen if number(source[position][rule.event_time]) >= oldest]
    best = max((order(source[position], rule) for position in seen), default=None)
    return [position for position in seen if order(source[position], rule) == best]


def inside(row: Row, source: Sequence[Row], rule: WindowRule, at: str) -> list[Row]:
    """The events in the window of a spine row, the latest last."""
    if row[at] is None:
        return []
    moment, over = number(row[at]), span(rule.over)

    def holds(event: Row) -> bool:
        if not visible(event, row, rule, at):
            return False
        time = number(event[rule.event_time])
        return moment - over < time <= moment if rule.closed == "right" else moment - over <= time < moment

    return sorted(filter(holds, source), key=lambda event: order(event, rule))


def aggregate(kind: str, column: str | None, events: Sequence[Row]) -> Value:
    """One summary of the events of a window."""
    if column is None:
        return len(events)
    values = [event[column] for event in events]
    if kind == "last":
        return values[-1] if values else None
    present = [value for value in values if value is not None]
    if kind == "count":
        return len(present)
    if kind == "n_unique":
        return len({"nan" if is_nan(value) else value for value in present})
    if kind in ("sum", "mean"):
        total = total_of(present)
        if kind == "sum":
            return total
        return total / len(present) if present else None
    ordinary = [number(value) for value in present if not is_nan(value)]
    if not ordinary:
        return math.nan if present else None
    return min(ordinary) if kind == "min" else max(ordinary)


def total_of(values: Sequence[Value]) -> int | float:
    numbers = [number(value) for value in values]
    return math.fsum(numbers) if any(isinstance(each, float) for each in numbers) else sum(numbers)


def is_nan(value: Value) -> bool:
    return isinstance(value, float) and math.isnan(value)


def number(value: Value) -> int | float:
    assert isinstance(value, int | float)
    return value


def span(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
