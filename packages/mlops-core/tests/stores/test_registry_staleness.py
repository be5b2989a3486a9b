"""Listings that are behind, clocks that jump: what a store and a machine may do without breaking a promise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import ConflictError, NotFoundError, VersionNotFoundError
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.testing.packages import make_package

from .suspended import Call, Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo

_START = datetime(2026, 11, 23, tzinfo=UTC)


class SlowListings(MemoryArtifactStore):
    """Listings and reads that answer with what was there when they were asked, however much later they are consumed.

    Several clients act between the question and the answer; that is all the staleness that the port allows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[str], None] = lambda _: None

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        found = list(super().find(prefix))
        self.meanwhile(f"find {prefix}")
        return iter(found)

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        found = super().get(key, start=start, stop=stop)
        self.meanwhile(f"get {key}")
        return found


def on(store: MemoryArtifactStore, clock: Callable[[], datetime] = lambda: _START) -> StoreModelRegistry:
    return StoreModelRegistry(store, backend="home", retries=Retries(sleep=lambda _: None), clock=clock)


@pytest.mark.parametrize("asked", ["find models/churn/", "get models/churn/head.json"])
@pytest.mark.parametrize("late", [0, 1, 2])
def test_answers_that_are_behind_what_others_did_meanwhile_break_nothing(asked: str, late: int) -> None:
    store = SlowListings()
    other = on(store)
    for each in (b"1", b"2"):
        other.register("churn", make_package(each), operation_id=each.decode())
    other.set_alias("churn", "champion", 1)
    calls: list[Callable[[StoreModelRegistry], object]] = [
        lambda registry: registry.register("churn", make_package("new"), operation_id="op"),
        lambda registry: registry.register("churn", make_package("2"), operation_id="op-2"),
        lambda registry: registry.set_alias("churn", "champion", 2),
        lambda registry: registry.set_alias("churn", "champion", 2, expected=1),
        lambda registry: registry.collect_garbage(),
        lambda registry: registry.delete_version("churn", 1),
        lambda registry: list(registry.versions("churn")),
    ]
    for number, call in enumerate(calls):
        seen = 0

        def meanwhile(request: str, number: int = number) -> None:
            nonlocal seen
            if not request.startswith(asked):
                return
            seen += 1
            if seen == late + 1:
                store.meanwhile = lambda _: None
                other.register("churn", make_package(f"meanwhile {number}"), operation_id=f"m-{number}")
                other.delete_version("churn", 2)

        store.meanwhile = meanwhile
        try:
            call(on(store))
        except (NotFoundError, ConflictError):
            pass
        finally:
            store.meanwhile = lambda _: None
        versions = list(on(store).versions("churn"))
        assert len({version.version for version in versions}) == len({version.digest for version in versions})
        (model,) = on(store).models()
        assert set(model.aliases.values()) <= {version.version for version in versions}
        for version in versions:
            with on(store).open(version, "model.bin") as stream:
                stream.read()


def test_versions_are_in_order_of_registration_whatever_the_clock_said() -> None:
    times = iter([_START, _START + timedelta(days=3650), _START - timedelta(days=1), _START])
    registry = on(MemoryArtifactStore(), clock=lambda: next(times))
    made = [registry.register("churn", make_package(f"{each}"), operation_id=f"{each}") for each in range(4)]
    assert [version.operation_id for version in registry.versions("churn")] == ["3", "2", "1", "0"]
    assert registry.latest("churn").version == made[-1].version
    assert registry.get("churn", made[1].version).created_at == _START + timedelta(days=3650)


def test_a_registration_whose_files_were_collected_while_it_slept_stores_them_once_more() -> None:
    store = MemoryArtifactStore(clock=lambda: now)
    now = _START
    gate = Gate(store)
    awake = on(store)
    awake.register("churn", make_package("first"), operation_id="first")
    asleep = StoreModelRegistry(gate, backend="home", retries=Retries(sleep=lambda _: None), monotonic=lambda: 0.0)
    call = Call(gate, lambda: asleep.register("churn", make_package("late"), operation_id="late"))
    while not any(info.key.endswith("SHA256SUMS") and "/late." in info.key for info in store.find("packages/")):
        call.step()
    now = _START + timedelta(days=365)
    (leftover,) = awake.collect_garbage().leftovers
    assert leftover.what.startswith("packages/churn/late.")
    call.finish()
    assert call.error is None
    version = awake.latest("churn")
    assert version.version == 3  # the fence has 2
    with pytest.raises(VersionNotFoundError):
        awake.get("churn", 2)
    with awake.open(version, "model.bin") as stream:
        assert stream.read() == b"late"


@pytest.mark.parametrize("jump", [timedelta(days=3650), timedelta(days=-3650)])
def test_what_is_left_behind_goes_whichever_way_the_clock_jumped(jump: timedelta) -> None:
    now = _START
    store = MemoryArtifactStore(clock=lambda: now)
    registry = on(store)
    registry.register("churn", make_package("kept"), operation_id="kept")
    store.put("packages/churn/killed.1/model.bin", b"half")
    assert registry.collect_garbage().leftovers == ()
    now += jump
    assert registry.collect_garbage(dry_run=True).objects == 1
    assert registry.collect_garbage().objects == 1
    assert [each.version for each in registry.versions("churn")] == [1]
    assert list(store.find("gc/")) == []


def test_a_damaged_record_keeps_its_model_from_being_collected() -> None:
    now = _START
    store = MemoryArtifactStore(clock=lambda: now)
    registry = on(store)
    for each in ("a", "b"):
        registry.register("churn", make_package(each), operation_id=each)
    record = next(info.key for info in store.find("models/churn/") if "/versions/" in info.key)
    store.put(record, b"{}")
    store.put("packages/churn/killed.1/model.bin", b"half")
    now += timedelta(days=30)
    done = registry.collect_garbage()
    assert done.leftovers == ()
    (kept,) = done.kept
    assert kept.what == "models/churn/"
    assert record in kept.why
    assert len(list(store.folders("packages/churn/"))) == 3
