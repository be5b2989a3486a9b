"""The leakage timeline: which events each source showed for a row, and which later ones it kept back.

All timelines of a page share one axis of time around the moment. It is stretched near the moment (a logarithm of the
distance on both sides), because the hour before matters as much as the week before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mlops_core.reports.markup import Markup, element, join
from mlops_core.reports.page import code, more, paragraph
from mlops_core.reports.wording import moment as moment_text
from mlops_core.reports.wording import percent, plural, span, value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mlops_core.reports.documents import SourceSight, Timeline

_TICKS: Final = (
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3_600.0, "1 h"),
    (6 * 3_600.0, "6 h"),
    (86_400.0, "1 d"),
    (7 * 86_400.0, "7 d"),
    (30 * 86_400.0, "30 d"),
    (365 * 86_400.0, "1 y"),
    (3_650 * 86_400.0, "10 y"),
)
_CLOSEST_TICKS: Final = 15.0  # percent of the width: a label fits between two ticks on a phone
_MARGIN: Final = 2.0
_LANE: Final = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """From seconds after the moment (negative: before it) to percent of the width.

    Attributes:
        unit: Seconds up to which the axis is about linear.
        before: Stretched distance from the moment to the left end.
        after: Stretched distance from the moment to the right end.
    """

    unit: float
    before: float
    after: float

    @classmethod
    def around(cls, timelines: Sequence[Timeline]) -> Axis:
        """The axis that holds every event and every rule's reach."""
        offsets = [offset for timeline in timelines for offset in _offsets(timeline)]
        distances = [abs(offset) for offset in offsets if offset]
        unit = max(1.0, min(distances, default=60.0))

        def stretched(distance: float) -> float:
            return math.log1p(distance / unit)

        before = stretched(max([unit, *(-offset for offset in offsets)]))
        after = stretched(max([unit, *offsets]))
        # The future side stays wide enough for its heading.
        return cls(unit=unit, before=before, after=max(after, before * 0.35))

    def x(self, offset: float) -> float:
        """Percent of the width."""
        stretched = math.copysign(math.log1p(abs(offset) / self.unit), offset)
        inner = (stretched + self.before) / (self.before + self.after)
        return _MARGIN + (100 - 2 * _MARGIN) * min(max(inner, 0.0), 1.0)

    def ticks(self) -> list[tuple[float, str]]:
        """Position and label of what fits on either side of the moment, nearest to the ends first."""
        middle = self.x(0)
        chosen: list[tuple[float, str]] = []
        for sign, edge in ((-1, self.before), (1, self.after)):
            taken = [middle]
            for seconds, label in reversed(_TICKS):
                if math.log1p(seconds / self.unit) > edge * 1.001:
                    continue
                place = self.x(sign * seconds)
                if all(abs(place - other) >= _CLOSEST_TICKS for other in taken):
                    taken.append(place)
                    chosen.append((place, f"{'+' if sign > 0 else chr(0x2212)}{label.replace(' ', chr(0x202F))}"))
        return sorted(chosen)


def timeline_figures(timelines: Sequence[Timeline], label: str) -> Markup:
    """A figure for each row, on one axis, with a key to its marks.

    Args:
        timelines: The rows.
        label: The name of the label's column.
    """
    axis = Axis.around(timelines)
    return join(_key(), element("div", [_figure(timeline, axis, label) for timeline in timelines]))


def _figure(timeline: Timeline, axis: Axis, label: str) -> Markup:
    timed = [sight for sight in timeline.sights if _has_time(sight)]
    timeless = [sight for sight in timeline.sights if not _has_time(sight)]
    # One rule of each source tells the story; a dozen windows over one source would bury it.
    sources = [sight.source for sight in timed]
    first = [sight for number, sight in enumerate(timed) if sight.source not in sources[:number]]
    others = [sight for number, sight in enumerate(timed) if sight.source in sources[:number]]
    known = [f"as of {moment_text(timeline.moment)}"]
    if timeline.probability is not None:
        known.append(f"predicted {percent(timeline.probability)}")
    if timeline.label is not None:
        known.append(f"{label}: {value(timeline.label)}")
    return element(
        "div",
        element("h3", timeline.row),
        paragraph(" \u00b7 ".join(known), kind="soft"),
        element("div", element("div"), _scale(axis), class_="lane scale") if timed else None,
        [_lane(sight, timeline.moment, axis) for sight in first],
        more(f"{len(others)} more rules for this row", [_lane(sight, timeline.moment, axis) for sight in others])
        if others
        else None,
        [_timeless(sight) for sight in timeless],
        class_="timeline",
    )


def _lane(sight: SourceSight, at: datetime, axis: Axis) -> Markup:
    now = axis.x(0)
    start = _MARGIN if sight.reach is None else axis.x(-sight.reach.total_seconds())
    middle = _LANE / 2
    drawn = [
        element("rect", x=f"{start:.2f}%", y=3, width=f"{now - start:.2f}%", height=_LANE - 6, class_="visible"),
        element("rect", x=f"{now:.2f}%", y=3, width=f"{100 - _MARGIN - now:.2f}%", height=_LANE - 6, class_="hidden"),
        [
            element("line", x1=f"{place:.2f}%", x2=f"{place:.2f}%", y1=0, y2=_LANE, class_="grid")
            for place, _ in axis.ticks()
        ],
        _run(sight, at, axis),
        [_used(axis.x(_offset(each, at)), middle, leak=each > at) for each in sight.used],
        [_kept_out(axis.x(_offset(each, at)), middle) for each in (*sight.unrecorded, *sight.excluded)],
        element("line", x1=f"{now:.2f}%", x2=f"{now:.2f}%", y1=0, y2=_LANE, class_="now"),
    ]
    words = f"{sight.source}: {_seen_words(sight, at)}. {_kept_out_words(sight, at)}"
    chart = element("svg", drawn, width="100%", height=_LANE, role="img", aria_label=words)
    seen = join(_seen_words(sight, at), _values(sight))
    return element(
        "div",
        element("div", element("strong", sight.source), " ", element("span", sight.rule, class_="soft"), class_="who"),
        chart,
        element("div", seen, ". ", _kept_out_words(sight, at), class_="what"),
        class_="lane",
    )


