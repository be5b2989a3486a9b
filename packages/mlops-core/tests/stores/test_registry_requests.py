"""How many requests each call of the registry makes, and that their number does not grow with what the store holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest
from mlops_core.manifest import FolderPackage
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.testing.breakable_store import BreakableStore

Make: TypeAlias = Callable[[bytes], FolderPackage]
_FILES = 4  # package.json, two files, SHA256SUMS


class Counted:
    """A store whose requests are counted, and registries on it."""

    def __init__(self) -> None:
        self.store = BreakableStore(MemoryArtifactStore())
        self.warm = self.cold()

    def cold(self) -> StoreModelRegistry:
        """A registry that has seen nothing yet."""
        return StoreModelRegistry(self.store, backend="home")

    def count(self, action: Callable[[], object]) -> int:
        before = self.store.requests
        action()
        return self.store.requests - before


@pytest.fixture
def counted() -> Counted:
    return Counted()


def test_registering_takes_four_requests_beside_the_files_or_five_for_a_registry_just_opened(
    counted: Counted, package: Make
) -> None:
    def register(registry: StoreModelRegistry, content: bytes) -> int:
        new = package(content)
        return counted.count(lambda: registry.register("churn", new, operation_id=content.decode()))

    assert register(counted.warm, b"first") == _FILES + 6
    assert register(counted.warm, b"a") == _FILES + 4
    assert register(counted.cold(), b"b") == _FILES + 5
    # What is remembered is behind by one.
    assert register(counted.warm, b"c") == _FILES + 5
    assert register(counted.warm, b"d") == _FILES + 4


def test_a_registry_that_deleted_a_model_itself_does_not_try_the_old_one_first(counted: Counted, package: Make) -> None:
    new = package(b"new")
    counted.warm.register("churn", new, operation_id="a")
    counted.warm.delete_model("churn", force=True)
    assert counted.count(lambda: counted.warm.register("churn", new, operation_id="b")) == _FILES + 6


def test_content_that_is_there_already_is_given_back_without_uploading_it(counted: Counted, package: Make) -> None:
    same = package(b"same")
    counted.warm.register("churn", same, operation_id="a")
    for registry, most in [(counted.warm, 6), (counted.cold(), 6)]:
        assert counted.count(lambda registry=registry: registry.register("churn", same, operation_id="b")) <= most


def test_setting_an_alias_takes_two_requests_after_reading_the_version_and_three_or_four_before(
    counted: Counted, package: Make
) -> None:
    def point(registry: StoreModelRegistry, version: int) -> int:
        return counted.count(lambda: registry.set_alias("churn", f"to-{version}-{counted.store.requests}", version))

    for each in [b"1", b"2", b"3"]:
        counted.warm.register("churn", package(each), operation_id=each.decode())
    assert point(counted.warm, 3) == 2
    cold = counted.cold()
    assert point(cold, 2) == 3
    assert point(cold, 2) == 2
    reader = counted.cold()
    reader.get("churn", 1)
    assert point(reader, 1) == 2
    # From the first deletion on a registry that has just been opened looks for the tombstone too.
    counted.warm.delete_version("churn", 3)
    assert point(counted.cold(), 2) == 4
    assert point(cold, 2) == 4
    assert point(cold, 2) == 2


def test_reading_takes_few_requests(counted: Counted, package: Make) -> None:
    for each in [b"1", b"2"]:
        counted.warm.register("churn", package(each), operation_id=each.decode())
    counted.warm.set_alias("churn", "champion", 2)
    assert counted.count(lambda: counted.cold().resolve("churn", "champion")) == 1
    assert counted.count(lambda: counted.cold().get("churn", 2)) == 3
    assert counted.count(lambda: list(counted.cold().versions("churn"))) == 3 + 2
    assert counted.count(lambda: list(counted.cold().models())) == 1 + 1
    assert counted.count(lambda: counted.cold().delete_alias("churn", "challenger")) == 1

    def fetch() -> None:
        fresh = counted.cold()
        pin = fresh.resolve("churn", "champion")
        for path in ["package.json", "model.bin", "notes/read me.txt"]:
            fresh.open(pin, path).close()

    assert counted.count(fetch) == 3 + 2


def test_the_numbers_of_many_versions_take_three_requests(counted: Counted, package: Make) -> None:
    for each in range(40):
        counted.warm.register("churn", package(b"%d" % each), operation_id=f"{each}")
    listing = counted.cold().versions("churn")
    assert counted.count(lambda: next(listing)) == 3 + 1
    assert counted.count(lambda: next(listing)) == 1


def test_no_call_takes_more_requests_because_there_are_more_models_or_versions(counted: Counted, package: Make) -> None:
    def costs(content: bytes) -> list[int]:
        cold = counted.cold()
        new = package(content)
        calls: list[Callable[[], object]] = [
            lambda: cold.register("churn", new, operation_id=content.decode()),
            lambda: cold.set_alias("churn", content.decode(), 1),
            lambda: counted.cold().resolve("churn", content.decode()),
            lambda: counted.cold().latest("churn"),
        ]
        return [counted.count(call) for call in calls]

    counted.warm.register("churn", package(b"0"), operation_id="0")
    few = costs(b"few")
    for each in range(60):
        counted.warm.register("churn", package(b"v%d" % each), operation_id=f"v{each}")
        counted.warm.register(f"model-{each}", package(b"0"), operation_id="0")
    assert costs(b"many") == few
