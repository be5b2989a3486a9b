"""Where the experiment tracker keeps what: its keys in an artifact store.

::

    experiments/<experiment>/<1e18 - start>-<run id>   create-only; the start in microseconds, so the newest lists first
    runs/<run id>/run.json                             compare-and-set: all that is small, and how many segments count
    runs/<run id>/metrics/live/<n>.json                create-only: points, in the order in which they were written
    runs/<run id>/metrics/sorted-<n>/<k>.json          create-only: the points of n live segments, in order of key
    runs/<run id>/metrics/sorted-<n>/index.json        create-only: which keys each of them holds
    runs/<run id>/files/<path>                         the run's files, verbatim

``run.json`` is the only commit point of points: a segment that it does not count is not there. Before a run ends it
counts the live segments, afterwards the sorted ones; then the live ones are deleted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

EXPERIMENTS: Final = "experiments/"
RUNS: Final = "runs/"
_LATEST: Final = 10**18
_DIGITS: Final = 18
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RUN_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


def experiment_prefix(experiment: str) -> str:
    """What the index keys of an experiment's runs begin with."""
    # Joined, not formatted: a member of an enumeration of texts prints itself as something else.
    return EXPERIMENTS + experiment + "/"


def index_key(experiment: str, run_id: str, started_at: datetime) -> str:
    """The key by which a run is listed."""
    microseconds = (started_at - _EPOCH) // timedelta(microseconds=1)
    return f"{experiment_prefix(experiment)}{_LATEST - microseconds:0{_DIGITS}}-{run_id}"


def age_order(key: str) -> str:
    """What sorts index keys of any experiments newest first."""
    return key.rpartition("/")[2]


def run_of_index(key: str) -> str:
    """The id of the run that an index key lists."""
    return age_order(key).partition("-")[2]


def run_of_key(key: str) -> str:
    """The id of the run that a key below :data:`RUNS` belongs to."""
    return key.removeprefix(RUNS).partition("/")[0]


class RunKeys:
    """The keys of one run.

    Args:
        run_id: The run's id.
    """

    def __init__(self, run_id: str) -> None:
        self._base = f"{RUNS}{run_id}/"

    @classmethod
    def of(cls, run_id: str) -> RunKeys | None:
        """The keys of a run; ``None`` for an id that no run can have."""
        return cls(run_id) if _RUN_ID.fullmatch(run_id) else None

    @property
    def document(self) -> str:
        """The key of what is small."""
        return f"{self._base}run.json"

    @property
    def files(self) -> str:
        """What the keys of the run's files begin with; the path follows."""
        return f"{self._base}files/"

    @property
    def metrics(self) -> str:
        """What the keys of all segments begin with."""
        return f"{self._base}metrics/"

    @property
    def live_folder(self) -> str:
        """What the keys of live segments begin with."""
        return f"{self.metrics}live/"

    def live(self, number: int) -> str:
        """The key of a segment of a run that has not ended, counted from 0."""
        return f"{self.live_folder}{number:08}.json"

    def sorted_folder(self, live: int) -> str:
        """What the keys of the segments begin with that are made of the first ``live`` live ones."""
        return f"{self.metrics}sorted-{live}/"

    def sorted(self, live: int, number: int) -> str:
        """The key of a sorted segment, counted from 0, made of the first ``live`` live ones."""
        return f"{self.sorted_folder(live)}{number:08}.json"

    def index(self, live: int) -> str:
        """The key of the index of the sorted segments."""
        return f"{self.sorted_folder(live)}index.json"
