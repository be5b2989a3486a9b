"""Streams of the files of a version, with one request for each file after the first.

The files of a deleted version are removed with it. So where they lie may be remembered by the version's digest: only a
file that is missing makes it ask again what became of the version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from mlops_core.errors import ArtifactNotFoundError, IntegrityError, near_matches
from mlops_core.stores.registry_layout import package_prefix
from mlops_core.stores.registry_memory import remember

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import PinnedVersion
    from mlops_core.stores.registry_documents import Head
    from mlops_core.stores.registry_record import Record
    from mlops_core.stores.registry_state import RegistryState


class PackageFiles:
    """Opens files of versions.

    Args:
        state: The registry's documents.
    """

    def __init__(self, state: RegistryState) -> None:
        self._state = state
        self._heads: dict[str, Head] = {}
        self._records: dict[tuple[str, int, str], Record] = {}

    def remember(self, head: Head) -> None:
        """Keep a head that was read just now: opening what it points at needs no second look at it."""
        remember(self._heads, head.model, head)

    def open(self, version: PinnedVersion, path: str) -> BinaryIO:
        """A stream of one file of a version's package, to be closed by the caller; not verified yet.

        Raises:
            ModelNotFoundError: No such model.
            VersionNotFoundError: No such version, it was deleted, or its number is another package now.
            ArtifactNotFoundError: The version holds no such file.
            IntegrityError: The version holds the file, and the store has lost it.
        """
        record = self._remembered(version)
        if record is not None and path in record.manifest.paths:
            stream = self._stream(record, path)
            if stream is not None:
                return stream
        record = self._located(version)
        paths = record.manifest.paths
        if path not in paths:
            raise ArtifactNotFoundError(
                f"the version holds no {path!r}",
                operation="open",
                subject=f"{version.model}:{version.version}",
                backend=self._state.backend,
                why=f"it holds {', '.join(paths)}",
                hint=near_matches(path, paths),
            )
        stream = self._stream(record, path)
        if stream is None:
            self._located(version)  # a version that was deleted meanwhile has lost nothing
            raise IntegrityError(
                f"{path!r} of {version.model}:{version.version} is missing",
                where=self._state.place(package_prefix(record.model, record.folder) + path),
                why="the record names it, the store has no such object",
                hint='restore it from a copy, or register the model again with if_exists="new"',
            )
        return stream

    def _stream(self, record: Record, path: str) -> BinaryIO | None:
        key = package_prefix(record.model, record.folder) + path
        try:
            return self._state.documents.trying(lambda: self._state.documents.store.open(key))
        except ArtifactNotFoundError:
            return None

    def _remembered(self, version: PinnedVersion) -> Record | None:
        pin = (version.model, version.version, version.digest)
        record = self._records.get(pin)
        head = self._heads.get(version.model)
        if record is None and head is not None:
            record = self._state.record(head, version.version)
            if record is None or record.digest != version.digest:
                return None
            remember(self._records, pin, record)
        return record

    def _located(self, version: PinnedVersion) -> Record:
        head = self._state.head(version.model, "open")
        record = self._state.live_record(head, version.version, "open")
        if record.digest != version.digest:
            why = "the model was deleted and made again; this number is another package now"
            raise self._state.no_version(version.model, version.version, "open", why)
        remember(self._records, (version.model, version.version, version.digest), record)
        return record
