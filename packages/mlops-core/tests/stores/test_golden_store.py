"""What earlier writers have written is read, today's writer writes the same, and what comes after it is refused."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from mlops_core.errors import IntegrityError, ModelNotFoundError, VersionNotFoundError
from mlops_core.manifest import FolderPackage
from mlops_core.stores import sealed_documents
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry

from .golden_store import METRICS, ORIGIN, TAGS, WRITTEN_AT, files, packages, write_store

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT_1: Final = Path(__file__).parent / "golden" / "format-1"
KINDS: Final = ("head.json", "versions/", "tags/", "digests/", "tombstones/", "packages/")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses power, so nothing has to wait for the disk."""

    def no_sync(_: int) -> None:
        return

    monkeypatch.setattr(os, "fsync", no_sync)


@pytest.fixture(params=[1, 2])
def newest(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The format that this library writes: today's, and one after it."""
    monkeypatch.setattr(sealed_documents, "FORMAT_VERSION", request.param)
    return request.param


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the committed store, which may be changed."""
    return Path(shutil.copytree(FORMAT_1, tmp_path / "copy"))


def test_todays_writer_writes_what_the_first_one_wrote(tmp_path: Path) -> None:
    write_store(tmp_path / "new")
    assert files(tmp_path / "new") == files(FORMAT_1)


def test_every_kind_of_document_is_there() -> None:
    keys = list(files(FORMAT_1))
    assert all(any(kind in key for key in keys) for kind in KINDS)
    assert any(b'"fence":true' in data for data in files(FORMAT_1).values())
    assert any(b'"deleted":true' in data for data in files(FORMAT_1).values())


@pytest.mark.usefixtures("newest")
def test_a_store_of_format_1_is_read() -> None:
    registry = StoreModelRegistry(FileArtifactStore(FORMAT_1), backend="home")
    one, two, _ = packages()
    assert [(each.name, each.aliases) for each in registry.models()] == [("churn", {"champion": 2})]
    third, second, first = registry.versions("churn")
    assert (third.version, second.version, first.version) == (3, 2, 1)
    assert registry.resolve("churn", "champion").digest == second.digest == two.manifest.digest
    assert registry.latest("churn").digest == first.digest == one.manifest.digest
    assert (first.created_at, first.operation_id, first.run, first.commit) == (WRITTEN_AT, "op-1", "run-1", "c0ffee")
    assert (first.metrics, first.origin, first.manifest) == (METRICS, ORIGIN, one.manifest)
    assert first.tags == {"note": TAGS["note"], "stage": "tested"}
    assert math.isnan(second.metrics["auc"])
    for deleted_or_fence in [4, 5]:
        with pytest.raises(VersionNotFoundError):
            registry.get("churn", deleted_or_fence)
    with pytest.raises(ModelNotFoundError):
        registry.get("fraud", 1)


def test_a_package_of_format_1_is_verified_with_and_without_this_library() -> None:
    folders = sorted((FORMAT_1 / "packages/churn").iterdir())
    assert [folder.name.partition(".")[0] for folder in folders] == ["op-1", "op-2", "op-3"]
    for folder in folders:
        FolderPackage.read(folder).verify()
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)


@pytest.mark.usefixtures("newest")
def test_a_store_of_format_1_is_written_on(copy: Path) -> None:
    registry = StoreModelRegistry(FileArtifactStore(copy), backend="home")
    one, _, three = packages()
    assert registry.register("churn", one, operation_id="again").version == 3
    assert registry.register("churn", three, operation_id="new").version == 6
    registry.set_alias("churn", "champion", 6)
    registry.set_tags("churn", 1, {"stage": None})
    registry.delete_version("churn", 2)
    assert registry.register("fraud", one, operation_id="new").version == 1
    registry.collect_garbage()
    assert [each.version for each in registry.versions("churn")] == [6, 3, 1]
    assert registry.get("churn", 1).tags == {"note": TAGS["note"]}


@pytest.mark.parametrize("kind", ["head.json", "versions/", "tags/", "digests/"])
def test_a_document_of_format_2_is_refused_with_a_sentence_and_left_alone(copy: Path, kind: str) -> None:
    one, two, three = packages()
    registry = StoreModelRegistry(FileArtifactStore(copy), backend="home")
    calls: dict[str, Callable[[], object]] = {
        "head.json": lambda: registry.resolve("churn", "champion"),
        "versions/": lambda: registry.get("churn", 2),
        "tags/": lambda: registry.get("churn", 1),
        "digests/": lambda: [registry.register("churn", each, operation_id="new") for each in (one, two, three)],
    }
    changed: dict[Path, bytes] = {}
    for path in copy.glob("models/churn/**/*"):
        if path.is_file() and kind in path.as_posix():
            changed[path] = path.read_bytes().replace(b'"format_version":1}', b'"format_version":2}')
            path.write_bytes(changed[path])
    assert changed
    with pytest.raises(IntegrityError, match="newer format") as caught:
        calls[kind]()
    assert caught.value.why == "format 2, while this library reads up to 1"
    assert caught.value.hint == "pip install --upgrade mlops-core"
    registry.collect_garbage()
    assert {path: path.read_bytes() for path in changed} == changed
    assert len(list(copy.glob("packages/churn/*"))) == 3


@pytest.mark.parametrize("version", ["0", "-1", "1.0", "01", "true"])
def test_a_document_of_a_format_that_never_was_is_damaged(copy: Path, version: str) -> None:
    head = copy / "models/churn/head.json"
    head.write_bytes(head.read_bytes().replace(b'"format_version":1}', f'"format_version":{version}}}'.encode()))
    with pytest.raises(IntegrityError):
        StoreModelRegistry(FileArtifactStore(copy), backend="home").resolve("churn", "champion")


def test_a_manifest_of_a_newer_format_is_refused_with_a_sentence(copy: Path) -> None:
    (folder,) = copy.glob("packages/churn/op-1.*")
    manifest = folder / "package.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"format_version":1', b'"format_version":2'))
    with pytest.raises(IntegrityError, match="newer"):
        FolderPackage.read(folder)