def _timeless(sight: SourceSight) -> Markup:
    seen = "Used one row" if sight.used_count else "No such row"
    return element(
        "div",
        element("div", element("strong", sight.source), " ", element("span", sight.rule, class_="soft"), class_="who"),
        element("div", seen, _values(sight), ". It has no times.", class_="what"),
        class_="lane",
    )


def _run(sight: SourceSight, at: datetime, axis: Axis) -> Markup | None:
    """A line under the used events from the oldest to the newest: not all of them have a dot."""
    if not sight.used or sight.used_count <= 1:
        return None
    oldest = min(sight.used if sight.oldest is None else (sight.oldest, *sight.used))
    left, right = axis.x(_offset(oldest, at)), axis.x(_offset(max(sight.used), at))
    return element("line", x1=f"{left:.2f}%", x2=f"{right:.2f}%", y1=_LANE / 2, y2=_LANE / 2, class_="run")


def _scale(axis: Axis) -> Markup:
    now = axis.x(0)
    marks = [
        element("text", label, x=f"{place:.2f}%", y=34, text_anchor=_anchor(place)) for place, label in axis.ticks()
    ]
    return element(
        "svg",
        element("text", "\u2190 may be seen", x=f"{now - 1.5:.2f}%", y=13, text_anchor="end"),
        element("text", "later \u2192", x=f"{now + 1.5:.2f}%", y=13, text_anchor="start"),
        marks,
        element("text", "moment", x=f"{now:.2f}%", y=34, text_anchor="middle", class_="strong"),
        width="100%",
        height=38,
        aria_hidden="true",
    )


def _anchor(place: float) -> str:
    """Labels at the ends stay inside the picture."""
    edge = _CLOSEST_TICKS / 2
    return "start" if place < edge else "end" if place > 100 - edge else "middle"


def _key() -> Markup:
    def mark(*shapes: Markup, width: int = 18) -> Markup:
        return element("svg", shapes, width=width, height=18, aria_hidden="true")

    wash = element("rect", x=0, y=2, width=30, height=14, class_="visible")
    entries = (
        (mark(_used("50%", 9)), "event used"),
        (mark(_kept_out("50%", 9)), "event kept out"),
        (mark(wash, width=30), "where the rule looks"),
    )
    return element("div", [element("span", shape, text) for shape, text in entries], class_="key")


def _used(x: float | str, y: float, *, leak: bool = False) -> Markup:
    return element("circle", cx=_place(x), cy=y, r=5, class_="leak" if leak else "used")


def _kept_out(x: float | str, y: float) -> Markup:
    # A nested svg moves by percent while its shapes stay in pixels.
    circle = element("circle", cx=0, cy=0, r=5, class_="kept-out")
    stroke = element("line", x1=-3.5, y1=3.5, x2=3.5, y2=-3.5, class_="kept-out")
    return element("svg", circle, stroke, x=_place(x), y=y, overflow="visible")


def _place(x: float | str) -> str:
    return x if isinstance(x, str) else f"{x:.2f}%"


def _seen_words(sight: SourceSight, at: datetime) -> str:
    if not sight.used_count:
        return "Nothing to see"
    if not sight.used:
        return f"Used {plural(sight.used_count, 'event', 'events')}"
    newest = max(sight.used)
    when = f"{span(at - newest)} before" if newest <= at else f"{span(newest - at)} AFTER the moment: a leak"
    if sight.used_count == 1:
        return f"Used one event, {when}"
    return f"Used {plural(sight.used_count, 'event', 'events')}, the newest {when}"


def _kept_out_words(sight: SourceSight, at: datetime) -> str:
    words: list[str] = []
    if sight.unrecorded:
        words.append(f"{plural(len(sight.unrecorded), 'event', 'events')} not yet recorded at the moment")
    if sight.excluded:
        wait = min(sight.excluded) - at
        words.append(f"the next event, {span(wait)} after" if wait else "an event at the moment itself")
    return f"Kept out: {' and '.join(words)}." if words else "No later event to keep out."


def _values(sight: SourceSight) -> Markup | None:
    if not sight.values:
        return None
    pairs = [join(code(name), f" = {value(each)}") for name, each in sight.values.items()]
    return join(": ", [join(", " if place else "", pair) for place, pair in enumerate(pairs)])


def _has_time(sight: SourceSight) -> bool:
    return bool(sight.used or sight.excluded or sight.unrecorded or sight.oldest or sight.reach is not None)


def _offsets(timeline: Timeline) -> Iterator[float]:
    for sight in timeline.sights:
        oldest = () if sight.oldest is None else (sight.oldest,)
        for event in (*oldest, *sight.used, *sight.unrecorded, *sight.excluded):
            yield _offset(event, timeline.moment)
        if sight.reach is not None:
            yield -sight.reach.total_seconds()


def _offset(event: datetime, at: datetime) -> float:
    return (event - at) / timedelta(seconds=1)
