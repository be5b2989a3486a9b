"""Charts as inline SVG.

Wide charts give positions in percent of the width and sizes in pixels, so that text and marks keep their size from a
phone to a desk; square ones have a view box of about a phone's width.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from mlops_core.reports.markup import Markup, element
from mlops_core.reports.wording import count, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_core.reports.documents import CalibrationBin, ScoreBin

_TICKS: Final = 4
_SIDE, _LEFT, _TOP = 300.0, 46.0, 10.0


def bars(entries: Sequence[tuple[str, float]]) -> Markup:
    """Named values as bars from zero, the first one stressed. A value that is not finite has no bar.

    Args:
        entries: Name and value; values within 0 and 1 share the scale from 0 to 1.
    """
    sizes = [abs(value) for _, value in entries if math.isfinite(value)]
    largest = max([1.0, *sizes]) if max([0.0, *sizes]) <= 1 else max(sizes)
    rows: list[Markup] = []
    for place, (name, value) in enumerate(entries):
        share = 100 * abs(value) / largest if math.isfinite(value) else 0.0
        bar = element(
            "svg",
            element("rect", x=0, y=0, width="100%", height=12, class_="track"),
            element("rect", x=0, y=0, width=f"{share:.2f}%", height=12, class_="other" if place else "mine"),
            width="100%",
            height=12,
            aria_hidden="true",
        )
        rows += [
            element("span", name, class_="name"),
            element("span", number(value), class_="n"),
            element("span", bar, class_="bar"),
        ]
    return element("div", rows, class_="bars")


def calibration(bins: Sequence[CalibrationBin]) -> Markup:
    """Observed against predicted probability: a dot for each bin, its area by rows; on the diagonal both agree."""
    shown = [each for each in bins if math.isfinite(each.predicted) and math.isfinite(each.observed)]
    top = _round_up(max([0.0, *(max(each.predicted, each.observed) for each in shown)]))
    most = max([1, *(each.rows for each in shown)])

    def x(share: float) -> float:
        return _LEFT + _SIDE * share / top

    def y(share: float) -> float:
        return _TOP + _SIDE * (1 - share / top)

    ticks: list[Markup] = []
    for step in range(_TICKS + 1):
        share = top * step / _TICKS
        text = percent(share, 0 if (top * 100 / _TICKS).is_integer() else 1)
        ticks += [
            element("line", x1=x(0), x2=x(top), y1=y(share), y2=y(share), class_="grid"),
            element("text", text, x=x(0) - 7, y=y(share) + 4, text_anchor="end"),
            element("text", text, x=x(share), y=y(0) + 18, text_anchor="middle"),
        ]
    dots = [
        element(
            "circle",
            element(
                "title",
                f"predicted {percent(each.predicted)}, observed {percent(each.observed)}, {count(each.rows)} rows",
            ),
            cx=x(each.predicted),
            cy=y(each.observed),
            r=3 + 9 * math.sqrt(each.rows / most),
            class_="dot",
        )
        for each in sorted(shown, key=lambda each: -each.rows)
    ]
    return element(
        "svg",
        ticks,
        element("line", x1=x(0), y1=y(0), x2=x(top), y2=y(top), class_="ideal"),
        dots,
        element("text", "predicted probability \u2192", x=x(top), y=y(0) + 38, text_anchor="end", class_="strong"),
        element("text", "\u2191 observed rate", x=x(0) + 6, y=y(top) + 12, class_="strong"),
        viewBox=f"0 0 {_LEFT + _SIDE + 14:g} {_TOP + _SIDE + 46:g}",
        role="img",
        aria_label=f"Observed rate by predicted probability in {len(shown)} bins; the table has the numbers.",
        class_="square",
    )


def histogram(bins: Sequence[ScoreBin]) -> Markup:
    """How many rows have which score. Bins keep their width on the axis."""
    height, foot = 150.0, 24.0
    low, high = bins[0].lower, bins[-1].upper
    width = high - low if high > low else 1.0
    most = max([1, *(each.rows for each in bins)])
    columns = [
        element(
            "rect",
            element("title", f"{number(each.lower)} to {number(each.upper)}: {count(each.rows)} rows"),
            x=f"{100 * (each.lower - low) / width:.3f}%",
            width=f"{max(100 * (each.upper - each.lower) / width - 0.4, 0.2):.3f}%",
            y=height * (1 - each.rows / most),
            height=height * each.rows / most,
            class_="mine",
        )
        for each in bins
    ]
    ticks = [
        element(
            "text",
            f"{low + width * step / _TICKS:.4g}",
            x=f"{100 * step / _TICKS:g}%",
            y=height + 17,
            text_anchor=("start", "middle", "middle", "middle", "end")[step],
        )
        for step in range(_TICKS + 1)
    ]
    return element(
        "svg",
        columns,
        element("line", x1="0%", x2="100%", y1=height, y2=height, class_="axis"),
        ticks,
        element("text", f"{count(most)} rows in the fullest bin", x="100%", y=12, text_anchor="end"),
        width="100%",
        height=height + foot,
        role="img",
        aria_label=f"Distribution of {count(sum(each.rows for each in bins))} scores in {len(bins)} bins.",
    )


def _round_up(share: float) -> float:
    """The next of 5, 10, 20, 40, 60, 80 and 100 %, so that dots near zero are not lost in a corner."""
    return next((top for top in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8) if share <= top), 1.0)
