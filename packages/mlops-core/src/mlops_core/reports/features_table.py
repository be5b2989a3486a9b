"""The features of a version, grouped by what they may see."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final

from mlops_core.json_values import as_sequence
from mlops_core.reports.markup import Markup, breakable, element, join
from mlops_core.reports.page import Column, code, paragraph, table
from mlops_core.reports.wording import number, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_core.signature import FeatureColumn, Signature

_OPEN_UP_TO: Final = 20  # a longer group is folded: 60 features must not bury the rest of the page

_LEAST_IMPORTANCE: Final = 5e-4


def feature_groups(signature: Signature, importances: Mapping[str, float]) -> Markup:
    """A table for each source, in the order in which the model first reads them.

    Args:
        signature: The columns.
        importances: By column; empty where they were not measured. Where they were, the most important comes first.
    """
    groups: dict[str | None, list[FeatureColumn]] = {}
    for column in signature.features:
        groups.setdefault(column.source, []).append(column)
    shown = [_group(source, columns, importances) for source, columns in groups.items()]
    return element("div", shown) if shown else paragraph("The model reads no features.", kind="soft")


def _group(source: str | None, columns: Sequence[FeatureColumn], importances: Mapping[str, float]) -> Markup:
    title = "The row itself" if source is None else code(source)
    size = element("span", plural(len(columns), "column", "columns"), class_="soft")
    rules = {column.rule for column in columns}
    common = next(iter(rules)) if len(rules) == 1 else ""
    headings = [Column("Column"), Column("Type"), Column("Version", numeric=True)]
    if importances:
        headings += [Column("Importance", numeric=True), Column("")]
        columns = sorted(columns, key=lambda column: -_finite(importances.get(column.name)))
    most = max([0.0, *map(_finite, importances.values())])
    rows = [_cells(column, importances, most, with_rule=not common) for column in columns]
    return element(
        "details",
        element("summary", element("h3", title), " ", size),
        paragraph(common, kind="rule") if common else None,
        table(None, headings, rows),
        class_="group",
        open=len(columns) <= _OPEN_UP_TO,
    )


def _cells(
    column: FeatureColumn, importances: Mapping[str, float], most: float, *, with_rule: bool
) -> list[Markup | str]:
    notes = [
        column.rule if with_rule else "",
        column.feature if column.parameters and not column.rule else "",
        f"reads {', '.join(column.needs)}" if column.needs else "",
    ]
    said = "; ".join(filter(None, notes))
    cells: list[Markup | str] = [
        join(element("code", breakable(column.name)), element("div", said, class_="note") if said else None),
        code(_short_type(column.dtype)),
        element("span", f"v{column.version}", title=column.fingerprint or None),
    ]
    if importances:
        found = importances.get(column.name)
        cells += ["\u2013" if found is None else _importance(found), _bar(_finite(found), most)]
    return cells


def _importance(found: float) -> str:
    # Nobody ranks columns by powers of ten: what rounds to nothing is nothing.
    return number(found if abs(found) >= _LEAST_IMPORTANCE or math.isnan(found) else 0.0)


def _bar(importance: float, most: float) -> Markup:
    share = 100 * max(importance, 0.0) / most if most else 0.0
    rect = element("rect", x=0, y=5, width=f"{share:.2f}%", height=10, class_="mine")
    return element("svg", rect, width="100%", height=18, aria_hidden="true")


def _finite(importance: float | None) -> float:
    return importance if importance is not None and math.isfinite(importance) else 0.0


def _short_type(dtype: str) -> str:
    """An enum by the number of its categories: they can be many, and are not what a reader looks for here."""
    if not dtype.startswith("enum["):
        return dtype
    return f"enum of {len(as_sequence(json.loads(dtype.removeprefix('enum'))))}"
