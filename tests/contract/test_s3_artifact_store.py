"""The contract of the artifact store on the adapter ``s3``, on two real servers: no gap on ministack, and Ceph's are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlops_core.testing import ConnectedArtifactStoreContract, KnownGap

from ..servers.s3_servers import has_ceph
from .s3_subjects import VERSIONS_OF_MINISTACK, s3_store, versions_of_ceph

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.testing import StoreUnderTest

    from ..servers.http_proxy import HttpProxy
    from .s3_subjects import S3Server

pytestmark = pytest.mark.enable_socket


class TestMinistackArtifactStore(ConnectedArtifactStoreContract):
    contract_version = 1
    backend = "s3 (ministack)"
    against = "ministack over HTTP"
    versions = VERSIONS_OF_MINISTACK
    programmes = 5

    @pytest.fixture
    def fresh_store(self, ministack_server: S3Server, ministack_proxy: HttpProxy) -> Callable[[], StoreUnderTest]:
        return lambda: s3_store(ministack_server, ministack_proxy)


if has_ceph():

    @pytest.mark.xdist_group("ceph")
    class TestCephArtifactStore(ConnectedArtifactStoreContract):
        contract_version = 1
        backend = "s3 (Ceph)"
        against = "Ceph's gateway over HTTP, an unversioned bucket"
        versions = versions_of_ceph()
        programmes = 3
        every_nth = 4
        known_gaps = (
            *(
                KnownGap(
                    test=test,
                    kind="never",
                    reason="Ceph 16 answers 500 to some who lose a race, so they cannot know that they have lost",
                    strict=False,
                )
                for test in ("test_capability_conditional_put", "test_a_condition_has_one_winner")
            ),
            KnownGap(
                test="test_a_condition_has_one_winner__and_who_deletes_is_no_loser",
                kind="never",
                reason="on Ceph 16 a replacement under way may bring back what was deleted meanwhile",
                strict=False,
            ),
            KnownGap(
                test="test_a_write_is_seen_whole_or_not_at_all__by_readers_meanwhile",
                kind="never",
                reason="Ceph 16 answers 500 to some who read or replace an object while others replace it",
                strict=False,
            ),
        )

        @pytest.fixture
        def fresh_store(self, ceph_server: S3Server, ceph_proxy: HttpProxy) -> Callable[[], StoreUnderTest]:
            return lambda: s3_store(ceph_server, ceph_proxy)
