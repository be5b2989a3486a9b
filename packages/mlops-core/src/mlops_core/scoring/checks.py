"""Handlers that look at values: conditions of the user's, and the key, which is checked in every run that has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.datasets.expressions import looks_at_other_rows
from mlops_core.errors import ScoringError, near_matches
from mlops_core.scoring.handlers import ROW, Link, Verdict

if TYPE_CHECKING:
    import polars as pl

    from mlops_core.scoring.handlers import Table

NO_KEY: Final = "no key"
DUPLICATE_KEY: Final = "duplicate key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A condition that every scored row fulfils. Made by :func:`check`.

    Attributes:
        reason: What an accepted row has, such as ``weather is fresh``.
        expression: A Boolean expression over the columns of one row.
    """

    reason: str
    expression: pl.Expr

    @property
    def name(self) -> str:
        """See :attr:`Handler.name`."""
        return "check"

    @property
    def reasons(self) -> tuple[str, ...]:
        """See :attr:`Handler.reasons`."""
        return (self.reason,)

    def bind(self, table: Table, /) -> Link:
        """See :meth:`Handler.bind`."""
        import polars as pl

        where = f"check {self.reason!r}"
        try:
            # Run on no rows: the schema alone does not tell that an operation is wrong for a type.
            columns = pl.DataFrame(schema=table.schema).select(self.expression).schema
        except pl.exceptions.ColumnNotFoundError as exc:
            missing = ", ".join(repr(each) for each in self.expression.meta.root_names() if each not in table.schema)
            why = f"neither the input nor a handler before this one has {missing}"
            known = [each for each in table.schema if each != ROW]
            hint = near_matches(missing.strip("'"), known)
            raise ScoringError("the check reads an unknown column", where=where, why=why, hint=hint) from exc
        except pl.exceptions.PolarsError as exc:
            why = str(exc).split("\n", 1)[0]
            raise ScoringError("the check cannot be evaluated", where=where, why=why, hint="correct it") from exc
        dtypes = [*columns.values()]
        if dtypes not in ([pl.Boolean()], [pl.Null()]):
            why = f"its expression gives {', '.join(map(str, dtypes)) or 'no column'}"
            raise ScoringError("a check must be true or false", where=where, why=why, hint="compare: pl.col('x') > 0")
        if looks_at_other_rows(self.expression, table.schema):
            raise ScoringError(
                "the check looks at more than one row",
                where=where,
                why="its answer for a row would change with the rows around it, and with where batches begin",
                hint="compute such a value as a feature, or as a column of the input",
            )
        return Link(schema=table.schema, handle=self._handle, start=self._identity)

    def _handle(self, batch: pl.DataFrame) -> Verdict:
        return Verdict.of(batch, self.accepted(batch), reason=self.reason)

    def accepted(self, batch: pl.DataFrame) -> pl.Series:
        """Whether each row fulfils the condition: Boolean, null where that is unknown.

        Raises:
            ScoringError: A value makes the expression fail.
        """
        import polars as pl

        try:
            # Beside a column of the batch's height, a constant becomes one value a row.
            return batch.select(batch[ROW], self.expression.cast(pl.Boolean).alias("accepted"))["accepted"]
        except pl.exceptions.PolarsError as exc:
            rows = f"rows {batch[ROW].min()} to {batch[ROW].max()}"
            raise ScoringError(
                f"the check {self.reason!r} failed on a value",
                where=rows,
                why=str(exc),
                hint="make it null for such values, with cast(..., strict=False) for instance",
            ) from exc

    def _identity(self) -> str | None:
        data = self.expression.meta.serialize(format="binary")
        # A Python function is known by its name at most: whether it still does the same cannot be seen.
        return None if b"AnonymousFunction" in data else data.hex()


def check(reason: str, expression: pl.Expr | str, /) -> Check:
    """A condition that every scored row fulfils.

    Args:
        reason: What an accepted row has, in the words of a report: ``"weather is fresh"``.
        expression: Boolean, over the columns of one row: a Polars expression, or SQL such as ``"wind_gusts < 50"``.
            Null counts as false and is counted apart.

    Raises:
        ScoringError: The reason is empty, or the text is not an SQL expression.
    """
    import polars as pl

    if not reason.strip():
        raise ScoringError("a check needs a reason", hint='check("has a tail number", "tailnum IS NOT NULL")')
    if isinstance(expression, str):
        try:
            expression = pl.sql_expr(expression)
        except pl.exceptions.PolarsError as exc:
            raise ScoringError(
                f"the check {reason!r} is not an SQL expression",
                where=expression,
                why=str(exc).split("\n", 1)[0],
                hint='for example "tailnum IS NOT NULL AND distance > 0"; text stands in single quotes',
            ) from exc
    return Check(reason=reason, expression=expression)


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueKey:
    """Accepts the first row of each key. Every run that has a key begins with it.

    Attributes:
        column: The key's column.
    """

    column: str

    @property
    def name(self) -> str:
        """See :attr:`Handler.name`."""
        return "key"

    @property
    def reasons(self) -> tuple[str, ...]:
        """See :attr:`Handler.reasons`."""
        return (NO_KEY, DUPLICATE_KEY)

    def bind(self, table: Table, /) -> Link:
        """See :meth:`Handler.bind`."""
        dtype = table.schema.get(self.column)
        if dtype is None:
            hint = near_matches(self.column, [each for each in table.schema if each != ROW])
            raise ScoringError(f"no key column {self.column!r}", why="the input does not have it", hint=hint)
        if dtype.is_nested() or dtype.is_float() or dtype.is_object():
            why = f"its type is {dtype}, which does not compare exactly"
            hint = "use an integer or text, or no key for the row's number"
            raise ScoringError(f"{self.column!r} cannot be a key", why=why, hint=hint)
        links = _FirstOfKey(self.column, table.rows)
        return Link(schema=table.schema, handle=links.handle, start=links.start)


@dataclass(slots=True)
class _FirstOfKey:
    column: str
    rows: pl.LazyFrame
    first: pl.Series | None = None

    def start(self) -> str:
        import polars as pl

        # Of the whole input, once: a batch cannot know the keys before it, and a resumed run does not see them.
        key = pl.col(self.column)
        self.first = self.rows.select(key.is_first_distinct()).collect(engine="streaming").to_series()
        return self.column

    def handle(self, batch: pl.DataFrame) -> Verdict:
        import polars as pl

        if self.first is None:
            raise RuntimeError("a link is started before its first batch")
        key = batch[self.column]
        reason = (
            pl.when(key.is_null()).then(pl.lit(NO_KEY)).when(~self.first.gather(batch[ROW])).then(pl.lit(DUPLICATE_KEY))
        )
        return Verdict(batch=batch, reason=pl.select(reason=reason).to_series())
