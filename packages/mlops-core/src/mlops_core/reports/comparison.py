"""The section that holds a model against its baselines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from mlops_core.reports.charts import bars
from mlops_core.reports.markup import Markup, element, join
from mlops_core.reports.page import Column, paragraph, section, table
from mlops_core.reports.wording import metric_name, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_core.reports.documents import TrainingDocument

_BESIDE: Final = 3  # the model and two baselines: a wider table has the page's width for itself


def comparison(document: TrainingDocument) -> Markup | None:
    """The chosen metric as bars, and every metric of model and baselines; ``None`` when nothing was measured."""
    part = document.reported
    if part is None or not document.metrics.get(part.name):
        return None
    mine = document.metrics[part.name]
    names = list(mine)
    predictors = [("the model", mine), *((each.name, each.metrics.get(part.name, {})) for each in document.baselines)]
    meanings = [
        join(element("dt", each.name), element("dd", each.meaning)) for each in document.baselines if each.meaning
    ]
    about = (
        paragraph("A score alone says little. A baseline is a rule that anyone could write down in a minute."),
        element("dl", meanings, class_="stacked") if meanings else None,
    )
    return section(
        "baselines",
        "Better than the simple rules?",
        about,
        _chart(document, part.name, predictors),
        element(
            "div",
            _against(document, part.name, names, predictors),
            _by_part(document, names),
            class_="pair" if len(predictors) <= _BESIDE else "stack",
        ),
    )


def _chart(
    document: TrainingDocument, part: str, predictors: Sequence[tuple[str, Mapping[str, float]]]
) -> Markup | None:
    drawn = [(name, metrics[document.metric]) for name, metrics in predictors if document.metric in metrics]
    if not drawn:
        return None
    direction = "less is better" if document.metric in document.losses else "more is better"
    caption = element(
        "figcaption", metric_name(document.metric), element("span", f" on {part}; {direction}", class_="soft")
    )
    return element("figure", caption, bars(drawn))


def _against(
    document: TrainingDocument, part: str, names: Sequence[str], predictors: Sequence[tuple[str, Mapping[str, float]]]
) -> Markup:
    rows: list[list[Markup | str]] = []
    for name in names:
        found = [metrics.get(name) for _, metrics in predictors]
        finite = [each for each in found if each is not None and math.isfinite(each)]
        best = (min if name in document.losses else max)(finite, default=None)
        rows.append([_metric(document, name), *(_score(each, best) for each in found)])
    columns = [Column("Metric"), *(Column(who, numeric=True) for who, _ in predictors)]
    return table(f"On {part}, best in bold", columns, rows)


def _by_part(document: TrainingDocument, names: Sequence[str]) -> Markup:
    parts = [each.name for each in document.parts if each.name in document.metrics]
    rows = [
        [_metric(document, name), *(_score(document.metrics[part].get(name), None) for part in parts)] for name in names
    ]
    return table("The model on every part", [Column("Metric"), *(Column(part, numeric=True) for part in parts)], rows)


def _metric(document: TrainingDocument, name: str) -> Markup:
    arrow = element("span", " \u2193", class_="soft", title="less is better") if name in document.losses else None
    return join(metric_name(name), arrow)


def _score(found: float | None, best: float | None) -> Markup | str:
    if found is None:
        return "\u2013"
    return element("strong", number(found)) if found == best else number(found)
