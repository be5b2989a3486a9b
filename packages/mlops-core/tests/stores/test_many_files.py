"""Packages of many files: stored and fetched several at a time, with the requests and errors of one after the other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest
from mlops_core.errors import ArtifactNotFoundError, BackendUnavailableError, IntegrityError, ModelNotFoundError
from mlops_core.models import PackageCache
from mlops_core.ports.model_registry import PinnedVersion
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.testing.breakable_store import BreakableStore
from mlops_core.testing.packages import MemoryPackage, package_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.ports.artifact_store import ArtifactInfo
    from mlops_core.ports.model_registry import ModelVersion

FILES = 100


class WatchedStore(MemoryArtifactStore):
    """Counts the writers of package files that are under way at once."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []
        self.most = 0
        self._under_way = 0
        self._counting = threading.Lock()

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        with self._counting:
            self.keys.append(key)
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        threading.Event().wait(0.001)
        try:
            return super().put(key, data, if_absent=if_absent, if_match=if_match)
        finally:
            with self._counting:
                self._under_way -= 1


@pytest.fixture
def package() -> MemoryPackage:
    parts = {f"parts/{number:03}.bin": f"part {number}".encode() for number in range(FILES)}
    return package_of({"model.bin": b"model", **parts})


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def connection(store: WatchedStore) -> BreakableStore:
    return BreakableStore(store)


@pytest.fixture
def registry(connection: BreakableStore) -> StoreModelRegistry:
    return StoreModelRegistry(connection, backend="home", retries=Retries(sleep=lambda _: None))


def pin(version: ModelVersion) -> PinnedVersion:
    return PinnedVersion(model=version.model, version=version.version, digest=version.digest)


def test_they_are_stored_several_at_a_time_and_the_record_after_all_of_them(
    registry: StoreModelRegistry, store: WatchedStore, package: MemoryPackage
) -> None:
    registry.register("churn", package, operation_id="a")
    assert 2 <= store.most <= 8
    stored = [key for key in store.keys if key.startswith("packages/")]
    assert len(stored) == len(set(stored)) == FILES + 3  # the model, the manifest and the checksums
    assert stored[-1].endswith("/SHA256SUMS")
    record = next(number for number, key in enumerate(store.keys) if "/versions/" in key)
    assert record > store.keys.index(stored[-1])


def test_they_take_one_request_each(
    registry: StoreModelRegistry, connection: BreakableStore, package: MemoryPackage, tmp_path: Path
) -> None:
    registry.register("churn", package_of({"model.bin": b"first"}), operation_id="first")
    before = connection.requests
    version = registry.register("churn", package, operation_id="a")
    assert connection.requests - before == FILES + 3 + 4
    before = connection.requests
    PackageCache(tmp_path, 1 << 30).fetch(registry, pin(version))
    assert connection.requests - before <= FILES + 2 + 2


def test_they_are_fetched_whole(registry: StoreModelRegistry, package: MemoryPackage, tmp_path: Path) -> None:
    version = registry.register("churn", package, operation_id="a")
    fetched = PackageCache(tmp_path, 1 << 30).fetch(registry, pin(version))
    for path, data in package.files.items():
        assert (fetched.folder / path).read_bytes() == data


def test_a_file_that_is_not_what_the_manifest_says_makes_no_version(
    registry: StoreModelRegistry, package: MemoryPackage
) -> None:
    wrong = MemoryPackage(manifest=package.manifest, files={**package.files, "parts/050.bin": b"part XX"})
    with pytest.raises(IntegrityError, match=r"parts/050\.bin"):
        registry.register("churn", wrong, operation_id="a")
    assert list(registry.versions("churn")) == []


def test_a_file_that_is_missing_makes_no_version(registry: StoreModelRegistry, package: MemoryPackage) -> None:
    fewer = {path: data for path, data in package.files.items() if path != "parts/050.bin"}
    with pytest.raises(IntegrityError, match=r"parts/050\.bin.* is missing") as caught:
        registry.register("churn", MemoryPackage(manifest=package.manifest, files=fewer), operation_id="a")
    assert isinstance(caught.value.__cause__, ArtifactNotFoundError)


def test_a_connection_that_breaks_among_them_is_an_error_of_its_own_and_the_next_call_makes_one_version(
    registry: StoreModelRegistry, connection: BreakableStore, package: MemoryPackage
) -> None:
    with connection.cut(after=40), pytest.raises(BackendUnavailableError):
        registry.register("churn", package, operation_id="a")
    assert registry.register("churn", package, operation_id="a").version == 1


def test_a_lost_reply_among_them_is_asked_for_again(
    registry: StoreModelRegistry, connection: BreakableStore, package: MemoryPackage
) -> None:
    with connection.losing_reply(to=40):
        assert registry.register("churn", package, operation_id="a").version == 1
    assert [version.version for version in registry.versions("churn")] == [1]


def test_a_damaged_file_leaves_nothing_in_the_cache(
    registry: StoreModelRegistry, store: WatchedStore, package: MemoryPackage, tmp_path: Path
) -> None:
    version = registry.register("churn", package, operation_id="a")
    key = next(key for key in store.keys if key.endswith("parts/050.bin"))
    store.put(key, b"part XX")
    cache = PackageCache(tmp_path, 1 << 30)
    with pytest.raises(IntegrityError, match=r"parts/050\.bin"):
        cache.fetch(registry, pin(version))
    assert not list((tmp_path / "tmp").iterdir())
    assert not (tmp_path / version.digest).exists()


def test_a_model_that_is_deleted_meanwhile_is_not_found(
    registry: StoreModelRegistry, package: MemoryPackage, tmp_path: Path
) -> None:
    version = registry.register("churn", package, operation_id="a")
    deleted = threading.Event()

    class Deleting:
        def open(self, pinned: PinnedVersion, path: str, /) -> BinaryIO:
            if path == "parts/020.bin" and not deleted.is_set():
                deleted.set()
                registry.delete_model("churn", force=True)
            return registry.open(pinned, path)

    with pytest.raises(ModelNotFoundError):
        PackageCache(tmp_path, 1 << 30).fetch(cast("StoreModelRegistry", Deleting()), pin(version))
