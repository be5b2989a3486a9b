"""Spans of time as users write them: ``"6h"``, ``"7d"``, ``"1d12h"``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from mlops_core.errors import FeatureError

_UNITS: Final = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
}
_PRINTED_UNITS: Final = ("d", "h", "m", "s", "ms", "us")
_PART: Final = re.compile(r"(\d+)(us|ms|w|d|h|m|s)")
_WHOLE: Final = re.compile(r"((\d+)(us|ms|w|d|h|m|s))+")


def parse_duration(span: str | timedelta, *, what: str) -> timedelta:
    """Read a span of time.

    Args:
        span: Such as ``"30m"``, ``"6h"``, ``"7d"``, ``"1d12h"``, or a :class:`~datetime.timedelta`. Units are ``us``,
            ``ms``, ``s``, ``m`` (minutes), ``h``, ``d`` (24 hours) and ``w``.
        what: What the span is for, such as ``"the max age of source 'weather'"``.

    Raises:
        FeatureError: The text is not a span, or the span is negative or longer than Python can hold.
    """
    if isinstance(span, timedelta):
        parsed = span
    elif _WHOLE.fullmatch(span):
        try:
            parsed = sum((int(count) * _UNITS[unit] for count, unit in _PART.findall(span)), timedelta())
        except OverflowError as exc:
            raise FeatureError(f"{what} is too long: {span!r}", why=str(exc), hint="leave it out for no limit") from exc
    else:
        raise FeatureError(
            f"{what} is not a span of time: {span!r}",
            why="a span is a number with one of us, ms, s, m, h, d, w; months and years differ in length",
            hint="for example: '30m', '6h', '7d' or '1d12h'",
        )
    if parsed < timedelta():
        raise FeatureError(
            f"{what} is negative: {span!r}", why="spans reach back from the moment", hint="drop the minus"
        )
    return parsed


def duration_text(span: timedelta) -> str:
    """The shortest text that :func:`parse_duration` reads as the same non-negative span, such as ``"1d12h"``."""
    rest, parts = span, list[str]()
    for unit in _PRINTED_UNITS:
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
