"""What every registry promises, on the local backend; the numbers are those of the design's list."""

from __future__ import annotations

import hashlib
import io
import math
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

import pytest
from mlops_core.errors import (
    AliasNotFoundError,
    ArtifactNotFoundError,
    BackendUnavailableError,
    ConfigurationError,
    ConflictError,
    IntegrityError,
    InvalidNameError,
    MlopsError,
    ModelNotFoundError,
    VersionNotFoundError,
)
from mlops_core.manifest import FolderPackage, Manifest, PackageFile
from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.ports.model_registry import ModelRegistryCapability, Origin, PinnedVersion
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry

if TYPE_CHECKING:
    from pathlib import Path

Make: TypeAlias = Callable[[bytes], FolderPackage]
_SETTLED = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def register(registry: StoreModelRegistry, package: FolderPackage, operation: str, model: str = "churn") -> int:
    return registry.register(model, package, operation_id=operation).version


# 1 and 2: numbers and digests


def test_versions_increase_and_are_never_reused(registry: StoreModelRegistry, package: Make) -> None:
    numbers = [register(registry, package(b"%d" % each), f"op{each}") for each in range(3)]
    assert numbers == [1, 2, 3]
    registry.delete_version("churn", 3)
    assert register(registry, package(b"new"), "op-new") == 4
    assert [each.version for each in registry.versions("churn")] == [4, 2, 1]


def test_every_version_has_the_digest_of_its_package(registry: StoreModelRegistry, package: Make) -> None:
    made = registry.register("churn", package(b"1"), operation_id="op")
    assert made.digest == package(b"1").manifest.digest
    assert made.manifest == package(b"1").manifest
    assert registry.latest("churn") == PinnedVersion(model="churn", version=1, digest=made.digest)


def test_a_record_holds_what_was_given(store: FileArtifactStore, package: Make) -> None:
    registry = StoreModelRegistry(store, backend="home", clock=lambda: _SETTLED)
    origin = Origin(backend="prod", model="Fraud Model", version=0, digest="d")
    made = registry.register(
        "churn",
        package(b"1"),
        operation_id="op-1",
        tags={"team": "x"},
        metrics={"auc": 0.25, "worst": math.inf, "gain": 1e300, "count": 3},
        run="r1",
        commit="c0ffee",
        origin=origin,
    )
    assert registry.get("churn", 1) == made
    assert list(registry.versions("churn")) == [made]
    assert (made.created_at, made.operation_id, made.run, made.commit) == (_SETTLED, "op-1", "r1", "c0ffee")
    assert made.origin == origin
    assert made.metrics == {"auc": 0.25, "worst": math.inf, "gain": 1e300, "count": 3.0}
    assert made.aliases == ()


def test_a_metric_that_is_not_a_number_comes_back(registry: StoreModelRegistry, package: Make) -> None:
    registry.register("churn", package(b"1"), operation_id="op", metrics={"auc": math.nan})
    assert math.isnan(registry.get("churn", 1).metrics["auc"])


# 3: dedup


def test_equal_bytes_give_back_the_highest_live_version(registry: StoreModelRegistry, package: Make) -> None:
    same = package(b"1")
    for operation in ["a", "b"]:
        registry.register("churn", same, operation_id=operation, if_exists="new", tags={"from": operation})
    found = registry.register("churn", same, operation_id="c", tags={"from": "c"})
    assert (found.version, found.reused, found.tags, found.operation_id) == (2, True, {"from": "b"}, "b")
    registry.delete_version("churn", 2)
    assert register(registry, same, "d") == 1
    registry.delete_version("churn", 1)
    made = registry.register("churn", same, operation_id="e")
    assert (made.version, made.reused) == (3, False)


def test_a_new_version_of_equal_bytes_is_made_when_asked(registry: StoreModelRegistry, package: Make) -> None:
    first = registry.register("churn", package(b"1"), operation_id="a", if_exists="new")
    second = registry.register("churn", package(b"1"), operation_id="b", if_exists="new")
    assert (first.version, second.version, second.reused) == (1, 2, False)


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


# 5: one call, one version


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


# 6 and 7: whole and verified


