"""What each call of the registry costs on a bucket, counted on the wire."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from mlops_core.models.cache import PackageCache
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.stores.registry_layout import IncarnationKeys
from mlops_core.stores.registry_record import read_record
from mlops_core.testing import make_package

from tests.contract.s3_subjects import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapter_s3 import S3ArtifactStore

    from tests.contract.s3_subjects import S3Server
    from tests.servers.http_proxy import HttpProxy

pytestmark = pytest.mark.enable_socket
FILES = 4
"""package.json, two files, SHA256SUMS."""


class Counted:
    """Registries on one prefix, and what their calls cost."""

    def __init__(self, store: S3ArtifactStore, proxy: HttpProxy) -> None:
        self.store = store
        self.proxy = proxy
        store.put("probed", b"", if_absent=True)
        self.warm = self.cold()

    def cold(self) -> StoreModelRegistry:
        return StoreModelRegistry(self.store, backend="lake")

    def count(self, action: Callable[[], object]) -> int:
        before = self.proxy.requests
        action()
        return self.proxy.requests - before

    def register(self, registry: StoreModelRegistry, content: str) -> int:
        return self.count(lambda: registry.register("churn", make_package(content), operation_id=content))


@pytest.fixture
def counted(store: S3ArtifactStore, proxy: HttpProxy) -> Counted:
    return Counted(store, proxy)


def test_registering(counted: Counted) -> None:
    assert counted.register(counted.warm, "first") == FILES + 6  # one of them makes the model
    assert counted.register(counted.warm, "seen") == FILES + 4
    assert counted.register(counted.cold(), "cold") == FILES + 5
    counted.register(counted.warm, "behind-by-one")
    assert counted.register(counted.warm, "seen-again") == FILES + 4
    same = make_package("seen")
    for registry in (counted.warm, counted.cold()):
        assert counted.count(lambda each=registry: each.register("churn", same, operation_id="other")) <= 6


def test_making_a_model_is_one_write(counted: Counted) -> None:
    before = len(counted.proxy.log)
    counted.register(counted.warm, "first")
    heads = [each for each in counted.proxy.log[before:] if each.path.endswith("head.json") and each.method == "PUT"]
    assert len(heads) == 1


def test_aliases(counted: Counted) -> None:
    counted.register(counted.warm, "first")
    assert counted.count(lambda: counted.warm.set_alias("churn", "champion", 1)) == 2
    cold = counted.cold()
    assert counted.count(lambda: cold.set_alias("churn", "challenger", 1)) == 3
    assert counted.count(lambda: cold.set_alias("churn", "other", 1)) == 2
    assert counted.count(lambda: counted.cold().resolve("churn", "champion")) == 1
    counted.register(counted.warm, "second")
    counted.warm.delete_version("churn", 2)
    assert counted.count(lambda: counted.cold().set_alias("churn", "last", 1)) == 4


def test_resolving_and_loading(counted: Counted, tmp_path: Path) -> None:
    counted.register(counted.warm, "first")
    counted.warm.set_alias("churn", "champion", 1)
    cache = PackageCache(tmp_path / "cache", 1 << 30)

    def load() -> None:
        registry = counted.cold()
        cache.fetch(registry, registry.resolve("churn", "champion"))

    files = FILES - 1  # SHA256SUMS is for people
    assert counted.count(load) == files + 2
    assert counted.count(load) == 1
    pin = counted.warm.resolve("churn", "champion")
    assert counted.count(lambda: cache.fetch(counted.cold(), pin)) == 0


def test_the_numbers_of_a_thousand_versions(counted: Counted, server: S3Server) -> None:
    counted.register(counted.warm, "first")
    native, prefix = server.native, counted.store.settings.prefix
    (key,) = [each.key for each in counted.store.find("models/churn/") if "/versions/" in each.key]
    keys = IncarnationKeys("churn", key.split("/")[2])
    record = read_record(counted.store.get(key).data, where="", model="churn", incarnation=keys.incarnation, version=1)

    assert record is not None
    first = record

    def write(version: int) -> None:
        made = replace(first, version=version, operation_id=f"{version}")
        native.put_object(Bucket=BUCKET, Key=f"{prefix}/{keys.record(version)}", Body=made.to_bytes())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(2, 1_001)))
    listing = counted.cold().versions("churn")
    assert counted.count(lambda: next(listing)) == 3 + 1  # the numbers, and the record of the newest
    assert counted.count(lambda: next(listing)) == 1
    assert [each.version for each in islice(listing, 3)] == [998, 997, 996]
    assert counted.count(lambda: counted.cold().latest("churn")) <= 4
