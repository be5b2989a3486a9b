"""What mutants of the experiment tracker are made of: the memory tracker and its runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from mlops_core.ports.run_query import RunQuery
from mlops_core.stores.memory.experiment_tracker import MemoryExperimentTracker, MemoryTrackerState
from mlops_core.stores.memory.run import MemoryRun
from mlops_core.testing import TrackerUnderTest

from ..memory_back_doors import TrackerBackDoor
from .registry_base import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops_core.ports.experiment_tracker import MetricCondition, ParameterValue, RunRecord
    from mlops_core.stores.memory.run import StoredRun

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})
_NO_PARAMS: Final[Mapping[str, ParameterValue]] = MappingProxyType({})


class Asked(NamedTuple):
    """The conditions of ``runs``."""

    params: dict[str, ParameterValue]
    metrics: list[MetricCondition]
    tags: dict[str, str]


class RunMutant(MemoryRun):
    """No bug: what writes a run."""

    @cached_property
    def one_at_a_time(self) -> threading.Lock:
        """Held while what is stored is changed in more than one step."""
        return threading.Lock()

    @property
    def stored(self) -> StoredRun:
        """What is stored of the run."""
        return self._stored


class TrackerMutant(MemoryExperimentTracker):
    """No bug: what starts and reads runs."""

    def __init__(self, state: MemoryTrackerState, handle: type[RunMutant] = RunMutant) -> None:
        super().__init__(state=state)
        self.state = state
        self._handle = handle

    def start_run(self, experiment: str, /, *, name: str = "", tags: Mapping[str, str] = _NO_TAGS) -> MemoryRun:
        made = super().start_run(experiment, name=name, tags=tags)
        return self._handle(self.state.runs[made.id], lock=self.state.lock, clock=self._clock, backend=self._backend)

    def get_run(self, run_id: str, /) -> RunRecord:
        return self.answered(super().get_run(run_id))

    def runs(
        self,
        experiment: str | None = None,
        /,
        *,
        params: Mapping[str, ParameterValue] = _NO_PARAMS,
        metrics: Iterable[MetricCondition] = (),
        tags: Mapping[str, str] = _NO_TAGS,
    ) -> Iterator[RunRecord]:
        given = list(metrics) if isinstance(metrics, Iterator) else metrics
        RunQuery.checked(params=params, metrics=given, tags=tags)
        found = self.found(experiment, Asked(dict(params), list(given), dict(tags)))
        return (self.answered(each) for each in found)

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        """What ``runs`` finds."""
        return super().runs(experiment, params=asked.params, metrics=asked.metrics, tags=asked.tags)

    def answered(self, record: RunRecord) -> RunRecord:
        """What is made of a record before it is given to the caller."""
        return record


def subject_of(mutant: type[TrackerMutant | RunMutant]) -> TrackerUnderTest:
    """An empty tracker of a mutant, or one whose runs are mutants."""
    state = MemoryTrackerState()

    def opened() -> TrackerMutant:
        return mutant(state) if issubclass(mutant, TrackerMutant) else TrackerMutant(state, mutant)

    return TrackerUnderTest(tracker=opened(), another=opened, back_door=TrackerBackDoor(state), secrets=(SECRET,))
