"""The state machine of the experiment tracker."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, rule

from mlops_core.ports.experiment_tracker import ExperimentTrackerCapability, MetricCondition, MetricPoint
from mlops_core.ports.run_values import parameter_texts
from mlops_core.stores.memory.experiment_tracker import MemoryExperimentTracker
from mlops_core.testing import strategies
from mlops_core.testing.state_machines.outcomes import check_same, outcome
from mlops_core.testing.state_machines.run_answers import comparable_run, read_files, read_history
from mlops_core.testing.state_machines.running import ComparingMachine, leaving_out, run_machine
from mlops_core.testing.state_machines.wrong_calls import WrongCall, wrong_run_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from mlops_core.ports.experiment_tracker import (
        Comparison,
        ExperimentTracker,
        ParameterValue,
        Run,
        RunRecord,
    )
    from mlops_core.testing.subjects import TrackerUnderTest

_EXPERIMENTS: Final = ("first", "second")
_NEVER: Final = "never-logged"
_experiment = st.sampled_from(_EXPERIMENTS)
_step = st.integers(0, 9)
_few_names = st.sampled_from(("auc", "AUC"))


@dataclass(frozen=True, eq=False)
class Pair:
    """One run, as the adapter and as the memory tracker write it."""

    adapter: Run
    memory: Run


class ExperimentTrackerMachine(ComparingMachine):
    """Drives a tracker and :class:`MemoryExperimentTracker` with the same calls.

    What a run was given may be kept back until it is flushed, so a run is flushed before it is read.

    Args:
        subject: An empty tracker.
    """

    runs: ClassVar[Bundle[Pair]] = Bundle("runs")

    def __init__(self, subject: TrackerUnderTest) -> None:
        super().__init__()
        self.trackers: list[ExperimentTracker] = [subject.tracker, subject.another()]
        self.memory: MemoryExperimentTracker = MemoryExperimentTracker()
        self.pairs: list[Pair] = []
        self.unflushed: set[Pair] = set()
        self.highest_step: dict[Pair, int] = {}

    @property
    def tracker(self) -> ExperimentTracker:
        """The instance whose turn it is: one acts, then the other one reads and is the next to act."""
        return self.trackers[0]

    def declares(self, capability: ExperimentTrackerCapability) -> bool:
        """Whether the adapter declares a capability; what needs one that it does not declare is left out."""
        return capability in self.trackers[0].capabilities

    @initialize(target=runs, experiment=_experiment, name=strategies.texts(), tags=strategies.tags())
    def begin(self, experiment: str, name: str, tags: dict[str, str]) -> Pair:
        """A run to begin with."""
        return self._start(experiment, name, tags)

    # Every rule is about a run, so that all are drawn equally often.
    @rule(target=runs, pair=runs, experiment=_experiment, name=strategies.texts(), tags=strategies.tags())
    def start_run(self, pair: Pair, experiment: str, name: str, tags: dict[str, str]) -> Pair:
        """Start another run."""
        del pair
        return self._start(experiment, name, tags)

    @rule(pair=runs, params=strategies.parameters())
    def log_params(self, pair: Pair, params: dict[str, ParameterValue]) -> None:
        """Write parameters, again too."""
        there = self.memory.get_run(pair.memory.id).params
        clashing = [key for key, text in parameter_texts(params).items() if there.get(key, text) != text]
        if clashing:  # whether the others of the call are written, nobody promises
            params = {clashing[0]: params[clashing[0]]}
        self._write(f"log_params({params})", pair, lambda run: run.log_params(params))

    @rule(pair=runs, metrics=strategies.metrics(), step=_step, time=strategies.times())
    def log_metrics(self, pair: Pair, metrics: dict[str, float], step: int, time: datetime) -> None:
        """Write values by name."""
        points = [MetricPoint(key=key, value=value, step=step, time=time) for key, value in metrics.items()]
        taken = {each.key: each for each in self._taken(pair, points)}
        values = {key: each.value for key, each in taken.items()}
        same_step = next((each.step for each in taken.values()), step)

        def call(run: Run) -> None:
            run.log_metrics(values, step=same_step, time=time)

        self._write(f"log_metrics({values}, step={same_step}, {time=!s})", pair, call)

    @rule(pair=runs, points=strategies.metric_points(names=_few_names))
    def log_points(self, pair: Pair, points: list[MetricPoint]) -> None:
        """Write points that have their own steps and times."""
        taken = self._taken(pair, points)
        self._write(f"log_metrics({taken})", pair, lambda run: run.log_metrics(iter(taken)))

    @rule(pair=runs, tags=strategies.tags(), removed=st.lists(st.integers(0, 5), max_size=2))
    def set_tags(self, pair: Pair, tags: dict[str, str], removed: list[int]) -> None:
        """Merge tags, and remove some that may be there."""
        names = [*sorted(self.memory.get_run(pair.memory.id).tags), "never"]
        given: dict[str, str | None] = {**tags, **{names[each % len(names)]: None for each in removed}}
        self._write(f"set_tags({given})", pair, lambda run: run.set_tags(given))

    @rule(pair=runs, files=st.dictionaries(strategies.file_paths(), st.binary(max_size=40), max_size=3))
    def log_files(self, pair: Pair, files: dict[str, bytes]) -> None:
        """Store files, again too."""
        self._write(f"log_files({files})", pair, lambda run: run.log_files(files))

    @rule(pair=runs, wrong=wrong_run_calls())
    def refuse(self, pair: Pair, wrong: WrongCall[Run]) -> None:
        """What cannot be kept is refused, and nothing of the call is kept."""
        self._write(repr(wrong), pair, wrong.make)

    @rule(pair=runs)
    def flush(self, pair: Pair) -> None:
        """Store what was kept back."""
        self._flush(pair)

    @rule(pair=runs, how=st.sampled_from(("finish", "fail", "leave", "leave by an exception")))
    def end(self, pair: Pair, how: str) -> None:
        """End a run, or end it again."""

        def call(run: Run) -> None:
            if how in {"finish", "fail"}:
                run.finish("finished" if how == "finish" else "failed")
                return
            with suppress(ZeroDivisionError), run:
                if how == "leave by an exception":
                    raise ZeroDivisionError

        self._write(how, pair, call)

    @rule(pair=runs)
    def read(self, pair: Pair) -> None:
        """The record of a run, every history and every file of it."""
        self._read(pair)

    @rule(pair=runs, experiment=strategies.invalid_model_names())
    def read_nothing(self, pair: Pair, experiment: str) -> None:
        """A run that cannot be started is not, and one that was never started is told."""
        del pair
        self._compare(f"start_run({experiment!r:.80})", None, lambda it, _: it.start_run(experiment).id)
        self._compare("get_run", None, lambda it, run: it.get_run(run))
        self._compare("metric_history", None, lambda it, run: read_history(it, run, "auc"))
        self._compare("files", None, read_files)
        self._compare("open_file", None, lambda it, run: it.open_file(run, "a"))

    @rule(
        pair=runs,
        experiment=st.sampled_from((None, *_EXPERIMENTS, "unknown")),
        by=st.sets(st.sampled_from(("a parameter", "a metric", "a tag")), min_size=1),
        comparison=st.sampled_from(("<", "<=", "==", ">=", ">")),
        other=st.none() | st.sampled_from((-1.0, 0.0, 1.0)) | strategies.numbers(finite=True),
    )
    def search(
        self,
        *,
        pair: Pair,
        experiment: str | None,
        by: set[str],
        comparison: Comparison,
        other: float | None,
    ) -> None:
        """Look for runs by what one of them has, or by a number that perhaps none has."""
        for each in self.pairs:
            self._flush(each)
        like = self.memory.get_run(pair.memory.id)
        params = dict(list(like.params.items())[:1]) if "a parameter" in by else {}
        tags = dict(list(like.tags.items())[:1]) if "a tag" in by else {}
        finite = [(key, value) for key, value in like.metrics.items() if value - value == 0][:1]
        conditions = [
            MetricCondition(key=key, comparison=comparison, value=value if other is None else other)
            for key, value in finite
            if "a metric" in by
        ]
        self._compare_runs(
            f"runs({experiment!r}, {params=}, {tags=}, metrics={conditions})",
            lambda it: it.runs(experiment, params=params, tags=tags, metrics=iter(conditions)),
        )

    @invariant()
    def listings_agree(self) -> None:
        """The listing of all runs is complete and equal, but for what may be kept back."""
        self.trackers.reverse()
        self._compare_runs("runs()", lambda it: it.runs())

    def teardown(self) -> None:
        """End every run, so that nothing of it goes on, and read all of it."""
        for pair in self.pairs:
            if self.failed:
                with suppress(Exception):
                    pair.adapter.finish()
            else:
                self._write("finish()", pair, lambda run: run.finish())
                self._read(pair)

    def _start(self, experiment: str, name: str, tags: dict[str, str]) -> Pair:
        pair = Pair(
            self.tracker.start_run(experiment, name=name, tags=tags),
            self.memory.start_run(experiment, name=name, tags=tags),
        )
        check_same("the run's experiment", pair.adapter.experiment, experiment)
        self.pairs.append(pair)
        return pair

    def _write(self, what: str, pair: Pair, call: Callable[[Run], object]) -> None:
        self.unflushed.add(pair)
        check_same(what, outcome(lambda: call(pair.adapter)), outcome(lambda: call(pair.memory)))

    def _read(self, pair: Pair) -> None:
        self._flush(pair)
        for key in [*self.memory.get_run(pair.memory.id).metrics, _NEVER]:
            self._compare(f"metric_history({key!r})", pair, lambda it, run, key=key: read_history(it, run, key))
        self._compare("get_run", pair, lambda it, run: comparable_run(it.get_run(run)))
        self._compare("files", pair, read_files)
        self._compare(f"open_file({_NEVER!r})", pair, lambda it, run: it.open_file(run, _NEVER))

    def _flush(self, pair: Pair) -> None:
        if pair in self.unflushed:
            pair.adapter.flush()
            self.unflushed.discard(pair)

    def _taken(self, pair: Pair, points: list[MetricPoint]) -> list[MetricPoint]:
        """The points, changed to what the adapter declares to take."""
        if not self.declares(ExperimentTrackerCapability.NON_FINITE_METRICS):
            points = [each if each.value - each.value == 0 else replace(each, value=0.5) for each in points]
        if not self.declares(ExperimentTrackerCapability.UNORDERED_STEPS):
            highest = self.highest_step.get(pair, 0)
            points = [replace(each, step=max(each.step, highest)) for each in points]
            self.highest_step[pair] = max([highest, *(each.step for each in points)])
        return points

    def _compare_runs(self, what: str, call: Callable[[ExperimentTracker], Iterable[RunRecord]]) -> None:
        found, expected = list(call(self.tracker)), list(call(self.memory))
        begun = [each.started_at for each in found]
        assert begun == sorted(begun, reverse=True), f"{what}: not newest first"
        memory = {each.id: each for each in expected}
        ids = {pair.adapter.id: pair.memory.id for pair in self.pairs}
        kept_back = {pair.adapter.id for pair in self.unflushed}
        # Runs that began in the same tick of the clock come in any order.
        check_same(f"{what}: ids", sorted(ids.get(each.id, each.id) for each in found), sorted(memory))
        for each in found:
            same = memory[ids[each.id]]
            check_same(f"{what}: name", each.name if same.name else "", same.name)
            if each.id not in kept_back:
                check_same(what, comparable_run(each), comparable_run(same))

    def _compare(self, what: str, pair: Pair | None, call: Callable[[ExperimentTracker, str], object]) -> None:
        tracker = self.tracker
        adapter, memory = (_NEVER, _NEVER) if pair is None else (pair.adapter.id, pair.memory.id)
        check_same(what, outcome(lambda: call(tracker, adapter)), outcome(lambda: call(self.memory, memory)))


def check_experiment_tracker(
    fresh: Callable[[], TrackerUnderTest], *, programmes: int, without: Collection[str] = ()
) -> None:
    """Compare a tracker with the memory tracker over random programmes.

    Args:
        fresh: Makes an empty tracker.
        programmes: How many programmes of about thirty calls; ``MLOPS_TEST_PROGRAMMES`` overrides it.
        without: Names of rules of :class:`ExperimentTrackerMachine` that are left out; the contract leaves out none.
    """
    __tracebackhide__ = True
    machine = leaving_out(ExperimentTrackerMachine, without)
    run_machine(lambda: machine(fresh()), programmes=programmes)
