from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import pytest
from adapter_s3 import S3ArtifactStore, S3Settings
from mlops_core.secret import Secret
from mlops_core.stores.conditional_writes import Retries

from tests.contract.s3_subjects import BUCKET, S3Server, refusal
from tests.servers.http_proxy import HttpProxy
from tests.servers.s3_servers import ministack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PART = 5 << 20
"""The smallest part that the service takes."""
_HASTY = Retries(sleep=lambda _: None)


class MakeStore(Protocol):
    """Makes a store below a prefix of its own, through the proxy; settings may differ from those of the others."""

    def __call__(
        self, *, progress: Callable[[str, int], None] | None = None, retries: Retries = _HASTY, **more: Any
    ) -> S3ArtifactStore: ...


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("ministack")
    with ministack(folder) as url:
        yield S3Server.at(url, folder)


@pytest.fixture
def proxy(server: S3Server) -> Iterator[HttpProxy]:
    with HttpProxy(server.url, refusal=refusal) as proxy:
        yield proxy


@pytest.fixture
def make_store(server: S3Server, proxy: HttpProxy) -> Iterator[MakeStore]:
    made: list[S3ArtifactStore] = []

    def make(
        *, progress: Callable[[str, int], None] | None = None, retries: Retries = _HASTY, **more: Any
    ) -> S3ArtifactStore:
        options: dict[str, Any] = {
            "bucket": BUCKET,
            "prefix": f"test-{uuid4().hex}",
            "endpoint_url": proxy.url,
            "access_key_id": Secret(file=server.folder / "key"),
            "secret_access_key": Secret(file=server.folder / "secret"),
            "connect_timeout": 2.0,
            "read_timeout": 10.0,
            "part_size": PART,
        }
        settings = S3Settings(**{**options, **more})
        memory = server.folder / "probes"
        store = S3ArtifactStore(settings, backend="lake", retries=retries, progress=progress, probe_memory=memory)
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: MakeStore) -> S3ArtifactStore:
    return make_store()
