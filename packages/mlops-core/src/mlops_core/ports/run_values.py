"""What every tracker does with its input before any request: checks, and the one form in which it is kept."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from mlops_core.errors import InvalidNameError, MlopsError
from mlops_core.naming import check_log_key, check_text
from mlops_core.ports.experiment_tracker import MetricPoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_core.ports.experiment_tracker import ParameterValue

MAX_PARAMETER: Final = 6_000
"""Longest value of a parameter, in characters."""
MAX_STEP: Final = 2**53 - 1
"""Highest step: the largest integer up to which every JSON reader counts exactly."""
MAX_FILE_PATH: Final = 800
"""Longest path of a run's file, in bytes of UTF-8."""
_MAX_PART: Final = 255
_ENDS: Final = ("finished", "failed")


def check_run_status(status: object) -> None:
    """Check how a run is about to be ended.

    Raises:
        InvalidNameError: It is neither ``"finished"`` nor ``"failed"``.
    """
    if status not in _ENDS:
        why = f"it ends as {' or '.join(map(repr, _ENDS))}, not as {shown(status)}"
        raise InvalidNameError("a run cannot end like this", why=why, hint='run.finish(), or run.finish("failed")')


def parameter_text(value: ParameterValue) -> str:
    """The text that a parameter is kept as: text as it is, ``true`` and ``false``, numbers as Python prints them.

    Numbers of other libraries are numbers too: integers as they are, all others as the double that they are nearest to.

    Args:
        value: What was given.

    Raises:
        InvalidNameError: It is none of these, not Unicode, holds NUL, or is longer than 6,000 characters.
    """
    given = cast("object", value)
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, Real):
        try:
            # Other libraries' numbers, such as NumPy's doubles, print themselves in other words.
            return str(int(given)) if isinstance(given, Integral) else repr(float(given))
        except (OverflowError, ValueError) as exc:
            why = f"Python does not print it: {exc}"
            raise InvalidNameError("a parameter cannot be stored", why=why, hint="store it as a file") from exc
    if not isinstance(given, str):
        why = f"it is text, a number or a truth value, not {shown(given)}"
        raise InvalidNameError("a parameter cannot be stored", why=why, hint="str(value), or json.dumps(value)")
    if len(given) > MAX_PARAMETER:
        why = f"it has {len(given):,} characters; a parameter has at most {MAX_PARAMETER:,} and is never truncated"
        raise InvalidNameError("a parameter cannot be stored", why=why, hint="store it as a file: run.log_files")
    check_text("a parameter", given)
    return given


def parameter_texts(params: Mapping[str, ParameterValue]) -> dict[str, str]:
    """Parameters as they are kept, by name.

    Raises:
        InvalidNameError: A name breaks the grammar, or a value cannot be kept.
    """
    for key in params:
        check_log_key("a parameter's name", key)
    return {key: parameter_text(value) for key, value in params.items()}


def metric_points(
    metrics: Mapping[str, float] | Iterable[MetricPoint], *, step: int, time: datetime | None, now: datetime
) -> list[MetricPoint]:
    """The points that a call of ``log_metrics`` means, checked, with times in UTC cut to the millisecond.

    Args:
        metrics: Values by name, or points.
        step: The step of values given by name.
        time: Their time.
        now: Their time if none is given, aware.

    Raises:
        InvalidNameError: A name breaks the grammar, a value is no number, a step is out of range, a time is naive, or
            points, which have their own, were given a step or a time.
    """
    if isinstance(metrics, Mapping):
        by_name = cast("Mapping[str, float]", metrics)
        at = now if time is None else time
        points = [MetricPoint(key=key, value=value, step=step, time=at) for key, value in by_name.items()]
    elif step != 0 or time is not None:
        why = "points have steps and times of their own, so step= and time= would be ignored"
        hint = "leave them out, or give values by name: {'loss': 0.5}"
        raise InvalidNameError("the metric points cannot be stored", why=why, hint=hint)
    else:
        points = list(metrics)
    return [_checked(each) for each in points]


def run_files(files: Mapping[str, bytes | Path]) -> dict[str, bytes | Path]:
    """The files that a call of ``log_files`` means, checked.

    Args:
        files: Contents, or files of this machine, by path in the run.

    Raises:
        InvalidNameError: A path is no relative POSIX path or a folder of another one, or a content is neither bytes nor
            a path.
        FileNotFoundError: A file of this machine is not there, or is no file.
    """
    for path, content in files.items():
        _check_file_path(path)
        given = cast("object", content)
        if isinstance(given, Path):
            if not given.is_file():
                raise _no_file(path, given)
        elif not isinstance(given, bytes):
            why = f"a file is bytes or a pathlib.Path, not {shown(given)}"
            raise InvalidNameError(
                f"the file {path!r:.80} cannot be stored", why=why, hint="Path(name), or text.encode()"
            )
    FilePaths().add(files)
    return dict(files)


