"""The state machines find bugs that no single call shows, and leave out what an adapter does not declare."""

from __future__ import annotations

import io
import re
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis.vendor.pretty import pretty
from mlops_core.errors import ConfigurationError, UnsupportedOperationError
from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.ports.experiment_tracker import ExperimentTrackerCapability
from mlops_core.ports.model_registry import UNCHECKED, ModelRegistryCapability, PinnedVersion
from mlops_core.ports.run_values import metric_points
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore, MemoryStoreState
from mlops_core.stores.memory.experiment_tracker import MemoryExperimentTracker, MemoryTrackerState
from mlops_core.stores.memory.model_registry import MemoryModelRegistry, MemoryRegistryState
from mlops_core.testing import RegistryUnderTest, StoreUnderTest, TrackerUnderTest, make_package
from mlops_core.testing.state_machines import (
    ArtifactStoreMachine,
    ExperimentTrackerMachine,
    ModelRegistryMachine,
    check_artifact_store,
    check_experiment_tracker,
    check_model_registry,
)
from mlops_core.testing.state_machines.model_registry import Fields
from mlops_core.testing.state_machines.running import ComparingMachine, rules_of
from mlops_core.testing.state_machines.wrong_calls import WrongCall

from .memory_back_doors import RegistryBackDoor, StoreBackDoor, TrackerBackDoor, memory_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo
    from mlops_core.ports.experiment_tracker import MetricPoint
    from mlops_core.ports.model_registry import ModelVersion, Unchecked
    from mlops_core.stores.memory.run import MemoryRun


def registries(kind: type[MemoryModelRegistry]) -> RegistryUnderTest:
    state = MemoryRegistryState()
    return RegistryUnderTest(
        registry=kind(state=state), another=lambda: kind(state=state), back_door=RegistryBackDoor(state)
    )


def stores(kind: type[MemoryArtifactStore]) -> StoreUnderTest:
    state = MemoryStoreState()
    return StoreUnderTest(store=kind(state=state), another=lambda: kind(state=state), back_door=StoreBackDoor(state))


def trackers(kind: type[MemoryExperimentTracker]) -> TrackerUnderTest:
    state = MemoryTrackerState()
    return TrackerUnderTest(
        tracker=kind(state=state), another=lambda: kind(state=state), back_door=TrackerBackDoor(state)
    )


class RemembersAliases(MemoryModelRegistry):
    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        remembered: dict[tuple[str, str], PinnedVersion] = vars(self).setdefault("remembered", {})
        return remembered.setdefault((model, alias), super().resolve(model, alias))


class ForgetsItsCalls(MemoryModelRegistry):
    """Looks for equal content, and never for what the same call has made before."""

    def register(self, *args: Any, **kwargs: Any) -> ModelVersion:
        operation = kwargs["operation_id"]
        stored = self._state.models.get(args[0])
        own = [each for each in (stored.versions.values() if stored else ()) if each.record.operation_id == operation]
        for each in own:
            each.record = replace(each.record, operation_id="")
        made = super().register(*args, **kwargs)
        for each in own:
            each.record = replace(each.record, operation_id=operation)
        return made


class EndsRangesLate(MemoryArtifactStore):
    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        return super().get(key, start=start, stop=None if stop is None else stop + 1)


class CutsTimes(MemoryExperimentTracker):
    def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
        for each in super().metric_history(run_id, key):
            yield replace(each, time=each.time.replace(microsecond=0))


def test_a_stale_read_through_another_instance_is_found() -> None:
    """One programme, step by step: what an invariant reads, the other instance has changed."""
    machine = ModelRegistryMachine(registries(RemembersAliases))
    fields = Fields(tags={}, metrics={}, run=None, commit=None, origin=None)
    packages = [make_package("1"), make_package("2")]
    machine.begin(models=["churn", "fraud"], aliases=["champion", "best"], packages=packages, fields=fields)
    for package in (0, 1, 0, 1):
        near = machine.newest["churn"]
        made = machine.register(near=near, other=False, package=package, if_exists="new", fields=fields)
        machine.listings_agree()
        machine.set_alias(version=made, alias=0, expecting="anything")
        if package:
            with pytest.raises(AssertionError, match="resolve"):
                machine.listings_agree()
            return
        machine.listings_agree()


def test_a_call_that_makes_a_second_version_when_it_is_made_again_is_found() -> None:
    with pytest.raises(AssertionError, match="the same call 'call-"):
        check_model_registry(lambda: registries(ForgetsItsCalls), programmes=100)


def test_a_range_that_is_off_by_one_is_found() -> None:
    with pytest.raises(AssertionError, match="get, start"):
        check_artifact_store(lambda: stores(EndsRangesLate), programmes=400)


def test_times_that_lose_their_milliseconds_are_found() -> None:
    with pytest.raises(AssertionError, match="metric_history"):
        check_experiment_tracker(lambda: trackers(CutsTimes), programmes=400)


def unsupported(operation: str) -> NoReturn:
    raise UnsupportedOperationError("not declared", operation=operation)


class WithoutConditions(MemoryModelRegistry):
    @property
    def capabilities(self) -> ModelRegistryCapability:
        return ModelRegistryCapability.NONE

    def set_alias(
        self, model: str, alias: str, version: int, /, *, expected: int | Unchecked | None = UNCHECKED
    ) -> None:
        if expected is not UNCHECKED:
            unsupported("set_alias")
        super().set_alias(model, alias, version)


class PlainStore(MemoryArtifactStore):
    @property
    def capabilities(self) -> ArtifactStoreCapability:
        return ArtifactStoreCapability.NONE

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        if if_absent or if_match is not None:
            unsupported("put")
        return super().put(key, data)


