"""Promise ``what_is_read_is_verified``: an adapter's streams, read as every command reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from mlops_core.errors import ArtifactNotFoundError, IntegrityError
from mlops_core.manifest import MANIFEST_FILE
from mlops_core.models.cache import PackageCache
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import MODEL, raised_by, read_file, read_files, register
from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import ModelRegistryBackDoor, RegistryUnderTest

_FILES: Final = (MANIFEST_FILE, "model.bin", "data/notes, übrig.txt")
_LARGE: Final = 1 << 30


class VerifiedReading(ModelRegistryPart):
    """The core fetches and verifies, see :class:`mlops_core.models.cache.PackageCache`; an adapter gives the bytes."""

    @pytest.fixture
    def cache(self, tmp_path: Path) -> PackageCache:
        """An empty cache of packages."""
        return PackageCache(tmp_path / "cache", _LARGE)

    def test_what_is_read_is_verified(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor, cache: PackageCache
    ) -> None:
        """What the adapter wrote is what the back door reads, and what a fetch gives: every file, byte for byte.

        If this fails: bytes are altered on the way in or out; open files as bytes, and send no text.
        """
        made = register(registry, b"\x00\xff binary\r\n")
        fetched = cache.fetch(registry, registry.latest(MODEL))
        package = make_package(b"\x00\xff binary\r\n")
        expected = {**package.files, MANIFEST_FILE: package.manifest.to_bytes()}
        assert {path: back_door.read(MODEL, made.version, path) for path in expected} == expected
        assert {path: (fetched.folder / path).read_bytes() for path in expected} == expected

    def test_what_is_read_is_verified__of_what_somebody_else_has_made(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor, cache: PackageCache
    ) -> None:
        """A package that was put there with the vendor's tools is fetched whole.

        If this fails: the adapter reads only what it has written itself, such as a tag of its own.
        """
        number = back_door.make_model("made-by-hand", make_package("by hand"))
        fetched = cache.fetch(registry, registry.get("made-by-hand", number))
        assert fetched.manifest == make_package("by hand").manifest
        assert (fetched.folder / "model.bin").read_bytes() == b"by hand"

    @pytest.mark.parametrize("path", _FILES)
    @pytest.mark.parametrize("harm", ["damage", "remove"])
    def test_what_is_read_is_verified__when_a_file_was_harmed(
        self, subject: RegistryUnderTest, cache: PackageCache, tmp_path: Path, path: str, harm: str
    ) -> None:
        """A file with a changed byte, or none, is an ``IntegrityError``, also if it was whole when it was read before.

        If this fails: stored bytes are remembered, repaired or replaced; or a file that the manifest names and the
        vendor has lost is called something other than ``IntegrityError`` by ``open``.
        """
        made = register(subject.registry)
        cache.fetch(subject.registry, made)
        harmed = subject.back_door.damage if harm == "damage" else subject.back_door.remove
        harmed(MODEL, made.version, path)
        for position, instance in enumerate((subject.registry, subject.another())):
            fresh = PackageCache(tmp_path / f"another {position}", _LARGE)
            assert raised_by(lambda each=instance, fresh=fresh: fresh.fetch(each, made)) is IntegrityError
            assert not (tmp_path / f"another {position}" / made.digest).exists()

    def test_what_is_read_is_verified__and_what_nobody_registered_is_ignored(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor, cache: PackageCache
    ) -> None:
        """A file that the manifest does not name is not fetched and not opened, and harms nothing.

        If this fails: ``open`` takes any path of the vendor's; look it up in the manifest first.
        """
        made = register(registry)
        for path in ("extra.py", "data/extra.bin"):
            back_door.add(MODEL, made.version, path, b"import os")
            assert raised_by(lambda path=path: read_file(registry, made, path)) is ArtifactNotFoundError
        fetched = cache.fetch(registry, registry.get(MODEL, made.version))
        found = {each.relative_to(fetched.folder).as_posix() for each in fetched.folder.rglob("*") if each.is_file()}
        assert found == set(_FILES)
        assert register(registry).version == made.version

    def test_what_is_read_is_verified__version_by_version(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor
    ) -> None:
        """Harm done to one version is not seen in another, of the same bytes too.

        If this fails: versions share stored files, so that one accident takes several; or a stream is that of another.
        """
        harmed, whole = (register(registry, "same", if_exists="new") for _ in range(2))
        other = register(registry, "other")
        back_door.damage(MODEL, harmed.version, "model.bin")
        assert read_file(registry, harmed, "model.bin") != b"same"
        assert read_files(registry, whole)["model.bin"] == b"same"
        assert read_files(registry, other)["model.bin"] == b"other"

    def test_what_is_read_is_verified__in_streams_of_any_use(self, registry: ModelRegistry) -> None:
        """A stream is read in pieces, closed early, and closed twice; two are read in turns.

        If this fails: give a stream of its own for each call of ``open``, and close what lies below with it.
        """
        content = bytes(range(256)) * 1_000
        made = register(registry, content)
        one, two = (registry.open(made, "model.bin") for _ in range(2))
        pieces = [(one.read(100_000), two.read(7)) for _ in range(2)]
        assert b"".join(first for first, _ in pieces) + one.read() == content
        assert b"".join(second for _, second in pieces) == content[:14]
        assert (one.read(), one.read(1)) == (b"", b"")
        for stream in (one, two, one):
            stream.close()
        with registry.open(made, "model.bin") as stream:
            assert stream.read(1) == content[:1]
