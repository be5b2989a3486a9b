"""Hypothesis strategies for what the ports take, and for what they refuse.

What they draw, every backend takes: names inside the grammar; text of Unicode without the null character, which many
databases cannot hold; paths and keys that a file system holds beside each other. What ``invalid_*`` draws, every
backend refuses before any request, with ``InvalidNameError``.
"""

from __future__ import annotations

import math
import sys
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, TypeVar

from hypothesis import strategies as st

from mlops_core.errors import InvalidNameError
from mlops_core.naming import MAX_LOG_KEY, MAX_TAG_VALUE, check_alias, check_model_name, check_tags
from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.ports.run_values import MAX_PARAMETER, MAX_STEP
from mlops_core.testing.packages import package_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from mlops_core.ports.experiment_tracker import ParameterValue
    from mlops_core.testing.packages import MemoryPackage

_Name = TypeVar("_Name")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"
_ODD_TEXTS: Final = (
    "",
    " ",
    "Ünïcödé",
    "日本語",
    "😀",
    "a\nb\r\nc",
    "\u202ertl",
    "e\u0301",
    "é",
    "'; --",
    "<b>&amp;",
    "%s{0}",
)
_ODD_PATHS: Final = (
    ".hidden",
    "#fragment?.bin",
    "%2e%2e.txt",
    "a b/c, d.txt",
    "deep/er/and/deep/er.txt",
    "model.bin.sha256",
    "Größe/日本.txt",
)
_EDGE_FLOATS: Final = (
    0.0,
    -0.0,
    0.1,
    1.0,
    -1.5,
    1e300,
    -1e300,
    2.0**53 + 2,
    sys.float_info.max,
    sys.float_info.min,
    5e-324,
)
_Y2K: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SPRING: Final = 828_000_000_001_000
_NOT_FINITE: Final = (math.nan, math.inf, -math.inf)
# In the order of bytes they are not in the order of folders, nor in that of UTF-16.
_TWIN_KEYS: Final = (
    "a.b/c.bin",
    "a-b.bin",
    "a.bin",
    "a/b.bin",
    "a/b/c.bin",
    "ä/b.bin",
    "\uff5e/b.bin",
    "\U0001f600/b.bin",
    "%/_.bin",
)
_NAMES_THAT_MISLEAD: Final = (
    "",
    " ",
    ".",
    "..",
    "a/../b",
    "/abs",
    "C:\\x",
    "%2e%2e",
    "a\0b",
    "a\nb",
    "a\r\n",
    "a\u202eb",
    "😀",
    "é",
    "e\u0301",
    "a b",
    "a:1",
    "a@b",
    "\ud800",
    "x" * 10_000,
)


def model_names() -> SearchStrategy[str]:
    """Names that a model can be created with."""
    ends, inner = st.sampled_from(_LETTERS + _DIGITS), st.text(_LETTERS + _DIGITS + "._-", max_size=61)
    longer = st.tuples(ends, inner, ends).map("".join)
    return (ends | longer | st.just("z" * 63)).filter(_fits(check_model_name))


def invalid_model_names() -> SearchStrategy[str]:
    """Names that no model can be created with."""
    more = ("Race", "CON", "con", "nul.txt", "com1", "a..b", ".a", "a.", "-a", "a-", "_a", "x" * 64)
    return st.sampled_from((*_NAMES_THAT_MISLEAD, *more))


def aliases() -> SearchStrategy[str]:
    """Aliases that can be set."""
    rest = st.text(_LETTERS + _DIGITS + "_-", max_size=62)
    drawn = st.tuples(st.sampled_from(_LETTERS), rest).map("".join)
    return (st.sampled_from(["champion", "challenger"]) | drawn).filter(_fits(check_alias))


def invalid_aliases() -> SearchStrategy[str]:
    """Aliases that cannot be set; those that read like a version among them."""
    more = ("latest", "LATEST", "v1", "v0", "v007", "0", "3", "Champion", "CHAMPION", "1st", "a.b", "-a", "a" * 64)
    return st.sampled_from((*_NAMES_THAT_MISLEAD, *more))


def texts(*, max_size: int = 40) -> SearchStrategy[str]:
    """Text of Unicode, odd text often, without the null character."""
    every = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.sampled_from(_ODD_TEXTS) | st.text(every, max_size=max_size)


def tags(*, max_size: int = 4) -> SearchStrategy[dict[str, str]]:
    """Tags that can be set."""
    rest = st.text(_LETTERS + _DIGITS + "._-", max_size=63)
    drawn = st.tuples(st.sampled_from(_LETTERS), rest).map("".join)
    keys = (st.sampled_from(["team", "stage", "a.b", "a-b"]) | drawn).filter(_fits(lambda key: check_tags({key: ""})))
    return st.dictionaries(keys, texts() | st.just("x" * MAX_TAG_VALUE), max_size=max_size)


def invalid_tags() -> SearchStrategy[dict[str, str]]:
    """Tags of which one key or value cannot be set."""
    more = ("Team", "1st", "-a", "mlops.origin", "mlflow.user", "a" * 65, "a/b")
    wrong = st.sampled_from(("\ud800", "x" * (MAX_TAG_VALUE + 1)))
    by_key = st.sampled_from((*_NAMES_THAT_MISLEAD, *more)).map(lambda key: {"team": "fraud", key: "x"})
    return by_key | wrong.map(lambda value: {"team": "fraud", "note": value})


