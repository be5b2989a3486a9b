"""The rejection waterfall: rows in, minus each reason, equals scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.reports.markup import Markup, element
from mlops_core.reports.page import code, paragraph
from mlops_core.reports.wording import count, percent, plural, ratio

if TYPE_CHECKING:
    from mlops_core.reports.documents import ScoringDocument, Step

_LANE: Final = 16
_SMALL_SHARE: Final = 1 / 3  # below it, reasons on a scale from zero would be slivers that nobody can compare
_STUB: Final = 0.35  # the kept length of a torn bar, as a share of what the reasons take


@dataclass(frozen=True, slots=True)
class Scale:
    """From rows to percent of the width. It starts at zero unless the rejected rows would be invisible.

    Attributes:
        start: Rows at the left edge.
        end: Rows at the right edge: rows in.
    """

    start: float
    end: float

    @classmethod
    def of(cls, *, rows: int, scored: int) -> Scale:
        """The scale for a run of so many rows in and scored."""
        rejected = rows - scored
        if 0 < rejected < rows * _SMALL_SHARE:
            return cls(scored - rejected * _STUB, rows)
        return cls(0.0, max(rows, 1))

    @property
    def torn(self) -> bool:
        """Whether bars of totals are cut off on the left."""
        return self.start > 0

    def x(self, rows: float) -> float:
        """Percent of the width."""
        return 100 * (rows - self.start) / (self.end - self.start)


def waterfall(document: ScoringDocument) -> Markup:
    """Rows in, a row for each reason that opens to show keys, and what was scored."""
    scale = Scale.of(rows=document.rows, scored=document.scored)
    noun = document.noun
    left = document.rows
    rows = [_total(f"{noun} in", document.rows, scale)]
    for step in document.steps:
        rows.append(_step(step, left, document.rows, scale))
        left -= step.rejected
    rows.append(_total("scored" if document.passed else "would be scored", document.scored, scale))
    note = None
    if scale.torn:
        note = paragraph(
            f"The bars of the totals are torn: the {count(document.scored)} would not fit beside the reasons.",
            kind="note",
        )
    return element("div", element("div", rows, class_="steps"), note)


def _total(name: str, rows: int, scale: Scale) -> Markup:
    tear = _tear() if scale.torn else None
    bar = element("rect", x=0, y=0, width=f"{scale.x(rows):.3f}%", height=_LANE, class_="mine")
    return element(
        "div",
        element("span", class_="sign"),
        element("span", name),
        element("span", count(rows), class_="count n"),
        _bar(bar, tear),
        class_="row total",
    )


def _step(step: Step, before: int, rows: int, scale: Scale) -> Markup:
    after = before - step.rejected
    right, left = scale.x(before), scale.x(after)
    bar = _bar(
        element("line", x1=f"{right:.3f}%", x2=f"{right:.3f}%", y1=-12, y2=_LANE, class_="grid link"),
        element("line", x1=f"{left:.3f}%", x2=f"{left:.3f}%", y1=0, y2=_LANE + 40, class_="grid link"),
        element("rect", x=f"{left:.3f}%", y=0, width=f"{max(right - left, 0.3):.3f}%", height=_LANE, class_="minus")
        if step.rejected
        else None,
    )
    shown = f"\u2212{count(step.rejected)}" if step.rejected else "0"
    head = (
        element("span", class_="sign"),
        element(
            "span",
            step.reason,
            element("span", f" {step.handler}", class_="by") if step.handler != step.reason else None,
        ),
        element("span", shown, class_="count n"),
        bar,
    )
    if not step.rejected:
        return element("div", *head, class_="row none")
    return element("details", element("summary", *head), _inside(step, rows))


def _inside(step: Step, rows: int) -> Markup:
    share = f"{percent(ratio(step.rejected, rows), 2)} of all rows in, rejected by "
    keys = None
    if step.examples:
        rest = step.rejected - len(step.examples)
        more = element("li", f"and {plural(rest, 'other', 'others')}") if rest > 0 else None
        keys = element("ul", [element("li", code(key)) for key in step.examples], more, class_="keys")
    return element("div", paragraph(share, code(step.handler), ".", _nulls(step)), keys, class_="inside")


def _nulls(step: Step) -> str:
    if not step.nulls:
        return ""
    if step.nulls == step.rejected:
        return " The answer was unknown (null) for all of them."
    return f" The answer was unknown (null) for {count(step.nulls)} and no for {count(step.rejected - step.nulls)}."


def _bar(*shapes: Markup | None) -> Markup:
    return element("span", element("svg", shapes, width="100%", height=_LANE, aria_hidden="true"), class_="bar")


def _tear() -> Markup:
    return element(
        "path",
        d=f"M22 -2 l5 {_LANE / 4 + 1:g} l-5 {_LANE / 4 + 1:g} l5 {_LANE / 4 + 1:g} l-5 {_LANE / 4 + 1:g}",
        class_="tear",
    )
