"""What is special to a registry on an artifact store, beyond the contract that every registry passes.

Its documents and folders as they lie in the store, damage to them, and what the algorithm promises more than the port.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import pytest
from mlops_core.errors import (
    AliasNotFoundError,
    ArtifactNotFoundError,
    BackendUnavailableError,
    ConfigurationError,
    ConflictError,
    IntegrityError,
    VersionNotFoundError,
)
from mlops_core.manifest import FolderPackage
from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.ports.model_registry import ModelRegistryCapability
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry

if TYPE_CHECKING:
    from pathlib import Path

Make: TypeAlias = Callable[[bytes], FolderPackage]
_SETTLED = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def register(registry: StoreModelRegistry, package: FolderPackage, operation: str, model: str = "churn") -> int:
    return registry.register(model, package, operation_id=operation).version


def test_numbers_are_dense_from_one_deleted_ones_counted(registry: StoreModelRegistry, package: Make) -> None:
    assert [register(registry, package(b"%d" % each), f"op{each}") for each in range(3)] == [1, 2, 3]
    registry.delete_version("churn", 3)
    assert register(registry, package(b"new"), "op-new") == 4


def test_a_record_has_the_time_of_the_given_clock(store: FileArtifactStore, package: Make) -> None:
    registry = StoreModelRegistry(store, backend="home", clock=lambda: _SETTLED)
    assert registry.register("churn", package(b"1"), operation_id="op").created_at == _SETTLED
    assert registry.get("churn", 1).created_at == _SETTLED


def test_an_answer_that_was_there_before_leaves_no_files(
    registry: StoreModelRegistry, store: FileArtifactStore, package: Make
) -> None:
    register(registry, package(b"1"), "a")
    before = list(store.find())
    register(registry, package(b"1"), "b")
    assert list(store.find()) == before


def test_a_damaged_digest_note_is_repaired_by_a_scan(registry: StoreModelRegistry, root: Path, package: Make) -> None:
    register(registry, package(b"0"), "z")
    register(registry, package(b"1"), "a")
    (note,) = root.glob(f"models/churn/*/digests/{package(b'1').manifest.digest}")
    note.write_bytes(b"{}")
    assert register(registry, package(b"1"), "b") == 2
    assert register(registry, package(b"1"), "c") == 2


def test_a_digest_note_of_a_newer_format_is_refused_and_left_alone(
    registry: StoreModelRegistry, root: Path, package: Make
) -> None:
    register(registry, package(b"1"), "a")
    (note,) = root.glob("models/churn/*/digests/*")
    newer = note.read_bytes().replace(b'"format_version":1}', b'"format_version":2}')
    note.write_bytes(newer)
    with pytest.raises(IntegrityError, match="newer format"):
        register(registry, package(b"1"), "b")
    assert note.read_bytes() == newer


def test_the_same_operation_again_gives_the_same_version(registry: StoreModelRegistry, package: Make) -> None:
    first = registry.register("churn", package(b"1"), operation_id="a", if_exists="new")
    register(registry, package(b"2"), "b")
    again = registry.register("churn", package(b"1"), operation_id="a", if_exists="new")
    assert again == first
    assert not again.reused
    assert [each.version for each in registry.versions("churn")] == [2, 1]


def test_the_operation_of_a_deleted_version_is_refused(registry: StoreModelRegistry, package: Make) -> None:
    register(registry, package(b"1"), "a")
    registry.delete_version("churn", 1)
    with pytest.raises(ConflictError, match="deleted"):
        register(registry, package(b"1"), "a")


def test_an_operation_id_may_be_used_again_in_a_model_made_again(registry: StoreModelRegistry, package: Make) -> None:
    old = registry.register("churn", package(b"1"), operation_id="a")
    registry.delete_model("churn", force=True)
    new = registry.register("churn", package(b"2"), operation_id="a")
    assert (new.version, new.reused) == (1, False)
    with pytest.raises(VersionNotFoundError, match="no version 1"):
        registry.open(old, "model.bin")


def test_the_package_folder_is_verbatim_and_checks_with_sha256sum(
    registry: StoreModelRegistry, root: Path, package: Make
) -> None:
    register(registry, package(b"1"), "op-1")
    (folder,) = (root / "packages" / "churn").glob("op-1.*")
    FolderPackage.read(folder).verify()
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.count(": OK") == 3


def test_the_checksums_beside_a_package_are_no_file_of_it(registry: StoreModelRegistry, package: Make) -> None:
    made = registry.register("churn", package(b"1"), operation_id="op")
    with pytest.raises(ArtifactNotFoundError):
        registry.open(made, "SHA256SUMS")


def test_deleting_removes_the_files_of_the_version_or_of_all(
    registry: StoreModelRegistry, store: FileArtifactStore, package: Make
) -> None:
    for operation in ["a", "b"]:
        register(registry, package(operation.encode()), operation)
    registry.delete_version("churn", 1)
    assert [info.key for info in store.find("packages/churn/a.")] == []
    assert [info.key for info in store.find("packages/churn/b.")] != []
    registry.delete_model("churn", force=True)
    assert list(store.find("packages/")) == []


def test_a_number_that_no_key_can_hold_is_that_of_no_version(registry: StoreModelRegistry, package: Make) -> None:
    register(registry, package(b"1"), "a")
    for version in [0, 10**10, 10**12]:
        registry.delete_version("churn", version)
        with pytest.raises(VersionNotFoundError):
            registry.get("churn", version)


def test_a_missing_alias_comes_with_those_that_are_near(registry: StoreModelRegistry, package: Make) -> None:
    register(registry, package(b"1"), "a")
    registry.set_alias("churn", "champion", 1)
    with pytest.raises(AliasNotFoundError, match="did you mean 'champion'"):
        registry.resolve("churn", "champio")


def test_a_file_that_the_store_lost_is_an_integrity_error(
    registry: StoreModelRegistry, root: Path, package: Make
) -> None:
    made = registry.register("churn", package(b"1"), operation_id="op")
    (stored,) = root.glob("packages/churn/op.*/model.bin")
    stored.unlink()
    with pytest.raises(IntegrityError, match="missing") as caught:
        registry.open(made, "model.bin")
    assert 'if_exists="new"' in caught.value.hint
    again = registry.register("churn", package(b"1"), operation_id="again", if_exists="new")
    with registry.open(again, "model.bin") as stream:
        assert stream.read() == b"1"
    assert register(registry, package(b"1"), "third") == again.version  # "return" gives the whole one from now on


def test_a_tampered_record_is_an_integrity_error_for_every_reader(
    registry: StoreModelRegistry, store: FileArtifactStore, root: Path, package: Make
) -> None:
    made = registry.register("churn", package(b"1"), operation_id="op", metrics={"auc": 0.5})
    (record,) = root.glob("models/churn/*/versions/*.json")
    record.write_bytes(record.read_bytes().replace(b'"auc":0.5', b'"auc":0.9'))
    calls: list[Callable[[], object]] = [
        lambda: registry.get("churn", 1),
        lambda: registry.latest("churn"),
        lambda: list(registry.versions("churn")),
        lambda: registry.open(made, "model.bin"),
        lambda: StoreModelRegistry(store, backend="home").set_alias("churn", "champion", 1),
    ]
    for call in calls:
        with pytest.raises(IntegrityError, match="damaged"):
            call()
    registry.delete_version("churn", 1)
    assert list(registry.versions("churn")) == []


def test_a_tampered_head_is_an_integrity_error(registry: StoreModelRegistry, root: Path, package: Make) -> None:
    for each in range(2):
        register(registry, package(b"%d" % each), f"op{each}")
    registry.set_alias("churn", "champion", 1)
    head = root / "models/churn/head.json"
    head.write_bytes(head.read_bytes().replace(b'"version":1', b'"version":2'))
    with pytest.raises(IntegrityError, match="damaged"):
        registry.resolve("churn", "champion")


def test_the_head_of_another_model_is_an_integrity_error(
    registry: StoreModelRegistry, root: Path, package: Make
) -> None:
    for model in ["churn", "fraud"]:
        register(registry, package(b"1"), "op", model)
    (root / "models/churn/head.json").write_bytes((root / "models/fraud/head.json").read_bytes())
    with pytest.raises(IntegrityError, match="not in its place"):
        registry.get("churn", 1)


def test_a_store_without_conditional_writes_is_refused(root: Path) -> None:
    class Plain(FileArtifactStore):
        @property
        def capabilities(self) -> ArtifactStoreCapability:
            return ArtifactStoreCapability.NONE

    with pytest.raises(ConfigurationError, match="conditional writes"):
        StoreModelRegistry(Plain(root), backend="home")


def test_versions_are_listed_newest_first_and_stray_files_are_ignored(
    registry: StoreModelRegistry, root: Path, package: Make
) -> None:
    for each in range(12):
        register(registry, package(b"%d" % each), f"op{each}")
    (folder,) = root.glob("models/churn/*/versions")
    (folder / ".DS_Store").write_bytes(b"")
    assert register(registry, package(b"last"), "last") == 13
    assert [each.version for each in registry.versions("churn")] == list(range(13, 0, -1))


def test_every_capability_is_declared(registry: StoreModelRegistry) -> None:
    assert registry.capabilities == ~ModelRegistryCapability.NONE


def test_a_registration_slower_than_half_the_grace_is_given_up(store: FileArtifactStore, package: Make) -> None:
    seconds = iter([0.0, 31.0, 100.0, 129.0])
    registry = StoreModelRegistry(store, backend="home", monotonic=lambda: next(seconds), grace=timedelta(seconds=60))
    with pytest.raises(BackendUnavailableError, match="too long") as caught:
        register(registry, package(b"1"), "a")
    assert "it took 0:00:31, more than half of the grace period of 0:01:00" in caught.value.why
    assert list(registry.versions("churn")) == []
    assert register(registry, package(b"1"), "a") == 1


@pytest.mark.parametrize("grace", [timedelta(0), timedelta(days=-1)])
def test_a_grace_period_in_which_nothing_can_be_registered_is_refused(
    store: FileArtifactStore, grace: timedelta
) -> None:
    with pytest.raises(ValueError, match="grace period must be longer than nothing"):
        StoreModelRegistry(store, backend="home", grace=grace)


def test_a_move_that_was_not_made_says_what_was_expected_and_found(registry: StoreModelRegistry, package: Make) -> None:
    register(registry, package(b"1"), "a")
    with pytest.raises(ConflictError, match="expected to point at 0, and points at nothing"):
        registry.set_alias("churn", "champion", 1, expected=0)
    registry.set_alias("churn", "champion", 1)
    with pytest.raises(ConflictError, match="expected to point at nothing, and points at 1"):
        registry.set_alias("churn", "champion", 1, expected=None)
