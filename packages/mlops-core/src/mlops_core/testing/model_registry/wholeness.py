"""Promise ``a_version_is_whole_or_absent``, as far as nobody is killed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Final

import pytest

from mlops_core.errors import IntegrityError, NotFoundError
from mlops_core.manifest import MANIFEST_FILE, FolderPackage
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import MODEL, new_operation, raised_by, read_files, register
from mlops_core.testing.model_registry.odd_packages import WatchedPackage, write_folder
from mlops_core.testing.packages import MemoryPackage, make_package, package_of

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import ModelRegistryBackDoor, RegistryUnderTest

_BEYOND_A_BUFFER: Final = (1 << 20) + 1
"""Bytes: more than any buffer that a stream is usually read through."""


class Wholeness(ModelRegistryPart):
    """A version has all its files, or there is no version."""

    def test_a_version_is_whole_or_absent(self, registry: ModelRegistry, back_door: ModelRegistryBackDoor) -> None:
        """When ``register`` returns, every file is stored byte for byte: empty, large, in folders, oddly named.

        If this fails: wait until the vendor has stored every file; open them as bytes; do not rename them on the way.
        """
        contents = {
            "model.bin": bytes(range(256)) * (_BEYOND_A_BUFFER // 256) + b"!",
            "empty": b"",
            "lines.txt": b"one\r\ntwo\n\x00",
            "a/deep/folder/of it's own.txt": b"x",
            "data/größe & 100% #1.txt": b"y",
        }
        package = package_of(contents)
        made = registry.register(MODEL, package, operation_id=new_operation())
        expected = {**contents, MANIFEST_FILE: package.manifest.to_bytes()}
        assert read_files(registry, made) == expected
        assert {path: back_door.read(MODEL, made.version, path) for path in expected} == expected

    def test_a_version_is_whole_or_absent__from_a_folder(self, registry: ModelRegistry, tmp_path: Path) -> None:
        """A package in a folder is stored as its manifest says; a file beside it is no part of it.

        If this fails: store the files of the manifest, and not whatever the folder holds.
        """
        write_folder(make_package("a"), tmp_path)
        (tmp_path / "data" / "left over.txt").write_bytes(b"not of the package")
        made = registry.register(MODEL, FolderPackage.read(tmp_path), operation_id=new_operation())
        expected = {**make_package("a").files, MANIFEST_FILE: make_package("a").manifest.to_bytes()}
        assert read_files(registry, made) == expected
        assert raised_by(lambda: registry.open(made, "data/left over.txt")) is not None

    def test_a_version_is_whole_or_absent__seen_only_with_its_files(self, subject: RegistryUnderTest) -> None:
        """Nobody sees a version of which a file is still to be read from the package.

        The package itself looks, through another instance and the back door, whenever one of its files is opened. A
        registry that holds a lock of its own while it reads the package would wait for itself here.

        If this fails: store every file first, and make the version visible by the last request. If it hangs: open the
        package's files before, and not while, a lock is held.
        """
        before = register(subject.registry, "before")
        seen: list[tuple[str, list[int], list[int]]] = []

        def look(path: str, stream: BinaryIO) -> BinaryIO:
            listed = [each.version for each in subject.another().versions(MODEL)]
            seen.append((path, listed, list(subject.back_door.numbers(MODEL))))
            return stream

        package = make_package("a")
        watched = WatchedPackage(package=package, on_open=look)
        made = subject.registry.register(MODEL, watched, operation_id=new_operation())
        assert {path for path, _, _ in seen} >= set(package.files)
        assert seen == [(path, [before.version], [before.version]) for path, _, _ in seen]
        assert read_files(subject.another(), made)["model.bin"] == b"a"

    @pytest.mark.parametrize("path", ["model.bin", "data/notes, übrig.txt"])
    @pytest.mark.parametrize("stored", ["one byte differs", "too short", "too long", "empty", "missing"])
    def test_a_version_is_whole_or_absent__when_the_package_is_not_what_its_manifest_says(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor, path: str, stored: str
    ) -> None:
        """A package of which a file differs from the manifest is refused, and leaves no version.

        If this fails: read each file of ``Registration.files`` with ``manifest.open_verified`` before the version
        becomes visible: it compares size and SHA-256, and a file that the package has lost is an ``IntegrityError``.
        """
        bad = spoiled(make_package("a model of some length"), path, stored)
        assert raised_by(lambda: registry.register(MODEL, bad, operation_id=new_operation())) is IntegrityError
        assert list(back_door.numbers(MODEL)) == []
        with pytest.raises(NotFoundError):
            registry.latest(MODEL)
        made = register(registry, "a whole one")
        assert [each.version for each in registry.versions(MODEL)] == [made.version]

    def test_a_version_is_whole_or_absent__when_the_folder_has_changed(
        self, registry: ModelRegistry, tmp_path: Path
    ) -> None:
        """A folder whose file was changed after its manifest was read is refused, as any other package is.

        If this fails: the shortcut by ``Package.local_path`` lacks the check of size and SHA-256.
        """
        write_folder(make_package("a"), tmp_path)
        package = FolderPackage.read(tmp_path)
        (tmp_path / "model.bin").write_bytes(b"b")
        assert raised_by(lambda: registry.register(MODEL, package, operation_id=new_operation())) is IntegrityError
        with pytest.raises(NotFoundError):
            registry.latest(MODEL)

    def test_a_version_is_whole_or_absent__when_the_manifest_is_none(
        self, registry: ModelRegistry, back_door: ModelRegistryBackDoor
    ) -> None:
        """A manifest that nobody could read back, with a path out of the folder for one, is refused.

        If this fails: read ``package.manifest.to_bytes()`` back with ``Manifest.from_bytes`` before any request.
        """
        package = make_package("a")
        escaping = replace(package.manifest.files[0], path="../evil")
        unreadable = [
            replace(package.manifest, files=(escaping,)),
            replace(package.manifest, files=package.manifest.files[::-1]),
            replace(package.manifest, model_file="/etc/passwd"),
        ]
        files = {**package.files, "../evil": package.files[package.manifest.files[0].path]}
        for manifest in unreadable:
            bad = MemoryPackage(manifest=manifest, files=files)
            assert raised_by(lambda bad=bad: registry.register(MODEL, bad, operation_id=new_operation())) is (
                IntegrityError
            )
        assert list(back_door.numbers(MODEL)) == []


def spoiled(package: MemoryPackage, path: str, how: str, /) -> MemoryPackage:
    """The package with other bytes under a path than its manifest says, or none."""
    data = package.files[path]
    instead = {
        "one byte differs": bytes([data[0] ^ 1]) + data[1:],
        "too short": data[:-1],
        "too long": data + b"!",
        "empty": b"",
    }
    files = {each: content for each, content in package.files.items() if each != path}
    if how in instead:
        files[path] = instead[how]
    return MemoryPackage(manifest=package.manifest, files=files)
