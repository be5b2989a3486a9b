"""What a tracker answers about a run, in a form in which an adapter and the memory tracker can be compared."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mlops_core.testing.state_machines.outcomes import comparable, comparable_metrics

if TYPE_CHECKING:
    from datetime import datetime

    from mlops_core.ports.experiment_tracker import ExperimentTracker, RunRecord


def comparable_run(record: RunRecord) -> tuple[object, ...]:
    """What has to be equal of a run's record: all but the id, the times, the page, and a name that the vendor gave."""
    ended = record.ended_at
    assert record.started_at.utcoffset() == timedelta(0), f"started_at is not UTC: {record.started_at!r}"
    assert (ended is None) == (record.status == "running"), f"a run is {record.status}, and ended at {ended}"
    assert ended is None or ended >= record.started_at, f"a run ended at {ended}, before {record.started_at}"
    return record.experiment, record.status, dict(record.params), comparable_metrics(record.metrics), dict(record.tags)


def read_history(tracker: ExperimentTracker, run: str, key: str) -> list[tuple[str, int, datetime, float | str]]:
    """Every point of one metric, in the order in which it comes."""
    found = tracker.metric_history(run, key)
    return [(each.key, each.step, each.time, comparable(each.value)) for each in found]


def read_files(tracker: ExperimentTracker, run: str) -> list[tuple[str, int, bytes]]:
    """Every file of a run, in the order in which it comes, with its size and its bytes."""
    found: list[tuple[str, int, bytes]] = []
    for each in tracker.files(run):
        with tracker.open_file(run, each.path) as stream:
            found.append((each.path, each.size, stream.read()))
    return found
