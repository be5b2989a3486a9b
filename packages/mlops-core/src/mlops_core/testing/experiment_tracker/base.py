"""What every part of the tracker's contract shares: fixtures over the author's one, and calls in one word each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

import pytest

from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.testing.contract import Contract
from mlops_core.testing.subjects import TrackerUnderTest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_core.errors import BackendError
    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.testing.contract import ContractName
    from mlops_core.testing.subjects import ExperimentTrackerBackDoor

EXPERIMENT: Final = "late-flight"
"""The experiment of most tests."""
RIVALS: Final = 6
"""How many threads write at the same time."""
_NOON: Final = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


class ExperimentTrackerPart(Contract):
    """Base of the parts. The author gives the fixture ``fresh_tracker``: a callable that makes an empty tracker.

    Attributes:
        many: How many runs the search is tried with; set it above the vendor's page size.
    """

    port: ClassVar[ContractName] = "experiment_tracker"
    many: ClassVar[int] = 25

    @pytest.fixture
    def subject(self, fresh_tracker: Callable[[], TrackerUnderTest]) -> TrackerUnderTest:
        """One empty tracker."""
        return self._made(fresh_tracker, TrackerUnderTest)

    @pytest.fixture
    def tracker(self, subject: TrackerUnderTest) -> ExperimentTracker:
        """The instance of ``subject``."""
        return subject.tracker

    @pytest.fixture
    def back_door(self, subject: TrackerUnderTest) -> ExperimentTrackerBackDoor:
        """The vendor's own tools on the place of ``subject``."""
        return subject.back_door


def at(milliseconds: int, /) -> datetime:
    """A moment, some milliseconds after a fixed one."""
    return _NOON + timedelta(milliseconds=milliseconds)


def point(value: float, /, *, key: str = "loss", step: int = 0, time: int = 0) -> MetricPoint:
    """A metric point; its time in milliseconds, see :func:`at`."""
    return MetricPoint(key=key, value=value, step=step, time=at(time))


def values_of(tracker: ExperimentTracker, run_id: str, key: str = "loss", /) -> list[float]:
    """The values of a history."""
    return [each.value for each in tracker.metric_history(run_id, key)]


def contents(tracker: ExperimentTracker, run_id: str, /) -> dict[str, bytes]:
    """The bytes of every file of a run, by path, in the order in which they are listed."""
    found: dict[str, bytes] = {}
    for file in tracker.files(run_id):
        with tracker.open_file(run_id, file.path) as stream:
            found[file.path] = stream.read()
        assert file.size == len(found[file.path]), f"the listing has another size of {file.path}"
    return found


def shown(error: BaseException | object, /) -> str:
    """Everything that a person may see of an object: its text, its representation, and those of its causes."""
    cause = getattr(error, "__cause__", None)
    return f"{error}\n{error!r}" + (f"\n{shown(cause)}" if cause is not None else "")


def assert_four_parts(call: Callable[[], object], kind: type[BackendError], /, *, operation: str) -> BackendError:
    """The call raises exactly this class, which says what failed, where, why and what to do next."""
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    assert type(error) is kind
    assert all([error.what, error.where, error.why, error.hint]), f"a part is missing: {error}"
    assert error.operation == operation
    return error


def raised_by(call: Callable[[], object], /) -> type[Exception] | None:
    """The class of what a call raises; ``None`` if it returns."""
    try:
        call()
    except Exception as exc:  # noqa: BLE001 (whatever it is, the test judges it)
        return type(exc)
    return None


def raised_by_each(calls: Mapping[str, Callable[[], object]], /) -> dict[str, type[Exception] | None]:
    """The class of what each call raises, by the call's name."""
    return {name: raised_by(call) for name, call in calls.items()}
