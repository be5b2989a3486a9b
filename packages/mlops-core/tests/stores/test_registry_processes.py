"""The registry used by several processes at once, some of which are killed."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import AliasNotFoundError, ModelNotFoundError, NotFoundError
from mlops_core.manifest import Manifest, PackageFile, verified_chunks
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.ports.model_registry import ModelVersion

_WORKER = """
import hashlib, io, os, sys, time
from pathlib import Path
from mlops_core.errors import ConflictError
from mlops_core.manifest import Manifest, PackageFile
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry

os.fsync = lambda _: None  # nothing here loses power

class Made:
    def __init__(self, content):
        self.content = content
        entry = PackageFile(path="m", size=len(content), sha256=hashlib.sha256(content).hexdigest())
        self.manifest = Manifest(framework="test", model_file="m", serializer="bytes", files=(entry,))
    def open(self, path):
        return io.BytesIO(self.manifest.to_bytes() if path == "package.json" else self.content)
    def local_path(self, path):
        return None

registry = StoreModelRegistry(FileArtifactStore(Path(sys.argv[1])), backend="home")
me = sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
"""


def _start(root: Path, name: str, script: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER + script, str(root), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _run(root: Path, script: str, count: int) -> list[str]:
    """The lines that several workers print, which begin at the same moment."""
    workers = [_start(root, str(number), script) for number in range(count)]
    for worker in workers:
        _go(worker)
    lines: list[str] = []
    for worker in workers:
        out, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0
        lines += out.split()
    return lines


@pytest.fixture
def fresh(root: Path) -> StoreModelRegistry:
    return StoreModelRegistry(FileArtifactStore(root), backend="home")


def test_eight_processes_register_fifty_times_each_and_lose_nothing(root: Path, fresh: StoreModelRegistry) -> None:
    script = """
for each in range(50):
    name = f"{me}-{each}"
    made = registry.register("churn", Made(name.encode()), operation_id=name)
    assert not made.reused
    print(f"{made.version}:{made.operation_id}")
"""
    lines = _run(root, script, 8)
    found = [f"{version.version}:{version.operation_id}" for version in fresh.versions("churn")]
    assert len(found) == 400
    assert sorted(lines) == sorted(found)
    assert [line.partition(":")[0] for line in found] == [f"{number}" for number in range(400, 0, -1)]
    assert list((root / "tmp").glob("*.*")) == []


def test_equal_bytes_from_four_processes_make_one_version_each(root: Path, fresh: StoreModelRegistry) -> None:
    script = """
for each in range(10):
    made = registry.register("churn", Made(b"%d" % each), operation_id=f"{me}-{each}")
    print(f"{made.digest}:{made.version}:{made.reused}")
"""
    lines = [line.split(":") for line in _run(root, script, 4)]
    versions = list(fresh.versions("churn"))
    assert len(versions) == len({version.digest for version in versions}) == 10
    assert {(digest, int(number)) for digest, number, _ in lines} == {(each.digest, each.version) for each in versions}
    assert Counter(reused for *_, reused in lines) == {"False": 10, "True": 30}


def test_compare_and_set_of_an_alias_by_eight_processes_has_one_winner_in_each_of_200_rounds(
    root: Path, fresh: StoreModelRegistry
) -> None:
    prepare = """
for each in range(201):
    registry.register("churn", Made(b"%d" % each), operation_id=str(each))
registry.set_alias("churn", "champion", 1)
"""
    _run(root, prepare, 1)
    script = """
for step in range(1, 201):
    while registry.resolve("churn", "champion").version < step:
        time.sleep(0.0005)
    try:
        registry.set_alias("churn", "champion", step + 1, expected=step)
        print(f"won-{step}")
    except ConflictError:
        pass
"""
    won = Counter(_run(root, script, 8))
    assert won == Counter(f"won-{step}" for step in range(1, 201))
    assert fresh.resolve("churn", "champion").version == 201


def test_a_model_deleted_and_made_again_under_readers_is_whole_or_not_there(
    root: Path, fresh: StoreModelRegistry
) -> None:
    script = """
for each in range(40):
    for number in range(2):
        registry.register("churn", Made(b"%d %d" % (each, number)), operation_id=f"{each}-{number}")
    registry.set_alias("churn", "champion", 2)
    registry.delete_model("churn", force=True)
