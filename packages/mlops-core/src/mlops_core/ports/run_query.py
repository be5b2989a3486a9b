"""What a search for runs asks, checked before any request, and whether a run is what was asked for."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from mlops_core.errors import InvalidNameError
from mlops_core.naming import check_text
from mlops_core.ports.experiment_tracker import MetricCondition
from mlops_core.ports.run_values import metric_number, parameter_text, shown

if TYPE_CHECKING:
    from mlops_core.ports.experiment_tracker import ParameterValue, RunRecord

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, "==": operator.eq, ">=": operator.ge, ">": operator.gt}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """The conditions of :meth:`ExperimentTracker.runs`; made by :meth:`checked`.

    Attributes:
        params: Parameters as they are kept, by name.
        metrics: Conditions on last values.
        tags: Tags, by key.
    """

    params: Mapping[str, str]
    metrics: tuple[MetricCondition, ...]
    tags: Mapping[str, str]

    @classmethod
    def checked(
        cls,
        *,
        params: Mapping[str, ParameterValue],
        metrics: Iterable[MetricCondition],
        tags: Mapping[str, str],
    ) -> RunQuery:
        """What was asked, if it can be asked. Names are taken as they are: one that nothing has finds nothing.

        Raises:
            InvalidNameError: A value is none that a parameter or a tag can have, or a condition is none.
        """
        for key, value in tags.items():
            check_text(f"the value of tag {key!r:.80}, by which runs are looked for,", value)
        return cls(
            params={key: parameter_text(value) for key, value in params.items()},
            metrics=tuple(map(_condition, _each(metrics))),
            tags=dict(tags),
        )

    def matches(self, run: RunRecord) -> bool:
        """Whether a run fulfils every condition."""
        return (
            self.params.items() <= run.params.items()
            and self.tags.items() <= run.tags.items()
            and all(_holds(each, run) for each in self.metrics)
        )


def _holds(condition: MetricCondition, run: RunRecord) -> bool:
    # NaN is neither below, nor at, nor above anything.
    value = run.metrics.get(condition.key)
    return value is not None and _COMPARE[condition.comparison](value, condition.value)


def _each(metrics: object) -> Iterable[object]:
    if isinstance(metrics, Iterable) and not isinstance(metrics, (str, Mapping)):
        return cast("Iterable[object]", metrics)
    raise _refused(f"conditions come in a list, not as {shown(cast('object', metrics))}")


def _condition(given: object) -> MetricCondition:
    if not isinstance(given, MetricCondition):
        raise _refused(f"a condition is a MetricCondition, not {shown(given)}")
    if not isinstance(cast("object", given.key), str):
        raise _refused(f"a metric's name is text, not {shown(given.key)}")
    metric = f"the metric {given.key!r:.80}"
    if given.comparison not in tuple(_COMPARE):  # a list cannot be looked up in a mapping
        raise _refused(f"a comparison is one of {' '.join(_COMPARE)}, not {shown(given.comparison)}", metric)
    value = metric_number(given.value)
    if value is None:
        raise _refused(f"it is compared with a number, not with {shown(given.value)}", metric)
    return MetricCondition(key=given.key, comparison=given.comparison, value=value)


def _refused(why: str, metric: str = "metrics like this") -> InvalidNameError:
    hint = 'metrics=[MetricCondition(key="auc", comparison=">=", value=0.8)]'
    return InvalidNameError(f"runs cannot be looked for by {metric}", why=why, hint=hint)