@pytest.mark.parametrize("path", ["model.bin", "notes/read me.txt", "package.json"])
@pytest.mark.parametrize("damage", [b"", b"x", b"much longer than what the manifest says, by far" * 9])
def test_a_package_whose_file_differs_from_its_manifest_makes_no_version(
    registry: StoreModelRegistry, package: Make, path: str, damage: bytes
) -> None:
    bad = package(b"1")
    (bad.folder / path).write_bytes(damage)
    with pytest.raises(IntegrityError) as caught:
        register(registry, bad, "a")
    assert path in str(caught.value)
    with pytest.raises(VersionNotFoundError):
        registry.latest("churn")
    (bad.folder / path).unlink()
    with pytest.raises(IntegrityError):
        register(registry, bad, "b")
    assert list(registry.versions("churn")) == []


def test_a_package_needs_no_folder(registry: StoreModelRegistry) -> None:
    data = os.urandom(3 << 20)
    entry = PackageFile(path="model.bin", size=len(data), sha256=hashlib.sha256(data).hexdigest())

    class Streamed:
        manifest = Manifest(framework="test", model_file="model.bin", serializer="bytes", files=(entry,))

        def open(self, path: str, /) -> BinaryIO:
            return io.BytesIO(self.manifest.to_bytes() if path == "package.json" else data)

        def local_path(self, path: str, /) -> Path | None:
            return None

    made = registry.register("churn", Streamed(), operation_id="a")
    with registry.open(made, "model.bin") as stream:
        assert stream.read() == data


def test_the_package_folder_is_verbatim_and_checks_with_sha256sum(
    registry: StoreModelRegistry, root: Path, package: Make
) -> None:
    register(registry, package(b"1"), "op-1")
    (folder,) = (root / "packages" / "churn").glob("op-1.*")
    FolderPackage.read(folder).verify()
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout.count(": OK") == 3


def test_every_file_of_a_version_can_be_opened(registry: StoreModelRegistry, package: Make) -> None:
    made = registry.register("churn", package(b"1"), operation_id="a")
    for pin in [made, registry.latest("churn")]:
        for path in ["package.json", "model.bin", "notes/read me.txt"]:
            with registry.open(pin, path) as stream, package(b"1").open(path) as expected:
                assert stream.read() == expected.read()


@pytest.mark.parametrize("path", ["nothing", "", "..", "../op/model.bin", "SHA256SUMS", "/etc/passwd"])
def test_a_file_that_the_version_does_not_hold_is_not_found(
    registry: StoreModelRegistry, package: Make, path: str
) -> None:
    made = registry.register("churn", package(b"1"), operation_id="op")
    with pytest.raises(ArtifactNotFoundError):
        registry.open(made, path)


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


# 8: deleting


def test_deleting_is_idempotent(registry: StoreModelRegistry, package: Make) -> None:
    register(registry, package(b"1"), "a")
    for version in [1, 1, 2, 0, 10**12]:
        registry.delete_version("churn", version)
    for _ in range(2):
        registry.delete_model("churn")
    registry.delete_model("never-there")
    with pytest.raises(ModelNotFoundError):
        registry.delete_version("churn", 1)


def test_a_deleted_version_never_resolves(
    registry: StoreModelRegistry, store: FileArtifactStore, package: Make
) -> None:
    made = registry.register("churn", package(b"1"), operation_id="a")
    register(registry, package(b"2"), "b")
    for alias in ["champion", "best"]:
        registry.set_alias("churn", alias, 1)
    registry.set_alias("churn", "other", 2)
    other = StoreModelRegistry(store, backend="home")
    with registry.open(other.resolve("churn", "champion"), "model.bin"):
        pass
    other.delete_version("churn", 1)
    calls: list[Callable[[], object]] = [
        lambda: registry.get("churn", 1),
        lambda: registry.open(made, "model.bin"),
        lambda: registry.set_alias("churn", "champion", 1),
        lambda: registry.set_tags("churn", 1, {"a": "b"}),
    ]
    for call in calls:
        with pytest.raises(VersionNotFoundError) as caught:
            call()
        assert caught.value.why == "it was deleted"
    with pytest.raises(AliasNotFoundError):
        registry.resolve("churn", "champion")
    assert [(each.name, each.aliases) for each in registry.models()] == [("churn", {"other": 2})]
    assert [info.key for info in store.find("packages/churn/a.")] == []


