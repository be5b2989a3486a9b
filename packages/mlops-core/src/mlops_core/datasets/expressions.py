"""What an expression reads, and whether it looks at one row only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl


def columns_read(expression: pl.Expr) -> list[str]:
    """The names of the columns that an expression reads, each once."""
    return list(dict.fromkeys(expression.meta.root_names()))


def problem_with(expression: pl.Expr, schema: pl.Schema) -> str:
    """Why an expression cannot be a feature; ``""`` if it can.

    It must name its columns, because they belong to the model's signature. And it must give a row the same value
    whatever other rows are in the table: some of them are of later moments, and at scoring the others are other ones.
    An expression that runs Python code cannot be judged, and is believed.

    Args:
        expression: Over the columns of ``schema``.
        schema: What it may read.
    """
    import polars as pl

    if not expression.meta.root_names() and not expression.meta.has_multiple_outputs():
        return "it reads no column"
    try:
        if expression.meta.has_multiple_outputs():
            return "it makes several columns"
        leaves = [node for node in _nodes(expression, schema) if not node.meta.pop(schema=schema)]
        if any(leaf.meta.is_column_selection() and not leaf.meta.is_column() for leaf in leaves):
            return "it selects columns by a pattern or a type; name them, so that the signature can"
        alone = expression.meta.is_row_separable() and all(
            node.meta.is_row_separable() and not node.meta.is_scalar()
            for node in _nodes(expression, schema)
            if node.meta.root_names()
        )
        known = all(leaf.meta.is_column() or leaf.meta.is_literal() or leaf.meta.eq(pl.element()) for leaf in leaves)
        one_each = expression.meta.is_length_preserving()
    except pl.exceptions.PolarsError:
        return ""  # not resolvable without running it: what is wrong with it shows when it is tried on no rows
    if alone and known and one_each:
        return ""
    return "its value for a row depends on other rows of the table, or it is not one value for each row"


def _nodes(expression: pl.Expr, schema: pl.Schema) -> Iterator[pl.Expr]:
    yield expression
    for part in expression.meta.pop(schema=schema):
        yield from _nodes(part, schema)
