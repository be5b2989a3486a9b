"""A search for runs in MLflow's own words, as far as those are exact; what they cannot say is looked at here."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from adapter_mlflow.metric_notes import HAS_LAST_VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_core.ports.experiment_tracker import MetricCondition
    from mlops_core.ports.run_query import RunQuery

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./ -]{1,250}")
"""What means itself in MLflow's language of searches, whatever quotes and escapes it knows."""
_MAX_CONDITIONS: Final = 20
"""Each is a join of the server's; the others are looked at here."""
_MAX_COMPARED: Final = 1e300
"""Numbers beyond are too near to what stands for infinity."""


def searches_for(query: RunQuery) -> Sequence[str]:
    """Searches which together find every run that a query can match, and perhaps others."""
    told = [*_equal("params", query.params), *_equal("tags", query.tags)][:_MAX_CONDITIONS]
    compared = [_compared(each) for each in query.metrics if _can_compare(each)][:_MAX_CONDITIONS]
    if not compared:
        return [" and ".join(told)]
    # Of a run with such a note, MLflow may know another last value than we do.
    return [" and ".join(told + compared), " and ".join([*told, f"tags.`{HAS_LAST_VALUES}` = 'yes'"])]


def having_tag(key: str, value: str) -> str:
    """The search for runs with a tag of ours."""
    return f"tags.`{key}` = '{value}'"


def _equal(kind: str, pairs: Mapping[str, str]) -> list[str]:
    return [
        f"{kind}.`{key}` = '{value}'"
        for key, value in pairs.items()
        if _PLAIN.fullmatch(key) and _PLAIN.fullmatch(value)
    ]


def _can_compare(condition: MetricCondition) -> bool:
    return _PLAIN.fullmatch(condition.key) is not None and abs(condition.value) < _MAX_COMPARED


def _compared(condition: MetricCondition) -> str:
    comparison = "=" if condition.comparison == "==" else condition.comparison
    # Digits only: MLflow reads 1e-07, but not 1e+20.
    return f"metrics.`{condition.key}` {comparison} {Decimal(repr(condition.value)):f}"
