"""What the gaps that are declared for Ceph do not excuse: nobody's write is lost, and what was stored is told truly."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import AlreadyExistsError, BackendUnavailableError, ConflictError

from ..contract.s3_subjects import s3_store
from ..servers.s3_servers import has_ceph

if TYPE_CHECKING:
    from mlops_core.ports.artifact_store import ArtifactStore

    from ..contract.s3_subjects import S3Server
    from ..servers.http_proxy import HttpProxy

pytestmark = pytest.mark.enable_socket
ROUNDS, RIVALS = 12, 8


def winners(store: ArtifactStore, key: str, *, if_match: str | None) -> list[bytes]:
    """The contents of those who were told that they had won, of several who write at once."""
    barrier = Barrier(RIVALS)

    def write(number: int) -> bytes | None:
        barrier.wait()
        try:
            store.put(key, b"%d" % number, if_absent=if_match is None, if_match=if_match)
        except (AlreadyExistsError, ConflictError, BackendUnavailableError):
            return None
        return b"%d" % number

    with ThreadPoolExecutor(RIVALS) as pool:
        return [each for each in pool.map(write, range(RIVALS)) if each is not None]


if has_ceph():

    @pytest.mark.parametrize("replacing", [False, True], ids=["create", "replace"])
    def test_a_race_has_never_two_winners(ceph_server: S3Server, ceph_proxy: HttpProxy, *, replacing: bool) -> None:
        store = s3_store(ceph_server, ceph_proxy).store
        for number in range(ROUNDS):
            key = f"race-{number}"
            before = store.put(key, b"before").etag if replacing else None
            won = winners(store, key, if_match=before)
            assert len(won) <= 1
            if won:
                assert store.get(key).data == won[0]

    def test_an_object_in_parts_has_the_etag_that_a_replacement_needs(
        ceph_server: S3Server, ceph_proxy: HttpProxy
    ) -> None:
        store = s3_store(ceph_server, ceph_proxy).store
        stored = store.put("large", io.BytesIO(bytes(17 << 20)))
        assert stored.etag == store.stat("large").etag
        store.put("large", b"small", if_match=stored.etag)
        assert store.get("large").data == b"small"