"""
    writer = _start(root, "writer", script)
    _go(writer)
    seen = Counter[str]()
    while writer.poll() is None:
        try:
            pin = fresh.resolve("churn", "champion")
            with fresh.open(pin, "m") as stream:
                content = stream.read().decode()
        except NotFoundError as exc:
            seen[type(exc).__name__] += 1
        else:
            # Never the first version, and never the bytes of another life than the digest's.
            assert content.endswith(" 1")
            assert hashlib.sha256(_manifest(content)).hexdigest() == pin.digest
            seen["whole"] += 1
        assert all(version.version in {1, 2} for version in _listed(fresh))
    writer.communicate()
    assert writer.returncode == 0
    assert sum(seen.values()) > 20


def _manifest(content: str) -> bytes:
    data = content.encode()
    entry = PackageFile(path="m", size=len(data), sha256=hashlib.sha256(data).hexdigest())
    return Manifest(framework="test", model_file="m", serializer="bytes", files=(entry,)).to_bytes()


def _listed(registry: StoreModelRegistry) -> list[ModelVersion]:
    try:
        return list(registry.versions("churn"))
    except ModelNotFoundError:
        return []


def test_readers_during_alias_moves_see_one_of_the_written_values(root: Path, fresh: StoreModelRegistry) -> None:
    prepare = """
for each in range(2):
    registry.register("churn", Made(b"%d" % each), operation_id=str(each))
registry.set_alias("churn", "champion", 1)
"""
    _run(root, prepare, 1)
    digests = {version.version: version.digest for version in fresh.versions("churn")}
    script = """
for each in range(60):
    registry.set_alias("churn", "champion", 1 + each % 2)
"""
    writers = [_start(root, str(number), script) for number in range(2)]
    for writer in writers:
        _go(writer)
    seen = Counter[int]()
    while any(writer.poll() is None for writer in writers):
        pin = fresh.resolve("churn", "champion")
        assert pin.digest == digests[pin.version]
        seen[pin.version] += 1
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert sum(seen.values()) > 10


def test_tags_from_four_processes_are_all_kept(root: Path, fresh: StoreModelRegistry) -> None:
    _run(root, 'registry.register("churn", Made(b"1"), operation_id="a")', 1)
    script = """
for each in range(10):
    registry.set_tags("churn", 1, {f"t{me}-{each}": me})
"""
    _run(root, script, 4)
    assert len(fresh.get("churn", 1).tags) == 40


def test_killed_registrations_leave_whole_versions_and_the_next_call_works(
    root: Path, fresh: StoreModelRegistry
) -> None:
    script = """
for each in range(10_000):
    name = f"{me}-{each}"
    registry.register("churn", Made(name.encode() * 1000), operation_id=name, if_exists="new")
    registry.set_alias("churn", "champion", registry.latest("churn").version)
    print(name, flush=True)
"""
    acknowledged: set[str] = set()
    for seed in range(15):
        worker = _start(root, f"{seed}", script)
        _go(worker)
        time.sleep(random.Random(seed).uniform(0.0, 0.12))
        worker.kill()
        out, _ = worker.communicate()
        # A line that was cut by the kill names no operation.
        acknowledged.update(line for line in out.splitlines(keepends=True) if line.endswith("\n"))
        _check(fresh)
    after = _run(root, 'print(registry.register("churn", Made(b"after"), operation_id="after").version)', 1)
    versions = list(fresh.versions("churn"))
    assert int(after[0]) == versions[0].version
    numbers = [version.version for version in versions]
    assert numbers == list(range(len(numbers), 0, -1))
    operations = Counter(version.operation_id for version in versions)
    assert max(operations.values()) == 1
    assert {line.strip() for line in acknowledged} <= set(operations)


def _check(registry: StoreModelRegistry) -> None:
    try:
        newest = next(registry.versions("churn"), None)
    except ModelNotFoundError:
        return
    if newest is None:
        return
    for entry in newest.manifest.files:
        with registry.open(newest, entry.path) as stream:
            for _ in verified_chunks(stream, entry, where=""):
                pass
    try:
        pin = registry.resolve("churn", "champion")
    except AliasNotFoundError:
        return
    assert registry.get("churn", pin.version).digest == pin.digest
