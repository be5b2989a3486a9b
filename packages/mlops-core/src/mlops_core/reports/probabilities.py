"""The section that asks whether predicted probabilities come true, and what their order is worth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlops_core.reports.charts import calibration
from mlops_core.reports.markup import Markup, element
from mlops_core.reports.page import Column, more, paragraph, section, table
from mlops_core.reports.wording import count, percent, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_core.reports.documents import CalibrationBin, TopShare, TrainingDocument


def probabilities(document: TrainingDocument) -> Markup | None:
    """Calibration and the top of the ranking; ``None`` for a model without probabilities."""
    bins, top = document.calibration, document.top
    if not bins and not top:
        return None
    return section(
        "probabilities",
        "Can the probabilities be believed?",
        _about(bins) if bins else None,
        element("div", _calibration(bins) if bins else None, _tops(document, top) if top else None, class_="pair"),
    )


def _about(bins: Sequence[CalibrationBin]) -> list[Markup]:
    finite = [each for each in bins if math.isfinite(each.predicted) and math.isfinite(each.observed)]
    gap = sum(abs(each.predicted - each.observed) * each.rows for each in finite)
    points = 100 * ratio(gap, sum(each.rows for each in finite))
    return [
        paragraph("On the dashed line, what is predicted at 30 % happens 30 times in 100. A larger dot is more rows."),
        paragraph(f"Weighted by rows, prediction and outcome are {points:.1f} points apart."),
    ]


def _calibration(bins: Sequence[CalibrationBin]) -> Markup:
    columns = [Column("Predicted"), Column("Observed", numeric=True), Column("Rows", numeric=True)]
    rows = [(percent(each.predicted), percent(each.observed), count(each.rows)) for each in bins]
    figure = element("figure", element("figcaption", "Predicted and observed"), calibration(bins))
    return element("div", figure, more("The numbers", table(None, columns, rows)))


def _tops(document: TrainingDocument, shares: Sequence[TopShare]) -> Markup:
    part = document.reported
    rate = part.positive_rate if part is not None else None

    def cells(top: TopShare) -> tuple[str, ...]:
        lift = f"{top.precision / rate:.1f}\u00d7" if rate and math.isfinite(rate) else "\u2013"
        return (f"top {percent(top.share, 0)}", count(top.rows), percent(top.precision), lift, percent(top.recall))

    columns = [
        Column("Ranked"),
        Column("Rows", numeric=True),
        Column("Precision", numeric=True),
        Column("Lift", numeric=True),
        Column("Recall", numeric=True),
    ]
    note = (
        f"Precision: the share of these rows that turned out {document.label}. Lift: how many times the rate of all "
        f"{document.noun} that is. Recall: the share of all that turned out {document.label}, found among these rows."
    )
    ranked = table("What the order is worth", columns, [cells(each) for each in shares])
    return element("div", ranked, paragraph(note, kind="note"))
