"""A few rows of the reported part, with what their features could see: point-in-time as a picture."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final, cast

from mlops_core.json_values import to_json_value
from mlops_core.operations.training_parts import frame_of
from mlops_core.reports.documents import SourceSight, Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.datasets.sight import Sight
    from mlops_core.operations.evaluation import Numbers
    from mlops_core.operations.training_parts import TrainingParts

_SHOWN: Final = (0.999, 0.9, 0.5, 0.02)
"""Which rows are shown, as positions in the order of their predictions, from an almost certain yes down."""
_EVENTS: Final = 5
"""Event times to show on each side of the moment."""


def timelines_of(parts: TrainingParts, predicted: Numbers, *, describe: str) -> tuple[Timeline, ...]:
    """What a few rows of the test part could see of each source, and what they were kept from seeing.

    Args:
        parts: The split table and its plan.
        predicted: The probability of yes for each row of the test part.
        describe: How a row is named, see :attr:`mlops_core.settings.TrainJob.describe`.

    Returns:
        One timeline per row; none where no feature has a time.
    """
    import numpy as np

    frame = frame_of(parts.test)
    order = np.argsort(predicted, kind="stable")
    chosen = [int(order[int(position * (len(order) - 1))]) for position in _SHOWN]
    numbers = list(dict.fromkeys(chosen))
    rows = frame[numbers]
    sights = parts.plan.sight(rows, limit=_EVENTS)
    timelines: list[Timeline] = []
    for number, values in enumerate(rows.iter_rows(named=True)):
        seen = [_source_sight(each, values) for each in sights if each.row == number]
        moment = next((each.moment for each in sights if each.row == number and each.moment is not None), None)
        if moment is not None:
            timelines.append(
                Timeline(
                    row=described(describe, values) or f"row {numbers[number]:,}",
                    moment=aware(moment),
                    sights=tuple(seen),
                    label=to_json_value(values[parts.test.signature.label or ""]),
                    probability=float(predicted[numbers[number]]),
                )
            )
    return tuple(timelines)


def described(template: str, values: Mapping[str, object]) -> str:
    """A row in words: each ``{column}`` of the template becomes the row's value, and nothing else is interpreted."""
    return re.sub(r"\{([^{}]+)\}", lambda found: str(values.get(found[1], found[0])), template)


def aware(moment: object) -> datetime:
    """A value of a table's moment column as an aware datetime; a naive one and a date are taken as UTC."""
    if isinstance(moment, datetime):
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    day = cast("date", moment)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _source_sight(sight: Sight, values: Mapping[str, object]) -> SourceSight:
    moment = aware(sight.moment)
    used = sorted(aware(each) for each in sight.visible)
    late = [aware(each) for each in sight.excluded]
    return SourceSight(
        source=sight.source,
        rule=sight.rule,
        used=tuple(used),
        used_count=sight.visible_count,
        reach=None if sight.earliest is None else moment - aware(sight.earliest),
        excluded=tuple(each for each in late if each >= moment),
        unrecorded=tuple(sorted(each for each in late if each < moment)),
        values={name: to_json_value(values[name]) for name in sight.columns if name in values},
    )
