"""The adapter ``s3``: a bucket as artifact store, and the core's registry and tracker on it, with no server."""

from __future__ import annotations

from adapter_s3.artifact_store import S3ArtifactStore
from adapter_s3.backend import S3Backend
from adapter_s3.settings import S3Settings

__all__ = ["S3ArtifactStore", "S3Backend", "S3Settings"]