def log_keys() -> SearchStrategy[str]:
    """Names of parameters and metrics; some differ by case only, some look like paths."""
    first, rest = st.sampled_from(_LETTERS + "AZ09_"), st.text(_LETTERS + "AZ09_.-", max_size=8)
    part = st.tuples(first, rest).map("".join)
    drawn = st.lists(part, min_size=1, max_size=3).map("/".join)
    return st.sampled_from(("auc", "AUC", "valid/auc", "valid.auc", "x" * MAX_LOG_KEY)) | drawn


def invalid_log_keys() -> SearchStrategy[str]:
    """Names that no parameter and no metric can have."""
    more = ("a//b", "a/", "-a", ".a", "a/.b", "x" * (MAX_LOG_KEY + 1))
    return st.sampled_from((*_NAMES_THAT_MISLEAD, *more))


def numbers(*, finite: bool = False) -> SearchStrategy[float]:
    """Doubles: zeros of both signs, huge, tiny and subnormal ones, and unless ``finite`` NaN and both infinities."""
    edges = _EDGE_FLOATS if finite else (*_EDGE_FLOATS, *_NOT_FINITE)
    return st.sampled_from(edges) | st.floats(allow_nan=not finite, allow_infinity=not finite)


def metrics(*, finite: bool = False, max_size: int = 4) -> SearchStrategy[dict[str, float]]:
    """Metrics by name."""
    return st.dictionaries(log_keys(), numbers(finite=finite), max_size=max_size)


def invalid_numbers() -> SearchStrategy[object]:
    """What no metric can be."""
    return st.sampled_from((True, False, None, "0.5", b"1", 10**400, 1j, [0.5]))


def packages() -> SearchStrategy[MemoryPackage]:
    """Packages of small files: empty ones, odd paths, several of them. Equal ones are drawn often."""
    contents = st.sampled_from((b"", b"a model", b"\0", b"\r\n")) | st.binary(max_size=60)
    more = st.dictionaries(st.sampled_from(_ODD_PATHS), contents, max_size=3)
    return st.tuples(contents, more).map(lambda each: package_of({"model.bin": each[0], **each[1]}))


def keys() -> SearchStrategy[str]:
    """Keys of objects, deep ones and twins among them, any set of which every store holds side by side.

    No key is a folder of another, since only a last part ends with ``.bin``; no two differ only by case or by
    Unicode's normal form, since all are in lower case and composed.
    """
    some = st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"], exclude_characters='/<>:"|?*\\')
    part = st.text(some, min_size=1, max_size=12).map(_folded).filter(_is_part)
    drawn = st.lists(part, min_size=1, max_size=4).map(lambda parts: "/".join(parts) + ".bin")
    return twin_keys() | drawn.filter(lambda key: not key.startswith(("tmp/", "tmp.bin")))


def twin_keys() -> SearchStrategy[str]:
    """Keys that share beginnings, and whose order by bytes is not that of folders, of case or of UTF-16."""
    return st.sampled_from(_TWIN_KEYS)


def invalid_keys() -> SearchStrategy[str]:
    """Keys outside the grammar."""
    wrong = ("", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/../b", "a/./b", "./a", "a\0b", "a\nb", "a\rb")
    return st.sampled_from((*wrong, "a\x7fb", "a\x85b", "\ud800", "x" * 901, "ä" * 451))


def file_paths() -> SearchStrategy[str]:
    """Paths of a run's files, any set of which every backend holds side by side."""
    return keys()


def invalid_file_paths() -> SearchStrategy[str]:
    """Paths that no file of a run can have."""
    return invalid_keys()


def parameter_values() -> SearchStrategy[ParameterValue]:
    """Values of a parameter: text, odd text and long text, integers, doubles, truth values."""
    integers = st.integers(-(2**70), 2**70)
    return texts() | st.just("x" * MAX_PARAMETER) | integers | numbers() | st.booleans()


def parameters(*, max_size: int = 4) -> SearchStrategy[dict[str, ParameterValue]]:
    """Parameters by name."""
    return st.dictionaries(log_keys(), parameter_values(), max_size=max_size)


def invalid_parameter_values() -> SearchStrategy[object]:
    """What no parameter can be."""
    return st.sampled_from((None, b"x", ["a"], {"a": 1}, 1j, "\ud800", "x" * (MAX_PARAMETER + 1)))


def times() -> SearchStrategy[datetime]:
    """Aware times, to the microsecond, of several offsets from UTC; some are equal to the millisecond."""
    zones = st.sampled_from((UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-8))))
    since = st.sampled_from((_SPRING, _SPRING + 999)) | st.integers(0, 3 * 10**15)
    return st.tuples(since, zones).map(lambda each: (_Y2K + timedelta(microseconds=each[0])).astimezone(each[1]))


def metric_points(
    *, names: SearchStrategy[str] | None = None, finite: bool = False, max_size: int = 6
) -> SearchStrategy[list[MetricPoint]]:
    """Points of metrics: equal ones, equal steps, steps out of order, the highest step.

    Args:
        names: The metrics' names.
        finite: Whether NaN and infinities are left out.
        max_size: How many points at most.
    """
    point = st.builds(
        MetricPoint,
        key=log_keys() if names is None else names,
        value=numbers(finite=finite),
        step=st.integers(0, 5) | st.just(MAX_STEP) | st.integers(0, MAX_STEP),
        time=times(),
    )
    return st.lists(point, max_size=max_size)


def _fits(check: Callable[[_Name], None]) -> Callable[[_Name], bool]:
    def fits(name: _Name) -> bool:
        try:
            check(name)
        except InvalidNameError:
            return False
        return True

    return fits


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _is_part(text: str) -> bool:
    return text not in {"", ".", ".."} and not text.endswith((".bin", ".", " ")) and _folded(text) == text