class OrderedTracker(MemoryExperimentTracker):
    @property
    def capabilities(self) -> ExperimentTrackerCapability:
        return ExperimentTrackerCapability.NONE

    def start_run(self, experiment: str, /, *, name: str = "", tags: Mapping[str, str] | None = None) -> MemoryRun:
        run = super().start_run(experiment, name=name, tags=tags or {})
        take, highest = run.log_metrics, 0

        def log_metrics(
            metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
        ) -> None:
            nonlocal highest
            points = metric_points(metrics, step=step, time=time, now=datetime.now(UTC))
            if any(each.step < highest or each.value - each.value != 0 for each in points):
                unsupported("log_metrics")
            take(points)
            highest = max([highest, *(each.step for each in points)])

        vars(run)["log_metrics"] = log_metrics
        return run


def test_what_is_not_declared_is_left_out() -> None:
    check_model_registry(lambda: registries(WithoutConditions), programmes=20)
    check_artifact_store(lambda: stores(PlainStore), programmes=20)
    check_experiment_tracker(lambda: trackers(OrderedTracker), programmes=20)


def test_the_environment_says_how_many_programmes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_TEST_PROGRAMMES", "2")
    made: list[StoreUnderTest] = []

    def fresh() -> StoreUnderTest:
        made.append(memory_store())
        return made[-1]

    check_artifact_store(fresh, programmes=500)
    assert len(made) == 2


class KeepsRemovedTags(MemoryModelRegistry):
    def set_tags(self, model: str, version: int, tags: Mapping[str, str | None], /) -> None:
        super().set_tags(model, version, {key: value for key, value in tags.items() if value is not None})


class CrashesOnUnknownModels(MemoryModelRegistry):
    def latest(self, model: str, /) -> PinnedVersion:
        return {each.name: super(CrashesOnUnknownModels, self).latest(each.name) for each in self.models()}[model]


class SpoilsWhatIsReadLast(MemoryModelRegistry):
    """Differs in what only the end of a programme reads: the bytes of a version that no call has opened."""

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        del version
        return io.BytesIO(path.encode())


def failure_of(kind: type[MemoryModelRegistry], *, without: Sequence[str] = ()) -> BaseException:
    with pytest.raises(Exception) as caught:
        check_model_registry(lambda: registries(kind), programmes=400, without=without)
    return caught.value


def programme(failure: BaseException) -> list[str]:
    return [line for note in failure.__notes__ for line in note.splitlines() if line.startswith("state.")]


def test_a_difference_is_printed_with_the_programme_and_nothing_of_the_machinery() -> None:
    failure = failure_of(KeepsRemovedTags)
    assert type(failure) is AssertionError
    assert re.search(r"^  the adapter: .*\n  the memory backend: .*\n  where they differ: ", str(failure), re.MULTILINE)
    (note,) = failure.__notes__
    assert "package_of({'model.bin': " in note
    assert "lambda" not in note
    assert "reproduce_failure" not in note
    assert programme(failure)[-1] == "state.listings_agree()"
    frames = [frame for frame, _ in traceback.walk_tb(failure.__traceback__)]
    assert [each.f_code.co_name for each in frames] == ["failure_of", "check_model_registry", "run_machine"]
    assert all(each.f_locals.get("__tracebackhide__") for each in frames[1:]), "pytest shows the author's line only"


def test_an_error_of_the_adapter_shows_its_own_frames_only() -> None:
    failure = failure_of(CrashesOnUnknownModels)
    assert type(failure) is KeyError
    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(failure.__traceback__)]
    assert frames == ["failure_of", "check_model_registry", "run_machine", "latest"]
    assert programme(failure)


def test_what_is_compared_at_the_end_is_part_of_the_programme() -> None:
    failure = failure_of(SpoilsWhatIsReadLast, without=("read",))
    assert str(failure).startswith("every file of ")
    assert programme(failure)[-1] == "state.teardown()"


@pytest.mark.parametrize("said", ["0", "-3", "abc", "1.5", "²"])
def test_a_number_of_programmes_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("MLOPS_TEST_PROGRAMMES", said)
    with pytest.raises(ConfigurationError, match=re.escape(f"MLOPS_TEST_PROGRAMMES is {said!r}")) as caught:
        check_artifact_store(memory_store, programmes=60)
    assert "a whole number above 0" in caught.value.hint


def test_a_number_of_programmes_that_a_caller_gives_is_checked() -> None:
    with pytest.raises(ConfigurationError, match="programmes is 0"):
        check_artifact_store(memory_store, programmes=0)


def test_rules_can_be_left_out() -> None:
    check_model_registry(lambda: registries(KeepsRemovedTags), programmes=40, without=("set_tags",))
    with pytest.raises(ValueError, match="'set_tag' is no rule of ModelRegistryMachine; did you mean 'set_tags'"):
        check_model_registry(lambda: registries(MemoryModelRegistry), programmes=1, without=("set_tag",))


@pytest.mark.parametrize("machine", [ModelRegistryMachine, ArtifactStoreMachine, ExperimentTrackerMachine])
def test_every_rule_can_be_left_out(machine: type[ComparingMachine]) -> None:
    for rule in rules_of(machine):
        if machine is ModelRegistryMachine:
            check_model_registry(lambda: registries(MemoryModelRegistry), programmes=2, without=(rule,))
        elif machine is ArtifactStoreMachine:
            check_artifact_store(memory_store, programmes=2, without=(rule,))
        else:
            check_experiment_tracker(lambda: trackers(MemoryExperimentTracker), programmes=2, without=(rule,))


def test_a_wrong_call_reads_as_the_call() -> None:
    call = WrongCall[object]("put('')", lambda _: None)
    assert pretty(call) == repr(call) == "<put('')>"