def test_deleting_a_model_with_versions_needs_force(
    registry: StoreModelRegistry, store: FileArtifactStore, package: Make
) -> None:
    made = registry.register("churn", package(b"1"), operation_id="a")
    registry.set_alias("churn", "champion", 1)
    with pytest.raises(ConflictError, match="1 live version"):
        registry.delete_model("churn")
    assert registry.resolve("churn", "champion").version == 1
    registry.delete_model("churn", force=True)
    calls: list[Callable[[], object]] = [
        lambda: registry.get("churn", 1),
        lambda: registry.resolve("churn", "champion"),
        lambda: registry.open(made, "model.bin"),
        lambda: list(registry.versions("churn")),
        lambda: registry.delete_alias("churn", "champion"),
    ]
    for call in calls:
        with pytest.raises(ModelNotFoundError):
            call()
    assert list(registry.models()) == []
    assert list(store.find("packages/")) == []


def test_a_model_made_again_shares_nothing_with_the_deleted_one(registry: StoreModelRegistry, package: Make) -> None:
    old = registry.register("churn", package(b"1"), operation_id="a")
    registry.set_tags("churn", 1, {"old": "yes"})
    registry.set_alias("churn", "champion", 1)
    registry.delete_model("churn", force=True)
    new = registry.register("churn", package(b"2"), operation_id="a", tags={"new": "yes"})
    assert (new.version, new.aliases, dict(registry.get("churn", 1).tags)) == (1, (), {"new": "yes"})
    with pytest.raises(VersionNotFoundError, match="another package"):
        registry.open(old, "model.bin")
    with registry.open(new, "model.bin") as stream:
        assert stream.read() == b"2"


# 9 and 10: aliases


def test_an_alias_points_at_one_version_and_moves_in_one_step(registry: StoreModelRegistry, package: Make) -> None:
    for each in range(2):
        register(registry, package(b"%d" % each), f"op{each}")
    registry.set_alias("churn", "champion", 1)
    registry.set_alias("churn", "champion", 1)
    registry.set_alias("churn", "champion", 2)
    assert registry.resolve("churn", "champion") == registry.latest("churn")
    assert [each.aliases for each in registry.versions("churn")] == [("champion",), ()]
    for _ in range(2):
        registry.delete_alias("churn", "champion")
    with pytest.raises(AliasNotFoundError):
        registry.resolve("churn", "champion")


def test_an_alias_is_set_only_if_it_points_where_expected(registry: StoreModelRegistry, package: Make) -> None:
    for each in range(2):
        register(registry, package(b"%d" % each), f"op{each}")
    with pytest.raises(ConflictError, match="not moved"):
        registry.set_alias("churn", "champion", 2, expected=1)
    registry.set_alias("churn", "champion", 1, expected=None)
    with pytest.raises(ConflictError, match="points at 1"):
        registry.set_alias("churn", "champion", 2, expected=None)
    registry.set_alias("churn", "champion", 2, expected=1)
    assert registry.resolve("churn", "champion").version == 2


@pytest.mark.parametrize("alias", ["latest", "v1", "12", "", "Champion", "a b", "../x", "a" * 64])
def test_an_alias_outside_the_grammar_is_refused(registry: StoreModelRegistry, package: Make, alias: str) -> None:
    register(registry, package(b"1"), "a")
    with pytest.raises(InvalidNameError):
        registry.set_alias("churn", alias, 1)
    with pytest.raises(AliasNotFoundError):
        registry.resolve("churn", alias)
    registry.delete_alias("churn", alias)


def test_latest_is_the_highest_live_version(registry: StoreModelRegistry, package: Make) -> None:
    for each in range(3):
        register(registry, package(b"%d" % each), f"op{each}")
    for version, latest in [(2, 3), (3, 1)]:
        registry.delete_version("churn", version)
        assert registry.latest("churn").version == latest
    registry.delete_version("churn", 1)
    with pytest.raises(VersionNotFoundError):
        registry.latest("churn")


# 11: what is missing is told apart


