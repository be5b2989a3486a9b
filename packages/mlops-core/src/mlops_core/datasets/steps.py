"""What a plan does: as-of joins, window aggregates, and expressions, each for many features at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mlops_core.datasets.expressions import columns_read
from mlops_core.datasets.point_in_time import AsOfRule, as_of
from mlops_core.datasets.rules import as_of_words, window_words
from mlops_core.datasets.windows import Aggregate, WindowRule, aggregate_windows
from mlops_core.errors import FeatureError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    import polars as pl

    from mlops_core.features.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionOf:
    """The expression of one feature.

    Attributes:
        column: The name of its column.
        expression: What computes it.
        place: Where the feature is defined, for errors.
    """

    column: str
    expression: pl.Expr
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOfStep:
    """One as-of join, and the expressions over the row that it finds."""

    source: Source
    rule: AsOfRule
    at: str | None
    reads: tuple[str, ...]
    expressions: tuple[ExpressionOf, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it makes."""
        return tuple(each.column for each in self.expressions)

    @property
    def words(self) -> str:
        """Which row it may see."""
        return as_of_words(self.rule, self.at)

    def run(self, frame: pl.DataFrame, source: pl.LazyFrame) -> pl.DataFrame:
        """The columns, for each row of the frame."""
        row = as_of(frame, source, self.rule, at=self.at, columns=self.reads, source_name=self.source.name)
        return evaluate(row, self.expressions)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowStep:
    """Aggregates over one window of one source."""

    source: Source
    rule: WindowRule
    at: str
    aggregates: tuple[Aggregate, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it makes."""
        return tuple(each.name for each in self.aggregates)

    @property
    def words(self) -> str:
        """Which rows it may see."""
        return window_words(self.rule, self.at)

    def run(self, frame: pl.DataFrame, source: pl.LazyFrame) -> pl.DataFrame:
        """The columns, for each row of the frame."""
        return aggregate_windows(
            frame, source, self.rule, at=self.at, aggregates=self.aggregates, source_name=self.source.name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionStep:
    """Expressions over the table's own columns and the features before: those of one level together."""

    reads: tuple[str, ...]
    expressions: tuple[ExpressionOf, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it makes."""
        return tuple(each.column for each in self.expressions)

    @property
    def words(self) -> str:
        """Which columns its expressions read together."""
        return _read_in_words(self.reads, features=())

    def words_of(self, column: str, *, table: Container[str]) -> str:
        """Which columns the expression of one of its columns reads: those of the table, and other features."""
        expression = next(each.expression for each in self.expressions if each.column == column)
        read = columns_read(expression)
        own = [name for name in read if name in table]
        return _read_in_words(own, features=[name for name in read if name not in table])


def _read_in_words(own: Iterable[str], *, features: Iterable[str]) -> str:
    kinds = (("the row's own columns", own), ("the features", features))
    parts = [f"{kind}: {', '.join(names)}" for kind, read in kinds if (names := list(dict.fromkeys(read)))]
    return "; ".join(parts) or "no column"


Step: TypeAlias = "AsOfStep | WindowStep | ExpressionStep"


def run_steps(steps: Iterable[Step], frame: pl.DataFrame, *, without_rows: bool = False) -> pl.DataFrame:
    """Compute all features.

    Args:
        steps: In an order in which they can run.
        frame: The table's own columns.
        without_rows: Read the schemas of sources, not their rows.

    Returns:
        The frame with the features' columns added.

    Raises:
        DatasetError: A join cannot work.
        FeatureError: An expression failed, or a source cannot be read.
    """
    scans: dict[Source, pl.LazyFrame] = {}
    for step in steps:
        if isinstance(step, ExpressionStep):
            made = evaluate(frame, step.expressions)
        else:
            if step.source not in scans:
                scans[step.source] = step.source.scan()
            source = scans[step.source]
            made = step.run(frame, source.clear() if without_rows else source)
        frame = frame.hstack(made.get_columns())
    return frame


def evaluate(frame: pl.DataFrame, expressions: tuple[ExpressionOf, ...]) -> pl.DataFrame:
    """The expressions' columns, one value for each row of the frame.

    Raises:
        FeatureError: One of them failed; the error names its feature.
    """
    import polars as pl

    try:
        return _columns(frame, expressions)
    except pl.exceptions.PolarsError:
        for each in expressions:
            _blame(frame, each)
        raise


def _columns(frame: pl.DataFrame, expressions: tuple[ExpressionOf, ...]) -> pl.DataFrame:
    # with_columns, not select: a constant must become one value for each row, also where there are none.
    names = [each.column for each in expressions]
    return frame.with_columns(each.expression.alias(each.column) for each in expressions).select(names)


def _blame(frame: pl.DataFrame, expression: ExpressionOf) -> None:
    import polars as pl

    try:
        _columns(frame, (expression,))
    except pl.exceptions.PolarsError as exc:
        raise FeatureError(
            f"the expression of feature {expression.column!r} failed",
            where=expression.place,
            why=str(exc).strip(),
            hint="check it against the columns' types",
        ) from exc
