"""The joins that features need, and in words which rows they may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.datasets.point_in_time import AsOfRule
from mlops_core.datasets.windows import WindowRule
from mlops_core.features.durations import duration_text

if TYPE_CHECKING:
    from mlops_core.features.source import Source
    from mlops_core.features.window import Window


def as_of_rule(source: Source, *, known_at: bool, strict: bool) -> AsOfRule:
    """How a source's row is looked up."""
    return AsOfRule(
        keys=source.keys,
        event_time=source.event_time,
        created_time=source.created_time,
        max_age=source.max_age,
        known_at=known_at and source.created_time is not None,
        strict=strict,
    )


def window_rule(source: Source, window: Window, *, event_time: str, known_at: bool) -> WindowRule:
    """Which events of a source an aggregate sees."""
    return WindowRule(
        keys=tuple((name, name) for name in window.by) or source.keys,
        event_time=event_time,
        over=window.over,
        closed=window.closed,
        created_time=source.created_time,
        known_at=known_at and source.created_time is not None,
    )


def as_of_words(rule: AsOfRule, at: str | None) -> str:
    """Such as ``last row of the same origin, time_hour <= scheduled_departure, at most 6h old``."""
    if rule.event_time is None:
        return f"the row {_keys(rule.keys)}, whatever the moment"
    age = "" if rule.max_age is None else f", at most {duration_text(rule.max_age)} old"
    return f"last row {_keys(rule.keys)}, {rule.event_time} <= {at}{age}{_recorded(rule, at)}"


def window_words(rule: WindowRule, at: str) -> str:
    """Such as ``rows of the same carrier, landed_at in [scheduled_departure - 7d, scheduled_departure)``."""
    opening, closing = ("[", ")") if rule.closed == "left" else ("(", "]")
    span = f"{opening}{at} - {duration_text(rule.over)}, {at}{closing}"
    return f"rows {_keys(rule.keys)}, {rule.event_time} in {span}{_recorded(rule, at)}"


def _recorded(rule: AsOfRule | WindowRule, at: str | None) -> str:
    return f", {rule.created_time} <= {at}" if rule.known_at else ""


def _keys(keys: tuple[tuple[str, str], ...]) -> str:
    same = [source for source, spine in keys if source == spine]
    renamed = [f"{source} = {spine}" for source, spine in keys if source != spine]
    words = [f"of the same {' and '.join(same)}"] if same else []
    return " ".join([*words, *([f"with {' and '.join(renamed)}"] if renamed else [])]) or "of all"
