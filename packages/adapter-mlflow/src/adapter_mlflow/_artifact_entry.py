"""What a listing of files gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactEntry:
    """A file or a folder; its path is relative to the root that was asked about."""

    path: str
    size: int
    is_folder: bool