class FilePaths:
    """The paths of a run's files so far. None is a folder of another: no file system could hold both."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, paths: Iterable[str]) -> None:
        """Add the paths of one call, or none of them.

        Raises:
            InvalidNameError: One is a folder of another, or of one that is there.
        """
        files = set(paths)
        folders = {folder for path in files for folder in _folders_of(path)}
        for path in sorted(files):
            if path in self._folders or path in folders:
                raise _clash(path, f"other files of the run are in a folder {path!r:.80}")
            for folder in _folders_of(path):
                if folder in self._files:
                    raise _clash(path, f"{folder!r:.80} is a file of the run, so it is no folder")
        self._files |= files
        self._folders |= folders


def history(points: Iterable[MetricPoint]) -> list[MetricPoint]:
    """Points of one metric as a history: in order of step, time and value, and of equal ones only one."""
    found = {history_order(point): point for point in points}
    return [found[key] for key in sorted(found)]


def history_order(point: MetricPoint) -> tuple[int, datetime, bool, float]:
    """The sort key of a history: step, time, value; NaN before every number."""
    number = not math.isnan(point.value)
    return point.step, point.time, number, point.value if number else 0.0


def _check_file_path(path: object) -> None:
    why = ""
    if not isinstance(path, str):
        why = "it is text"
    elif any(part in {"", ".", ".."} for part in path.split("/")):
        why = "it is a relative POSIX path: no empty part, no '.' and no '..'"
    elif any(unicodedata.category(each) in {"Cc", "Cs"} for each in path):
        why = "it has no control characters and no lone surrogates"
    elif len(path.encode()) > MAX_FILE_PATH or any(len(part.encode()) > _MAX_PART for part in path.split("/")):
        why = f"it has at most {MAX_FILE_PATH} bytes of UTF-8, and at most {_MAX_PART} between two slashes"
    if why:
        raise InvalidNameError(f"{path!r:.80} cannot be a run's file", why=why, hint="for example: plots/roc.svg")


def _folders_of(path: str) -> Iterator[str]:
    return (path[:index] for index, sign in enumerate(path) if sign == "/")


def _clash(path: str, why: str) -> InvalidNameError:
    return InvalidNameError(f"{path!r:.80} cannot be a run's file", why=why, hint="give one of them another path")


def _no_file(path: str, given: Path) -> FileNotFoundError:
    told = MlopsError(
        f"the file {path!r:.80} of the run cannot be stored",
        where=str(given.absolute()),
        why="it is a folder" if given.is_dir() else "no file is there",
        hint="look at the path; nothing of the call was stored, so it can be made again as it is",
    )
    return FileNotFoundError(str(told))


def _checked(point: MetricPoint) -> MetricPoint:
    given = cast("object", point)
    if not isinstance(given, MetricPoint):
        why = f"it is a MetricPoint, or a value by name, not {shown(given)}"
        raise InvalidNameError("a metric point cannot be stored", why=why, hint="MetricPoint(key=..., value=..., ...)")
    check_log_key("a metric's name", point.key)
    return MetricPoint(
        key=point.key,
        value=_number(point.key, point.value),
        step=_step(point.key, point.step),
        time=_millisecond(point.key, point.time),
    )


def shown(value: object) -> str:
    """The beginning of what Python prints of something, for messages; of what it does not print, the type."""
    try:
        return f"{value!r:.60}"
    except ValueError:  # an integer of more than 4,300 digits
        return f"a huge {type(value).__name__}"


def metric_number(value: object) -> float | None:
    """A number as a metric's value; ``None`` for what a double cannot hold."""
    # Numbers of other libraries, such as NumPy's, know how to become a double; text does too, and is none.
    if not isinstance(value, (str, bytes, bytearray, bool)) and hasattr(value, "__float__"):
        try:
            return float(cast("float", value))
        except (OverflowError, TypeError, ValueError):
            pass
    return None


def _number(key: str, value: object) -> float:
    number = metric_number(value)
    if number is not None:
        return number
    why = f"a metric is a number that a double can hold, not {shown(value)}"
    raise InvalidNameError(f"the metric {key!r} cannot be stored", why=why, hint="float(value)")


def _step(key: str, step: object) -> int:
    if not isinstance(step, bool) and isinstance(step, Integral) and 0 <= int(step) <= MAX_STEP:
        return int(step)
    why = f"a step is an integer from 0 to 2**53 - 1, not {shown(step)}"
    raise InvalidNameError(f"the metric {key!r} cannot be stored", why=why, hint="count from 0: step=epoch")


def _millisecond(key: str, time: object) -> datetime:
    if isinstance(time, datetime) and time.utcoffset() is not None:
        try:
            utc = time.astimezone(UTC)
        except OverflowError:  # before year 1 or after year 9999 once it is in UTC
            pass
        else:
            return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
    why = f"its time is an aware datetime, not {shown(time)}"
    raise InvalidNameError(f"the metric {key!r} cannot be stored", why=why, hint="datetime.now(UTC)")
