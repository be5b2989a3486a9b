"""``gc`` beside calls that are suspended at any request, killed or resumed much later, under a clock that jumps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from mlops_core.errors import ConflictError, ModelNotFoundError, NotFoundError
from mlops_core.manifest import verified_chunks
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.testing.packages import make_package

from .suspended import Call, Gate, Killed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.model_registry import ModelVersion

GRACE: Final = timedelta(days=1)
MODELS: Final = ("churn", "fraud")
CONTENTS: Final = ("a", "b", "c")
_FILES: Final = 4  # package.json, two files, SHA256SUMS
_JUMPS: Final = (
    timedelta(hours=7),
    timedelta(days=2),
    timedelta(days=-1),
    timedelta(days=3650),
    timedelta(days=-3650),
)


class Collecting(RuleBasedStateMachine):
    """Every call is told apart by an operation id; what it acknowledged is remembered until somebody deletes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 23, tzinfo=UTC)
        self.store = MemoryArtifactStore(clock=lambda: self.now)
        self.gate = Gate(self.store)
        # Two that remember what they have seen, which may be long past; nobody's own clock ever moves.
        self.registries = [self.registry(self.gate), self.registry(self.gate)]
        self.calls: list[Call] = []
        self.names = count()
        self.acknowledged: set[tuple[str, int, str]] = set()
        self.deletions: set[str] = set()

    def registry(self, store: Gate | MemoryArtifactStore) -> StoreModelRegistry:
        return StoreModelRegistry(
            store, backend="home", retries=Retries(sleep=lambda _: None), grace=GRACE, monotonic=lambda: 0.0
        )

    def begin(self, action: Callable[[], object], requests: int) -> None:
        call = Call(self.gate, action)
        self.calls.append(call)
        call.step(requests)

    @rule(
        model=st.sampled_from(MODELS),
        content=st.sampled_from(CONTENTS),
        new=st.booleans(),
        which=st.integers(0, 1),
        requests=st.integers(0, 14),
    )
    def register(self, model: str, content: str, new: bool, which: int, requests: int) -> None:
        def action() -> None:
            version = self.registries[which].register(
                model,
                make_package(content),
                operation_id=f"op-{next(self.names)}",
                if_exists="new" if new else "return",
            )
            self.acknowledge(version)

        self.begin(action, requests)

    def acknowledge(self, version: ModelVersion) -> None:
        if version.model not in self.deletions:
            self.acknowledged.add((version.model, version.version, version.digest))

    @rule(
        model=st.sampled_from(MODELS),
        version=st.integers(1, 5),
        what=st.sampled_from(["alias", "tags", "version", "model", "forced"]),
        which=st.integers(0, 1),
        requests=st.integers(0, 14),
    )
    def change(self, model: str, version: int, what: str, which: int, requests: int) -> None:
        registry = self.registries[which]
        actions: dict[str, Callable[[], object]] = {
            "alias": lambda: registry.set_alias(model, "champion", version),
            "tags": lambda: registry.set_tags(model, version, {f"t{next(self.names)}": "x"}),
            "version": lambda: registry.delete_version(model, version),
            "model": lambda: registry.delete_model(model),
            "forced": lambda: registry.delete_model(model, force=True),
        }
        if what in {"version", "forced"}:
            self.deletions.add(model)
            self.acknowledged = {each for each in self.acknowledged if each[0] != model}
        self.begin(actions[what], requests)

    @rule(which=st.integers(0, 1), requests=st.integers(0, 30))
    def collect(self, which: int, requests: int) -> None:
        self.begin(self.registries[which].collect_garbage, requests)

    @rule()
    def collect_at_once(self) -> None:
        self.registry(self.store).collect_garbage()

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), requests=st.integers(1, 12))
    def resume(self, data: st.DataObject, requests: int) -> None:
        data.draw(st.sampled_from(self.calls)).step(requests)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        self.end(data.draw(st.sampled_from(self.calls)))

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.calls))
        call.kill()
        self.end(call)

    def end(self, call: Call) -> None:
        call.finish()
        self.calls.remove(call)
        # Nothing but what the port allows: not found, deleted meanwhile.
        assert call.error is None or isinstance(call.error, (NotFoundError, ConflictError, Killed)), repr(call.error)

    @rule(by=st.sampled_from(_JUMPS))
    def jump(self, by: timedelta) -> None:
        self.now += by

    @invariant()
    def every_live_version_is_whole(self) -> None:
        registry = self.registry(self.store)
        found: set[tuple[str, int, str]] = set()
        for listed in registry.models():
            versions = list(registry.versions(listed.name))
            for version in versions:
                found.add((version.model, version.version, version.digest))
                for entry in version.manifest.files:
                    with registry.open(version, entry.path) as stream:
                        for _ in verified_chunks(stream, entry, where=""):
                            pass
            assert set(listed.aliases.values()) <= {version.version for version in versions}
        assert self.acknowledged <= found

    def teardown(self) -> None:
        for number, call in enumerate(list(self.calls)):
            if number % 2:
                call.kill()
            self.end(call)
        registry = self.registry(self.store)
        for _ in range(2):
            self.now += 2 * GRACE + timedelta(hours=1)
            registry.collect_garbage()
        self.every_live_version_is_whole()
        assert [info.key for info in self.store.find()] == sorted(self.expected(registry))
        assert registry.collect_garbage().leftovers == ()

    def expected(self, registry: StoreModelRegistry) -> set[str]:
        """What a store holds that holds nothing in vain."""
        kept: set[str] = set()
        for model in MODELS:
            head = f"models/{model}/head.json"
            keys = {info.key for info in self.store.find(f"models/{model}/")}
            kept |= keys & {head}
            try:
                live = list(registry.versions(model))
            except ModelNotFoundError:
                continue
            incarnations = list(self.store.folders(f"models/{model}/"))
            assert len(incarnations) <= 1
            numbers = {version.version for version in live}
            for key in keys - {head}:
                kind, name = key.removeprefix(f"models/{model}/{incarnations[0]}/").split("/")
                assert kind in {"versions", "digests", "tombstones", "tags"}
                if kind != "tags" or int(name.removesuffix(".json")) in numbers:
                    kept.add(key)
            packages = [info.key for info in self.store.find(f"packages/{model}/")]
            operations = {key.split("/")[2].partition(".")[0] for key in packages}
            assert operations == {version.operation_id for version in live}
            assert len(packages) == _FILES * len(live)
            kept.update(packages)
        return kept


def test_a_collection_never_takes_what_a_live_version_names_and_in_the_end_takes_all_else() -> None:
    run_state_machine_as_test(
        Collecting,
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
