"""What the features of one row could see, and what they were kept from seeing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_core.json_values import as_integer, as_mapping, as_text
from mlops_core.reports.json_fields import (
    as_duration,
    as_moment,
    as_moments,
    as_number,
    as_records,
    optional,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from mlops_core.json_values import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSight:
    """What one rule saw of one source for one row, and what it was kept from seeing.

    Attributes:
        source: The source's name.
        rule: In words, such as ``last row of the same origin, at most 6h old``.
        used: Event times that were used, oldest first: all, or the newest few of ``used_count``.
        used_count: How many events were used.
        oldest: Event time of the oldest used event, where ``used`` does not hold it.
        reach: How far before the moment the rule looks; ``None`` for any distance.
        excluded: Event times right after the moment, nearest first: they exist in the source and were not used.
        unrecorded: Event times before the moment that were recorded only after it (``known_at``), oldest first.
        values: What became of it: feature column and value.
    """

    source: str
    rule: str
    used: tuple[datetime, ...] = ()
    used_count: int = 0
    oldest: datetime | None = None
    reach: timedelta | None = None
    excluded: tuple[datetime, ...] = ()
    unrecorded: tuple[datetime, ...] = ()
    values: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One row of the dataset, with what its features could see.

    Attributes:
        row: What names the row for a reader, such as ``UA 1545, EWR to IAH``.
        moment: The moment as of which its features were computed.
        sights: One per source and rule.
        label: Its label.
        probability: What the model predicted for it, 0 to 1.
    """

    row: str
    moment: datetime
    sights: tuple[SourceSight, ...]
    label: JsonValue = None
    probability: float | None = None


def read_timeline(value: Mapping[str, JsonValue]) -> Timeline:
    """Read the JSON form of a :class:`Timeline`."""
    return Timeline(
        row=as_text(value["row"]),
        moment=as_moment(value["moment"]),
        sights=as_records(value["sights"], _sight),
        label=value["label"],
        probability=optional(value["probability"], as_number),
    )


def _sight(value: Mapping[str, JsonValue]) -> SourceSight:
    return SourceSight(
        source=as_text(value["source"]),
        rule=as_text(value["rule"]),
        used=as_moments(value["used"]),
        used_count=as_integer(value["used_count"]),
        oldest=optional(value["oldest"], as_moment),
        reach=optional(value["reach"], as_duration),
        excluded=as_moments(value["excluded"]),
        unrecorded=as_moments(value["unrecorded"]),
        values=as_mapping(value["values"]),
    )
