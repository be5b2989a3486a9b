"""What a plan refuses before anything is computed: each check raises an error that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.datasets.expressions import columns_read, problem_with
from mlops_core.errors import DatasetError, FeatureError, near_matches

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from mlops_core.datasets.planner import PlanRequest
    from mlops_core.datasets.resolution import ResolvedFeature
    from mlops_core.features.source import Source


def check_column(name: str, columns: Iterable[str], *, reader: str, where: str) -> None:
    """Raise a :class:`DatasetError` with near matches if a column is missing."""
    known = list(columns)
    if name not in known:
        raise DatasetError(
            f"{reader} needs a column {name!r} that is not there",
            where=where,
            why=f"the columns are {', '.join(known) or 'none'}",
            hint=near_matches(name, known),
        )


def check_own_column(name: str, request: PlanRequest, *, reader: str, where: str = "the table") -> None:
    """Raise a :class:`DatasetError` if the caller's table lacks a column, or if it cannot be read."""
    if name in request.unreadable:
        raise DatasetError(
            f"{reader} needs a column {name!r} that cannot be read",
            where=where,
            why=request.unreadable[name],
            hint="make it a column of one type",
        )
    check_column(name, request.table, reader=reader, where=where)


def check_names(request: PlanRequest) -> None:
    """A feature may be called neither like the label nor like a column of the table."""
    if not request.features:
        raise DatasetError("the plan has no features", why="none was asked for", hint=".with_features('name', ...)")
    for each in request.features:
        taken = ""
        if each.column == request.label:
            taken = "the label"
        elif each.column in request.table or each.column in request.unreadable:
            taken = "a column of the table"
        if taken:
            raise DatasetError(
                f"feature {each.feature.spec!r} is called like {taken}",
                where=each.feature.definition.place,
                why=f"both are a column {each.column!r}",
                hint="rename the feature with .alias('name')",
            )


def check_moment(request: PlanRequest) -> None:
    """The moment, where it is named, is a column of times."""
    if request.at is None:
        return
    check_own_column(request.at, request, reader="the moment (at)")
    import polars as pl

    dtype = request.table[request.at]
    if not isinstance(dtype, (pl.Datetime, pl.Date)):
        raise DatasetError(
            f"the moment {request.at!r} is not a time",
            where="the table",
            why=f"its type is {dtype}",
            hint=f"parse it first, such as pl.col({request.at!r}).str.to_datetime(time_zone='UTC')",
        )
    if request.at == request.label:
        raise DatasetError(
            f"the moment {request.at!r} is the label", where="the table", why="features are computed as of the moment"
        )


def check_own_columns(each: ResolvedFeature, expression: pl.Expr, request: PlanRequest) -> None:
    """An expression over the table reads columns that are there, not the label, and one row at a time."""
    import polars as pl

    name, reads = each.feature.spec, columns_read(expression)
    check_label_unread(each, reads, request)
    features = {other.column for other in request.features}
    for column in reads:
        if column in features and column not in each.needs:
            raise FeatureError(
                f"feature {name!r} reads a column that it does not see",
                where=each.feature.definition.place,
                why=f"{column!r} is a feature, and not among its needs",
                hint=f"@feature(needs=[{column!r}])",
            )
        if column not in each.needs:
            check_own_column(column, request, reader=f"feature {name!r}")
    # The types of other features are not known yet, and not needed to see whether an expression looks at other rows.
    check_row_by_row(each, expression, pl.Schema({column: request.table.get(column, pl.Unknown()) for column in reads}))


def check_row_by_row(each: ResolvedFeature, expression: pl.Expr, schema: pl.Schema) -> None:
    """An expression gives a row the same value whatever other rows there are."""
    problem = problem_with(expression, schema)
    if problem:
        raise FeatureError(
            f"feature {each.feature.spec!r} cannot be computed row by row",
            where=each.feature.definition.place,
            why=problem,
            hint="what happened before the moment is a source's: use window(...) over it",
        )


def check_label_unread(each: ResolvedFeature, columns: Iterable[str], request: PlanRequest) -> None:
    """No feature reads the label, or a column that the label is made of."""
    for column in columns:
        if column in request.hidden:
            is_it, allow = "is the label", ""
            if column != request.label:
                is_it = "is what the label is made of"
                allow = f"; or, if it is known by then, with_label(..., features_may_read=[{column!r}])"
            raise DatasetError(
                f"feature {each.feature.spec!r} reads the label",
                where=each.feature.definition.place,
                why=f"the column {column!r} {is_it}: it is not known when the model predicts",
                hint=f"look it up in a source of past events, with an event time{allow}",
            )


def check_join(
    each: ResolvedFeature,
    source: Source,
    schema: pl.Schema,
    request: PlanRequest,
    *,
    keys: tuple[tuple[str, str], ...],
    reads: Iterable[str],
) -> None:
    """The columns of a join are there on both sides; none is the label, and only a source's keys may be part of it."""
    reader = f"feature {each.feature.spec!r}"
    times = [name for name in (source.event_time, source.created_time) if name is not None]
    for column in (*times, *(theirs for theirs, _ in keys), *reads):
        check_column(column, schema, reader=reader, where=f"source {source.name!r}")
    mine = [column for _, column in keys]
    entity = {column for _, column in source.keys}
    check_label_unread(each, [name for name in mine if name == request.label or name not in entity], request)
    for column in mine:
        check_own_column(column, request, reader=reader, where=f"the table, as a key of source {source.name!r}")


def event_time_of(each: ResolvedFeature, source: Source) -> str:
    """The event time of a source that a window is over."""
    if source.event_time is None:
        raise DatasetError(
            f"feature {each.feature.spec!r} cannot be computed",
            where=f"source {source.name!r}",
            why="a window is over times, and the source has no event time",
            hint="Source(..., event_time='column')",
        )
    return source.event_time


def moment_for(each: ResolvedFeature, source: Source, request: PlanRequest) -> str:
    """The moment, which a source with an event time is compared with."""
    if request.at is None:
        raise DatasetError(
            f"feature {each.feature.spec!r} cannot be computed",
            where=f"source {source.name!r}",
            why="the source has an event time, and no column of the table is named as the moment",
            hint="DatasetBuilder(spine, at='column')",
        )
    return request.at


def check_source_names(sources: Iterable[Source]) -> None:
    """Two different sources have different names, or errors and rules would mislead."""
    known: dict[str, Source] = {}
    for source in sources:
        other = known.setdefault(source.name, source)
        if other != source:
            raise DatasetError(
                f"two sources are called {source.name!r}",
                why=f"{other!r} and {source!r} are not the same",
                hint="define it once, or give one of them another name",
            )