def test_model_version_and_alias_not_found_are_told_apart(registry: StoreModelRegistry, package: Make) -> None:
    register(registry, package(b"1"), "a")
    registry.set_alias("churn", "champion", 1)
    pin = PinnedVersion(model="nope", version=1, digest="d")
    cases: list[tuple[type[MlopsError], Callable[[], object]]] = [
        (ModelNotFoundError, lambda: registry.get("nope", 1)),
        (ModelNotFoundError, lambda: registry.resolve("nope", "champion")),
        (ModelNotFoundError, lambda: registry.latest("nope")),
        (ModelNotFoundError, lambda: next(registry.versions("nope"))),
        (ModelNotFoundError, lambda: registry.set_alias("nope", "champion", 1)),
        (ModelNotFoundError, lambda: registry.delete_alias("nope", "champion")),
        (ModelNotFoundError, lambda: registry.set_tags("nope", 1, {})),
        (ModelNotFoundError, lambda: registry.delete_version("nope", 1)),
        (ModelNotFoundError, lambda: registry.open(pin, "model.bin")),
        (VersionNotFoundError, lambda: registry.get("churn", 2)),
        (VersionNotFoundError, lambda: registry.get("churn", 0)),
        (VersionNotFoundError, lambda: registry.set_alias("churn", "champion", 2)),
        (VersionNotFoundError, lambda: registry.set_tags("churn", 2, {})),
        (AliasNotFoundError, lambda: registry.resolve("churn", "champio")),
    ]
    for kind, call in cases:
        with pytest.raises(kind) as caught:
            call()
        error = caught.value
        assert type(error) is kind
        assert all([error.what, error.where, error.why, error.hint]), error
        assert "home" in error.where
    with pytest.raises(AliasNotFoundError, match="did you mean 'champion'"):
        registry.resolve("churn", "champio")


@pytest.mark.parametrize("number", ["1", b"1", True, False, 1.0, -1, None])
def test_what_is_no_number_of_a_version_is_refused_wherever_one_is_taken(
    registry: StoreModelRegistry, package: Make, number: object
) -> None:
    made = registry.register("churn", package(b"1"), operation_id="a")
    registry.set_alias("churn", "champion", 1)
    wrong = cast("int", number)
    pin = PinnedVersion(model="churn", version=wrong, digest=made.digest)
    cases: list[Callable[[], object]] = [
        lambda: registry.get("churn", wrong),
        lambda: registry.set_alias("churn", "champion", wrong),
        lambda: registry.set_tags("churn", wrong, {}),
        lambda: registry.delete_version("churn", wrong),
        lambda: registry.open(pin, "model.bin"),
    ]
    if number is not None:  # which expects no alias
        cases.append(lambda: registry.set_alias("churn", "champion", 1, expected=wrong))
    for call in cases:
        with pytest.raises(InvalidNameError) as caught:
            call()
        assert repr(number) in caught.value.why
        assert caught.value.hint
    assert registry.resolve("churn", "champion").version == 1


# 12: names


@pytest.mark.parametrize(
    "model", ["..", "a/../b", "/abs", "C:\\x", "a\0b", "a\nb", "Fraud Model", "con", "", "x" * 9999]
)
def test_names_outside_the_grammar_are_refused_for_writing_and_not_found_for_reading(
    registry: StoreModelRegistry, root: Path, package: Make, model: str
) -> None:
    with pytest.raises(InvalidNameError):
        register(registry, package(b"1"), "a", model)
    with pytest.raises(ModelNotFoundError):
        registry.get(model, 1)
    registry.delete_model(model)
    assert not root.exists()


def test_what_cannot_be_stored_is_refused_before_any_request(
    registry: StoreModelRegistry, root: Path, package: Make
) -> None:
    good = package(b"1")
    cases: list[Callable[[], object]] = [
        lambda: registry.register("churn", good, operation_id="a/b"),
        lambda: registry.register("churn", good, operation_id=""),
        lambda: registry.register("churn", good, operation_id="x" * 65),
        lambda: registry.register("churn", good, operation_id="a", tags={"A": "b"}),
        lambda: registry.register("churn", good, operation_id="a", tags={"a": "\ud800"}),
        lambda: registry.register("churn", good, operation_id="a", metrics={"a": 10**400}),
        lambda: registry.register("churn", good, operation_id="a", metrics={"a": True}),
        lambda: registry.register("churn", good, operation_id="a", run="\ud800"),
        lambda: registry.register("churn", good, operation_id="a", tags=cast("dict[str, str]", {"a": None})),
        lambda: registry.register("churn", good, operation_id="a", tags=cast("dict[str, str]", {"a": b"x"})),
        lambda: registry.register("churn", good, operation_id="a", tags=cast("dict[str, str]", {3: "x"})),
        lambda: registry.register("churn", good, operation_id="a", metrics=cast("dict[str, float]", {3: 0.5})),
        lambda: registry.register("churn", good, operation_id="a", run=cast("str", b"x")),
        lambda: registry.register("churn", good, operation_id="a", commit=cast("str", 3)),
        lambda: registry.register("churn", good, operation_id=cast("str", 3)),
        *(
            lambda origin=origin: registry.register("churn", good, operation_id="a", origin=origin)
            for origin in [
                Origin(backend=cast("str", None), model="m", version=1, digest="d"),
                Origin(backend="b", model=cast("str", 3), version=1, digest="d"),
                Origin(backend="b", model="m", version=cast("int", "1"), digest="d"),
                Origin(backend="b", model="m", version=True, digest="d"),
                Origin(backend="b", model="m", version=1, digest=cast("str", b"d")),
            ]
        ),
    ]
    for call in cases:
        with pytest.raises(InvalidNameError) as caught:
            call()
        assert caught.value.why
        assert caught.value.hint
    assert not root.exists()


