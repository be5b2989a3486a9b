"""What an expression reads, and whether it looks at one row only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
        if any(_is_selection(leaf) for leaf in _leaves(expression, schema)):
            return "it selects columns by a pattern or a type; name them, so that the signature can"
    except pl.exceptions.PolarsError:
        return ""  # not resolvable without running it: what is wrong with it shows when it is tried on no rows
    if looks_at_other_rows(expression, schema):
        return "its value for a row depends on other rows of the table, or it is not one value for each row"
    return ""


def looks_at_other_rows(expression: pl.Expr, schema: pl.Schema) -> bool:
    """Whether an expression may give a row another value when other rows stand around it.

    An expression that runs Python code cannot be judged, and is believed.

    Args:
        expression: Over the columns of ``schema``.
        schema: What it may read.
    """
    import polars as pl

    try:
        alone = all(
            node.meta.is_row_separable() and not node.meta.is_scalar() and not _reads_a_whole_column(node, schema)
            for node in _nodes(expression, schema)
            if node.meta.root_names()
        )
        # A literal of several values is laid beside the rows in order, so it belongs to positions and not to rows.
        known = all(
            leaf.meta.is_column()
            or _is_selection(leaf)
            or (leaf.meta.is_literal() and leaf.meta.is_scalar())
            or leaf.meta.eq(pl.element())
            for leaf in _leaves_without_sets(expression, schema)
        )
        one_each = expression.meta.is_length_preserving() or not expression.meta.root_names()
    except pl.exceptions.PolarsError:
        return False
    return not (alone and known and one_each)


_TAKE_SETS: Final = (".is_in(", ".replace(", ".replace_strict(", ".is_business_day(")
"""Methods that take a column among their arguments as one set of values, made of all its rows."""


def _sets_of(node: pl.Expr, schema: pl.Schema) -> list[pl.Expr]:
    """The arguments that the node takes as sets, unless they are lists of the row's own."""
    parts = node.meta.pop(schema=schema)
    # Polars does not tell a node's function but in its text, which begins with that of its subject, the last part.
    if not parts or not str(node).startswith(tuple(f"{parts[-1]}{method}" for method in _TAKE_SETS)):
        return []
    return parts[:-1]


def _reads_a_whole_column(node: pl.Expr, schema: pl.Schema) -> bool:
    return any(part.meta.root_names() and _is_flat(part, schema) for part in _sets_of(node, schema))


def _leaves_without_sets(expression: pl.Expr, schema: pl.Schema) -> Iterator[pl.Expr]:
    """The leaves, but for constants that a node takes as one set, the same for each row."""
    parts = expression.meta.pop(schema=schema)
    sets = len(_sets_of(expression, schema))
    for position, part in enumerate(parts):
        if not (position < sets and part.meta.is_literal() and _is_flat(part, schema)):
            yield from _leaves_without_sets(part, schema)
    if not parts:
        yield expression


def _is_flat(expression: pl.Expr, schema: pl.Schema) -> bool:
    import polars as pl

    return not pl.LazyFrame(schema=schema).select(expression).collect_schema().dtypes()[0].is_nested()


def _is_selection(leaf: pl.Expr) -> bool:
    return leaf.meta.is_column_selection() and not leaf.meta.is_column()


def _leaves(expression: pl.Expr, schema: pl.Schema) -> Iterator[pl.Expr]:
    return (node for node in _nodes(expression, schema) if not node.meta.pop(schema=schema))


def _nodes(expression: pl.Expr, schema: pl.Schema) -> Iterator[pl.Expr]:
    yield expression
    for part in expression.meta.pop(schema=schema):
        yield from _nodes(part, schema)
