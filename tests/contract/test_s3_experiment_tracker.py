"""The contract of the experiment tracker on the adapter ``s3``, on two real servers: no gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlops_core.testing import ConnectedExperimentTrackerContract

from ..servers.s3_servers import has_ceph
from .s3_subjects import VERSIONS_OF_MINISTACK, s3_tracker, versions_of_ceph

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.testing import TrackerUnderTest

    from ..servers.http_proxy import HttpProxy
    from .s3_subjects import S3Server

pytestmark = pytest.mark.enable_socket


class TestMinistackExperimentTracker(ConnectedExperimentTrackerContract):
    contract_version = 1
    backend = "s3 (ministack)"
    against = "ministack over HTTP"
    versions = VERSIONS_OF_MINISTACK
    programmes = 5

    @pytest.fixture
    def fresh_tracker(self, ministack_server: S3Server, ministack_proxy: HttpProxy) -> Callable[[], TrackerUnderTest]:
        return lambda: s3_tracker(ministack_server, ministack_proxy)


if has_ceph():

    @pytest.mark.xdist_group("ceph")
    class TestCephExperimentTracker(ConnectedExperimentTrackerContract):
        contract_version = 1
        backend = "s3 (Ceph)"
        against = "Ceph's gateway over HTTP, an unversioned bucket"
        versions = versions_of_ceph()
        programmes = 3
        every_nth = 4

        @pytest.fixture
        def fresh_tracker(self, ceph_server: S3Server, ceph_proxy: HttpProxy) -> Callable[[], TrackerUnderTest]:
            return lambda: s3_tracker(ceph_server, ceph_proxy)
