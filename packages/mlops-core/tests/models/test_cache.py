from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import filelock
import pytest
from mlops_core.errors import (
    ArtifactNotFoundError,
    BackendUnavailableError,
    ConfigurationError,
    IntegrityError,
    MlopsError,
)
from mlops_core.manifest import FolderPackage, Manifest, PackageFile
from mlops_core.models import PackageCache
from mlops_core.ports.model_registry import PinnedVersion

from . import fetch_from_folder
from .shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

LARGE = 1 << 40


def package(folder: Path, content: bytes = b"weights") -> FolderPackage:
    folder.mkdir(parents=True)
    files = {"extra/notes.txt": b"notes", "model.skops": content}
    (folder / "extra").mkdir()
    for path, data in files.items():
        (folder / path).write_bytes(data)
    manifest = Manifest(
        framework="python",
        model_file="model.skops",
        serializer="skops",
        files=tuple(
            PackageFile(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())
            for path, data in files.items()
        ),
    )
    (folder / "package.json").write_bytes(manifest.to_bytes())
    return FolderPackage(folder, manifest)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def version(shelf: Shelf, tmp_path: Path) -> PinnedVersion:
    return shelf.put(package(tmp_path / "original"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def entries(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name not in {"tmp", "locks"})


def test_a_package_is_fetched_once_and_found_by_digest(shelf: Shelf, version: PinnedVersion, folder: Path) -> None:
    cache = PackageCache(folder, LARGE)
    fetched = cache.fetch(shelf.port, version)
    assert fetched.folder == folder / version.digest
    assert (fetched.folder / "model.skops").read_bytes() == b"weights"
    assert shelf.requests == ["open package.json", "open extra/notes.txt", "open model.skops"]
    shelf.requests.clear()
    other = PinnedVersion(model="elsewhere", version=9, digest=version.digest)
    assert cache.fetch(shelf.port, other) == fetched
    assert shelf.requests == []


@pytest.mark.parametrize("path", ["package.json", "model.skops", "extra/notes.txt"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "lengthen"])
def test_a_damaged_entry_is_fetched_again(
    path: str, damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf, folder = Shelf(), tmp_path / "cache"
    version = shelf.put(package(tmp_path / "original"))
    cache = PackageCache(folder, LARGE)
    file = cache.fetch(shelf.port, version).folder / path
    good = file.read_bytes()
    match damage:
        case "flip":
            file.write_bytes(bytes([good[0] ^ 1]) + good[1:])
        case "truncate":
            file.write_bytes(good[:-1])
        case "lengthen":
            file.write_bytes(good + b" ")
        case _:
            file.unlink()
    assert (cache.fetch(shelf.port, version).folder / path).read_bytes() == good
    assert "damaged" in caplog.text


@pytest.mark.parametrize("path", ["package.json", "model.skops", "extra/notes.txt"])
def test_bytes_of_the_registry_that_are_wrong_are_never_kept(
    shelf: Shelf, version: PinnedVersion, folder: Path, path: str
) -> None:
    good = shelf.files[version.digest][path]
    for wrong in (b"", good[:-1], good + b"x", b"<html>Log in</html>"):
        shelf.files[version.digest][path] = wrong
        with pytest.raises(IntegrityError, match="not the file that was registered"):
            PackageCache(folder, LARGE).fetch(shelf.port, version)
        assert entries(folder) == []
        assert list((folder / "tmp").iterdir()) == []
    del shelf.files[version.digest][path]
    with pytest.raises(ArtifactNotFoundError):
        PackageCache(folder, LARGE).fetch(shelf.port, version)
    assert entries(folder) == []


def test_a_manifest_of_another_package_is_refused(
    shelf: Shelf, version: PinnedVersion, folder: Path, tmp_path: Path
) -> None:
    other = shelf.put(package(tmp_path / "other", b"other"))
    shelf.files[version.digest] = shelf.files[other.digest]
    with pytest.raises(IntegrityError, match="record says") as caught:
        PackageCache(folder, LARGE).fetch(shelf.port, version)
    assert "if_exists='new'" in caught.value.hint  # "return", the default, gives the damaged version back


@pytest.mark.parametrize("digest", ["", "../../etc", "a" * 63, "A" * 64, "a" * 63 + "/"])
def test_a_digest_that_could_be_a_path_is_refused(shelf: Shelf, folder: Path, digest: str) -> None:
    with pytest.raises(IntegrityError, match="no valid digest"):
        PackageCache(folder, LARGE).fetch(shelf.port, PinnedVersion(model="churn", version=1, digest=digest))
    assert shelf.requests == []
    assert not folder.exists()


def test_the_least_recently_used_leave_and_the_one_asked_for_stays(shelf: Shelf, folder: Path, tmp_path: Path) -> None:
    versions = [shelf.put(package(tmp_path / f"p{at}", bytes([at]) * 10_000)) for at in range(3)]
    cache = PackageCache(folder, 25_000)
    for at, each in enumerate(versions[:2]):
        cache.fetch(shelf.port, each)
        os.utime(folder / each.digest, (at, at))
    cache.fetch(shelf.port, versions[0])  # used again: now the second is the oldest
    cache.fetch(shelf.port, versions[2])
    assert entries(folder) == sorted([versions[0].digest, versions[2].digest])
    PackageCache(folder, 1).fetch(shelf.port, versions[1])
    assert entries(folder) == [versions[1].digest]


def test_what_another_process_is_fetching_is_not_swept(shelf: Shelf, version: PinnedVersion, folder: Path) -> None:
    for digest in ("a" * 64, "b" * 64):
        (folder / "tmp" / digest).mkdir(parents=True)
    (folder / "locks").mkdir()
    with filelock.FileLock(folder / "locks" / f"{'a' * 64}.lock"):
        PackageCache(folder, LARGE).fetch(shelf.port, version)
    assert [each.name for each in (folder / "tmp").iterdir()] == ["a" * 64]


def test_waiting_for_another_process_ends(shelf: Shelf, version: PinnedVersion, folder: Path) -> None:
    (folder / "locks").mkdir(parents=True)
    with (
        filelock.FileLock(folder / "locks" / f"{version.digest}.lock"),
        pytest.raises(BackendUnavailableError, match="still fetching") as caught,
    ):
        PackageCache(folder, LARGE, lock_timeout=0.1).fetch(shelf.port, version)
    assert version.digest in caught.value.hint


def test_threads_that_ask_at_once_download_once(shelf: Shelf, version: PinnedVersion, folder: Path) -> None:
    results: list[FolderPackage] = []
    threads = [
        threading.Thread(target=lambda: results.append(PackageCache(folder, LARGE).fetch(shelf.port, version)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert shelf.requests.count("open package.json") == 1


def test_a_cache_that_is_a_link_is_refused(shelf: Shelf, version: PinnedVersion, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="cannot keep churn:1") as caught:
        PackageCache(tmp_path / "link", LARGE).fetch(shelf.port, version)
    assert "symbolic link" in caught.value.why
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_entry_that_is_a_link_is_replaced_and_what_it_leads_to_is_left_alone(
    shelf: Shelf, version: PinnedVersion, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.txt").write_text("mine")
    folder.mkdir()
    (folder / version.digest).symlink_to(tmp_path / "elsewhere")
    fetched = PackageCache(folder, LARGE).fetch(shelf.port, version)
    assert not fetched.folder.is_symlink()
    assert [each.name for each in (tmp_path / "elsewhere").iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_made_says_what_to_set(shelf: Shelf, version: PinnedVersion, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot keep churn:1") as caught:
        PackageCache(tmp_path / "file" / "cache", LARGE).fetch(shelf.port, version)
    assert "MLOPS_CACHE__PATH" in caught.value.hint


@pytest.mark.usefixtures("ordinary_rights")
def test_a_cache_that_can_only_be_read_gives_what_it_has(
    shelf: Shelf, version: PinnedVersion, folder: Path, tmp_path: Path
) -> None:
    cache = PackageCache(folder, LARGE)
    cache.fetch(shelf.port, version)
    other = shelf.put(package(tmp_path / "other", b"other"))
    folder.chmod(0o500)
    try:
        assert cache.fetch(shelf.port, version).manifest.digest == version.digest
        with pytest.raises(MlopsError, match="cannot keep"):
            cache.fetch(shelf.port, other)
    finally:
        folder.chmod(0o700)


def run_fetch(original: Path, folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(fetch_from_folder.__file__), str(original), str(folder), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_full_disk_leaves_no_partial_package(tmp_path: Path, folder: Path) -> None:
    original = package(tmp_path / "original", bytes(100_000))
    output, _ = run_fetch(original.folder, folder, "--file-size-limit", "50000").communicate(timeout=60)
    error = json.loads(output)
    assert error["type"] == "MlopsError"
    assert str(folder) in error["where"]
    assert "free some space" in error["hint"]
    assert entries(folder) == []
    assert list((folder / "tmp").iterdir()) == []


def test_a_killed_download_leaves_no_entry_and_the_next_one_sweeps(shelf: Shelf, tmp_path: Path, folder: Path) -> None:
    original = package(tmp_path / "original", bytes(100_000))
    process = run_fetch(original.folder, folder, "--hang")
    assert process.stdout is not None
    assert process.stdout.readline() == "hanging\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert entries(folder) == []
    assert len(list((folder / "tmp").iterdir())) == 1
    PackageCache(folder, LARGE).fetch(shelf.port, shelf.put(original)).verify()
    assert list((folder / "tmp").iterdir()) == []


def test_readers_and_a_corrupter_never_see_wrong_bytes(shelf: Shelf, tmp_path: Path, folder: Path) -> None:
    version = shelf.put(package(tmp_path / "original", b"0123456789" * 100))
    stop = threading.Event()

    def corrupt() -> None:
        model = folder / version.digest / "model.skops"
        while not stop.is_set():
            try:
                model.write_bytes(b"damaged")
            except OSError:
                continue
            stop.wait(0.002)

    corrupter = threading.Thread(target=corrupt)
    corrupter.start()
    try:
        for _ in range(40):
            assert PackageCache(folder, LARGE).fetch(shelf.port, version).manifest.digest == version.digest
    finally:
        stop.set()
        corrupter.join()
    PackageCache(folder, LARGE).fetch(shelf.port, version).verify()