def test_a_package_whose_manifest_could_not_be_read_back_is_refused_before_any_request(
    registry: StoreModelRegistry, root: Path, package: Make
) -> None:
    good = package(b"1")
    unreadable = [
        replace(good.manifest, framework=cast("str", 3)),
        replace(good.manifest, model_file="../evil"),
        replace(good.manifest, files=good.manifest.files[::-1]),
        replace(good.manifest, dataset_digest=cast("str", 3)),
    ]
    for manifest in unreadable:
        with pytest.raises(IntegrityError, match="manifest"):
            register(registry, FolderPackage(good.folder, manifest), "a")
    assert not root.exists()


def test_a_store_without_conditional_writes_is_refused(root: Path) -> None:
    class Plain(FileArtifactStore):
        @property
        def capabilities(self) -> ArtifactStoreCapability:
            return ArtifactStoreCapability.NONE

    with pytest.raises(ConfigurationError, match="conditional writes"):
        StoreModelRegistry(Plain(root), backend="home")


# 13: listings


def test_models_are_listed_in_order_of_name_with_aliases(registry: StoreModelRegistry, package: Make) -> None:
    for model in ["b", "a-b", "a", "a.b"]:
        register(registry, package(b"1"), "op", model)
    registry.set_alias("a", "champion", 1)
    assert [(each.name, each.aliases) for each in registry.models()] == [
        ("a", {"champion": 1}),
        ("a-b", {}),
        ("a.b", {}),
        ("b", {}),
    ]


def test_versions_are_listed_newest_first_and_stray_files_are_ignored(
    registry: StoreModelRegistry, root: Path, package: Make
) -> None:
    for each in range(12):
        register(registry, package(b"%d" % each), f"op{each}")
    (folder,) = root.glob("models/churn/*/versions")
    (folder / ".DS_Store").write_bytes(b"")
    assert register(registry, package(b"last"), "last") == 13
    assert [each.version for each in registry.versions("churn")] == list(range(13, 0, -1))


# tags


def test_tags_merge_and_none_removes(registry: StoreModelRegistry, package: Make) -> None:
    registry.register("churn", package(b"1"), operation_id="a", tags={"a": "1", "b": "2"})
    registry.set_tags("churn", 1, {"b": None, "c": "3", "never": None})
    registry.set_tags("churn", 1, {"a": "one"})
    registry.set_tags("churn", 1, {})
    assert registry.get("churn", 1).tags == {"a": "one", "c": "3"}
    assert [each.tags for each in registry.versions("churn")] == [{"a": "one", "c": "3"}]
    registry.set_tags("churn", 1, {"a": None, "c": None})
    assert registry.get("churn", 1).tags == {}


@pytest.mark.parametrize("tags", [{"A": "b"}, {"mlops.x": "y"}, {"a": "x" * 4001}, {"a": "\ud800"}])
def test_tags_outside_the_grammar_are_refused(
    registry: StoreModelRegistry, package: Make, tags: dict[str, str | None]
) -> None:
    register(registry, package(b"1"), "a")
    with pytest.raises(InvalidNameError):
        registry.set_tags("churn", 1, tags)
    assert registry.get("churn", 1).tags == {}


def test_every_capability_is_declared(registry: StoreModelRegistry) -> None:
    assert registry.capabilities == ~ModelRegistryCapability.NONE


def test_a_registration_slower_than_half_the_grace_is_given_up(store: FileArtifactStore, package: Make) -> None:
    seconds = iter([0.0, 31.0, 100.0, 129.0])
    registry = StoreModelRegistry(store, backend="home", monotonic=lambda: next(seconds), grace=timedelta(seconds=60))
    with pytest.raises(BackendUnavailableError, match="too long"):
        register(registry, package(b"1"), "a")
    assert list(registry.versions("churn")) == []
    assert register(registry, package(b"1"), "a") == 1
