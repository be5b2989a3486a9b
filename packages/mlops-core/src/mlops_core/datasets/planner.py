"""From resolved features and the schema of a table to the steps of a plan. What cannot work is an error here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_core.datasets import checks
from mlops_core.datasets.expressions import columns_read
from mlops_core.datasets.rules import as_of_rule, window_rule
from mlops_core.datasets.steps import AsOfStep, ExpressionOf, ExpressionStep, Step, WindowStep
from mlops_core.datasets.windows import Aggregate
from mlops_core.errors import FeatureError
from mlops_core.features.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from mlops_core.datasets.point_in_time import AsOfRule
    from mlops_core.datasets.resolution import ResolvedFeature
    from mlops_core.datasets.windows import WindowRule
    from mlops_core.features.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """Everything that a plan is made from. It can be pickled when its features can.

    Attributes:
        features: What to compute; the requested ones in the order of the dataset's columns.
        table: The columns of the caller's table and their types.
        unreadable: Columns that the table also has and that cannot be read, and why.
        at: The column of the moment.
        label: The column that is predicted.
        label_dtype: Its neutral type.
        hidden: Columns that no feature may read: the label, and what it is made of.
        known_at: Only what had been recorded by the moment is visible.
        strict: Ties that cannot be decided are errors.
    """

    features: tuple[ResolvedFeature, ...]
    table: pl.Schema
    unreadable: Mapping[str, str] = field(default_factory=dict[str, str])
    at: str | None = None
    label: str | None = None
    label_dtype: str = ""
    hidden: frozenset[str] = frozenset()
    known_at: bool = False
    strict: bool = False


def make_steps(request: PlanRequest) -> tuple[Step, ...]:
    """The joins, once for each source and rule, then the expressions, one step for each level.

    Raises:
        FeatureError: A definition cannot work.
        DatasetError: A feature does not fit the table, or would read the label.
    """
    checks.check_names(request)
    checks.check_moment(request)
    planner = _Planner(request)
    for each in request.features:
        planner.add(each)
    return planner.steps()


class _Planner:
    """Collects what features ask for, so that those that ask alike are answered together."""

    def __init__(self, request: PlanRequest) -> None:
        self._request = request
        self._schemas: dict[Source, pl.Schema] = {}
        self._lookups: dict[tuple[Source, AsOfRule], list[ExpressionOf]] = {}
        self._windows: dict[tuple[Source, WindowRule], list[Aggregate]] = {}
        self._levels: dict[int, list[ExpressionOf]] = {}

    def add(self, each: ResolvedFeature) -> None:
        made, source = each.feature.build(), each.feature.source
        if source is not None and source not in self._schemas:
            checks.check_source_names([*self._schemas, source])
            self._schemas[source] = source.schema()
        if isinstance(made, Window):
            self._add_window(each, made)
        elif source is None:
            checks.check_own_columns(each, made, self._request)
            self._levels.setdefault(each.level, []).append(_expression_of(each, made))
        else:
            self._add_lookup(each, source, made)

    def _add_window(self, each: ResolvedFeature, window: Window) -> None:
        source = each.feature.source
        if source is None:
            why = "a window is over the events of a source"
            raise FeatureError(
                f"feature {each.feature.spec!r} has no source", where=each.feature.definition.place, why=why
            )
        event_time = checks.event_time_of(each, source)
        checks.moment_for(each, source, self._request)
        rule = window_rule(source, window, event_time=event_time, known_at=self._request.known_at)
        reads = [] if window.column is None else [window.column]
        checks.check_join(each, source, self._schemas[source], self._request, keys=rule.keys, reads=reads)
        aggregate = Aggregate(kind=window.kind, column=window.column, name=each.column)
        self._windows.setdefault((source, rule), []).append(aggregate)

    def _add_lookup(self, each: ResolvedFeature, source: Source, expression: pl.Expr) -> None:
        if source.event_time is not None:
            checks.moment_for(each, source, self._request)
        rule = as_of_rule(source, known_at=self._request.known_at, strict=self._request.strict)
        reads, schema = columns_read(expression), self._schemas[source]
        checks.check_join(each, source, schema, self._request, keys=rule.keys, reads=reads)
        checks.check_row_by_row(each, expression, schema)
        self._lookups.setdefault((source, rule), []).append(_expression_of(each, expression))

    def steps(self) -> tuple[Step, ...]:
        at = self._request.at
        lookups = [
            AsOfStep(
                source=source,
                rule=rule,
                at=None if source.event_time is None else at,
                reads=_reads(expressions),
                expressions=tuple(expressions),
            )
            for (source, rule), expressions in self._lookups.items()
        ]
        windows = [
            WindowStep(source=source, rule=rule, at=at or "", aggregates=tuple(aggregates))
            for (source, rule), aggregates in self._windows.items()
        ]
        levels = [
            ExpressionStep(reads=_reads(self._levels[level]), expressions=tuple(self._levels[level]))
            for level in sorted(self._levels)
        ]
        return (*lookups, *windows, *levels)


def _expression_of(each: ResolvedFeature, expression: pl.Expr) -> ExpressionOf:
    return ExpressionOf(column=each.column, expression=expression, place=each.feature.definition.place)


def _reads(expressions: list[ExpressionOf]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in expressions for name in columns_read(each.expression)))
