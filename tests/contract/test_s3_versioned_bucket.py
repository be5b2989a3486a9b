"""Ceph keeps conditions in ordinary buckets and ignores create-only in versioned ones: the bucket itself is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from adapter_s3 import S3ArtifactStore
from mlops_core.errors import ConfigurationError

from ..servers.s3_servers import has_ceph
from .s3_subjects import settings

if TYPE_CHECKING:
    from .s3_subjects import S3Server

pytestmark = pytest.mark.enable_socket

if has_ceph():

    @pytest.mark.xdist_group("ceph")
    def test_a_versioned_bucket_that_ignores_create_only_is_refused(ceph_server: S3Server) -> None:
        ceph_server.native.create_bucket(Bucket="versioned")
        ceph_server.native.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        ordinary = settings(ceph_server.url, "probed", ceph_server.folder)
        with pytest.raises(ConfigurationError, match="ignored If-None-Match") as caught:
            S3ArtifactStore(replace(ordinary, bucket="versioned"), backend="lake").put("a", b"1", if_absent=True)
        assert "unversioned" in caught.value.hint
        S3ArtifactStore(ordinary, backend="lake").put("a", b"1", if_absent=True)
