"""Numbers, moments and names as a reader wants them."""

from __future__ import annotations

import json
import math
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from mlops_core.json_values import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mlops_core.json_values import JsonValue

THIN: Final = "\u202f"
"""A narrow space that does not break, between a number and its unit."""
_METRIC_NAMES: Final = {
    "accuracy": "Accuracy",
    "average_precision": "Average precision",
    "brier": "Brier score",
    "brier_score": "Brier score",
    "log_loss": "Log loss",
    "mae": "Mean absolute error",
    "r2": "R\u00b2",
    "rmse": "Root mean squared error",
    "roc_auc": "ROC AUC",
}
_UNITS: Final = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))


def count(rows: int) -> str:
    """A number of rows: ``28,135``."""
    return f"{rows:,}"


def number(value: float) -> str:
    """A measured number, with about three digits that mean something."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "\u221e" if value > 0 else "\u2212\u221e"
    size = abs(value)
    if size >= 1e9 or 0 < size < 5e-4:  # noqa: PLR2004 - beyond these, digits say less than the power of ten
        return f"{value:.1e}".replace("-", "\u2212")
    digits = 3 if size < 10 else 1 if size < 1_000 else 0  # noqa: PLR2004
    return f"{value:,.{digits}f}".replace("-", "\u2212")


def percent(share: float, digits: int = 1) -> str:
    """A share of 0 to 1: ``4.7 %``; what would round to nothing is ``< 0.1 %``."""
    if not math.isfinite(share):
        return number(share)
    least = 10.0**-digits
    if 0 < share * 100 < least / 2:
        return f"<{THIN}{least:.{digits}f}{THIN}%"
    return f"{share * 100:.{digits}f}{THIN}%"


def limit(share: float) -> str:
    """A share that a person chose, without digits that they did not write: ``5 %``, ``2.5 %``."""
    return f"{share * 100:.6g}{THIN}%"


def ratio(part: float, whole: float) -> float:
    """The share of a part in a whole; 0 of an empty whole."""
    return part / whole if whole else 0.0


def moment(at: datetime) -> str:
    """A moment in UTC to the minute: ``2013-12-31 18:05 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def day(at: datetime) -> str:
    """The day in UTC: ``2013-12-31``."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def period(since: datetime, until: datetime) -> str:
    """The days from a moment (included) to another (excluded): ``2013-11-01 to 2013-12-31``."""
    last = max(since, until - timedelta(microseconds=1))
    return f"{day(since)} to {day(last)}"


def span(length: timedelta) -> str:
    """A duration by its two largest units: ``2 h 5 min``; seconds only below a minute."""
    rest = abs(length)
    words: list[str] = []
    for size, unit in _UNITS:
        whole, rest = divmod(rest, size)
        if whole:
            words.append(f"{whole}{THIN}{unit}")
    if words:
        return " ".join(words[:2])
    seconds = rest.total_seconds()
    return f"{seconds:.1f}".rstrip("0").rstrip(".") + f"{THIN}s"


def metric_name(name: str) -> str:
    """A metric's name in words."""
    words = name.replace("_", " ").strip()
    return _METRIC_NAMES.get(name, words[:1].upper() + words[1:] or name)


def value(found: JsonValue) -> str:
    """A value of a row or a parameter."""
    if found is None:
        return "null"
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, str):
        return found
    if isinstance(found, float):
        return f"{found:.5g}"
    if isinstance(found, int):
        return str(found)
    return json.dumps(plain(found), ensure_ascii=False)


def listing(words: Sequence[str]) -> str:
    """Words as a person lists them: ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def plural(number_of: int, one: str, many: str) -> str:
    """``1 event``, ``2 events``."""
    return f"{count(number_of)} {one if number_of == 1 else many}"
