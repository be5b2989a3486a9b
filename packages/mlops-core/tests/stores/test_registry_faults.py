"""The registry when requests fail, answers are lost, callers die, and others act in between: at every request.

Each test first counts the requests that a call makes, then repeats the call with something going wrong at each of
them, so no step of the protocol is left to chance.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

import pytest
from mlops_core.errors import (
    AliasNotFoundError,
    BackendUnavailableError,
    ConflictError,
    ModelNotFoundError,
    VersionNotFoundError,
)
from mlops_core.manifest import FolderPackage, verified_chunks
from mlops_core.stores.conditional_writes import Documents, Retries
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry

from .hooked_store import HookedStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


Make: TypeAlias = Callable[[bytes], FolderPackage]
Hook: TypeAlias = Callable[[int], None]


def _no_sync(_: int) -> None:
    return


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses power, so nothing has to wait for the disk."""
    monkeypatch.setattr(os, "fsync", _no_sync)


class Killed(BaseException):
    """The process died here."""


class Scene:
    """A fresh store, with a registry whose requests are watched and another one that works undisturbed."""

    def __init__(self, root: Path) -> None:
        self.store = FileArtifactStore(root)
        self.watched = HookedStore(self.store)
        retries = Retries(sleep=lambda _: None)
        self.registry = StoreModelRegistry(self.watched, backend="home", retries=retries)
        self.other = StoreModelRegistry(self.store, backend="home", retries=retries)

    def act(self, action: Callable[[], object], *, before: Hook | None = None, after: Hook | None = None) -> None:
        """Run an action whose requests are numbered from 0."""
        self.watched.requests.clear()
        self.watched.before = before or (lambda _: None)
        self.watched.after = after or (lambda _: None)
        try:
            action()
        finally:
            self.watched.before = self.watched.after = lambda _: None

    def versions(self, model: str = "churn") -> list[int]:
        """Live versions; each of them is whole, and every alias points at one of them."""
        try:
            found = list(self.other.versions(model))
        except ModelNotFoundError:
            return []
        for version in found:
            for entry in version.manifest.files:
                with self.other.open(version, entry.path) as stream:
                    assert sum(map(len, verified_chunks(stream, entry, where=""))) == entry.size
        (listed,) = [each for each in self.other.models() if each.name == model]
        numbers = [version.version for version in found]
        assert set(listed.aliases.values()) <= set(numbers)
        return numbers


Run: TypeAlias = Callable[[Scene], object]


def at_each_request(tmp_path: Path, prepare: Run, action: Run) -> Iterator[tuple[Scene, int]]:
    """A fresh prepared scene for each request that the action makes when nothing disturbs it."""
    count = 1
    number = 0
    while number < count:
        scene = Scene(tmp_path / f"scene-{number}")
        prepare(scene)
        if number == 0:
            dry = Scene(tmp_path / "dry")
            prepare(dry)
            dry.act(lambda dry=dry: action(dry))
            count = len(dry.watched.requests)
            assert count >= 2
        yield scene, number
        number += 1


def only_at(number: int, act: Callable[[], None]) -> Hook:
    return lambda each: act() if each == number else None


def unavailable() -> None:
    raise BackendUnavailableError("the connection broke")


def die() -> None:
    raise Killed


def nothing(_: Scene) -> None:
    return


def two_versions(make: Make) -> Run:
    def prepare(scene: Scene) -> None:
        for content in [b"0", b"1"]:
            scene.other.register("churn", make(content), operation_id=content.decode())
        scene.other.set_alias("churn", "champion", 1)

    return prepare


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_lost_answer_anywhere_makes_one_version_and_no_error(
    tmp_path: Path, package: Make, side: str, earlier: bool
) -> None:
    def action(scene: Scene) -> None:
        made = scene.registry.register("churn", package(b"new"), operation_id="op", if_exists="new")
        assert (made.operation_id, made.reused) == ("op", False)

    prepare = two_versions(package) if earlier else nothing
    for scene, number in at_each_request(tmp_path, prepare, action):
        hook = only_at(number, unavailable)
        scene.act(
            lambda scene=scene: action(scene),
            before=hook if side == "before" else None,
            after=hook if side == "after" else None,
        )
        assert scene.versions() == ([3, 2, 1] if earlier else [1])


@pytest.mark.parametrize("arrived", [b"ours", b"theirs"])
def test_a_write_that_arrives_after_its_time_out_is_known_as_our_own(tmp_path: Path, arrived: bytes) -> None:
    store = FileArtifactStore(tmp_path)
    watched = HookedStore(store)
    documents = Documents(watched, retries=Retries(sleep=lambda _: None))
    old = store.put("old", b"old").etag

    def late(key: str) -> Hook:
        def act(number: int) -> None:
            if number == 0:
                unavailable()
            if number == 2:  # 1 was the look at what is there; now the first write arrives, then its repetition
                store.put(key, arrived)

        return act

    writes: dict[str, Callable[[], str | None]] = {
        "new": lambda: documents.create("new", b"ours"),
        "old": lambda: documents.replace("old", b"ours", old),
    }
    for key, write in writes.items():
        watched.requests.clear()
        watched.before = late(key)
        assert write() == (store.stat(key).etag if arrived == b"ours" else None)


@pytest.mark.parametrize("if_exists", ["return", "new"])
def test_a_caller_that_repeats_an_operation_after_an_outage_gets_one_version(
    tmp_path: Path, package: Make, if_exists: str
) -> None:
    def action(scene: Scene) -> None:
        how = "return" if if_exists == "return" else "new"
        scene.registry.register("churn", package(b"new"), operation_id="op", if_exists=how)

    def from_here(number: int) -> Hook:
        return lambda each: unavailable() if each >= number else None

    for scene, number in at_each_request(tmp_path, nothing, action):
        with pytest.raises(BackendUnavailableError):
            scene.act(lambda scene=scene: action(scene), before=from_here(number))
        # The second attempt gets one request further, or finds sooner what the first has done.
        with suppress(BackendUnavailableError):
            scene.act(lambda scene=scene: action(scene), after=from_here(number))
        action(scene)
        assert scene.versions() == [1]
        assert scene.other.get("churn", 1).operation_id == "op"


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_kill_during_a_registration_leaves_no_version_or_a_whole_one(
    tmp_path: Path, package: Make, side: str
) -> None:
    def action(scene: Scene) -> None:
        scene.registry.register("churn", package(b"new"), operation_id="op")

    for scene, number in at_each_request(tmp_path, two_versions(package), action):
        hook = only_at(number, die)
        with suppress(Killed):
            scene.act(
                lambda scene=scene: action(scene),
                before=hook if side == "before" else None,
                after=hook if side == "after" else None,
            )
        assert scene.versions() in ([2, 1], [3, 2, 1])
        made = scene.other.register("churn", package(b"new"), operation_id="another")
        assert made.version == 3
        assert scene.versions() == [3, 2, 1]


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_kill_during_a_deletion_leaves_nothing_that_resolves_and_is_finished_by_the_next(
    tmp_path: Path, package: Make, side: str
) -> None:
    def action(scene: Scene) -> None:
        scene.registry.delete_version("churn", 1)

    for scene, number in at_each_request(tmp_path, two_versions(package), action):
        hook = only_at(number, die)
        with suppress(Killed):
            scene.act(
                lambda scene=scene: action(scene),
                before=hook if side == "before" else None,
                after=hook if side == "after" else None,
            )
        if scene.versions() == [2]:
            with pytest.raises(AliasNotFoundError):
                scene.other.resolve("churn", "champion")
            with pytest.raises(VersionNotFoundError):
                scene.other.set_alias("churn", "again", 1)
        else:
            assert scene.other.resolve("churn", "champion").version == 1
        scene.other.delete_version("churn", 1)
        assert scene.versions() == [2]
        assert list(scene.store.find("packages/churn/0.")) == []


def test_a_lost_answer_during_an_alias_move_or_a_deletion_is_no_error(tmp_path: Path, package: Make) -> None:
    actions: dict[str, Run] = {
        "alias": lambda scene: scene.registry.set_alias("churn", "champion", 2, expected=1),
        "tags": lambda scene: scene.registry.set_tags("churn", 2, {"a": "b"}),
        "version": lambda scene: scene.registry.delete_version("churn", 2),
        "model": lambda scene: scene.registry.delete_model("churn", force=True),
    }
    for name, action in actions.items():
        for scene, number in at_each_request(tmp_path / name, two_versions(package), action):
            scene.act(lambda scene=scene, action=action: action(scene), after=only_at(number, unavailable))
            assert scene.versions() == {"version": [1], "model": []}.get(name, [2, 1])
            if name == "alias":
                assert scene.other.resolve("churn", "champion").version == 2
            if name == "tags":
                assert scene.other.get("churn", 2).tags == {"a": "b"}


def test_equal_bytes_registered_in_between_make_one_version_wherever_that_is(tmp_path: Path, package: Make) -> None:
    answers: list[tuple[int, bool]] = []

    def action(scene: Scene) -> None:
        made = scene.registry.register("churn", package(b"new"), operation_id="op")
        answers.append((made.version, made.reused))

    for scene, number in at_each_request(tmp_path, two_versions(package), action):

        def rival(scene: Scene = scene) -> None:
            made = scene.other.register("churn", package(b"new"), operation_id="rival")
            answers.append((made.version, made.reused))

        answers.clear()
        scene.act(lambda scene=scene: action(scene), before=only_at(number, rival))
        assert sorted(answers) == [(3, False), (3, True)], number
        assert scene.versions() == [3, 2, 1]


def test_other_bytes_registered_in_between_lose_nobody(tmp_path: Path, package: Make) -> None:
    def action(scene: Scene) -> None:
        scene.registry.register("churn", package(b"new"), operation_id="op")

    for scene, number in at_each_request(tmp_path, two_versions(package), action):

        def rivals(scene: Scene = scene) -> None:
            for content in [b"x", b"y"]:
                scene.other.register("churn", package(content), operation_id=content.decode())

        scene.act(lambda scene=scene: action(scene), before=only_at(number, rivals))
        assert scene.versions() == [5, 4, 3, 2, 1]
        assert len({version.digest for version in scene.other.versions("churn")}) == 5


def test_the_same_operation_twice_at_once_makes_one_version(tmp_path: Path, package: Make) -> None:
    made: list[int] = []

    def action(scene: Scene) -> None:
        made.append(scene.registry.register("churn", package(b"n"), operation_id="op", if_exists="new").version)

    for scene, number in at_each_request(tmp_path, two_versions(package), action):

        def twin(scene: Scene = scene) -> None:
            made.append(scene.other.register("churn", package(b"n"), operation_id="op", if_exists="new").version)

        made.clear()
        scene.act(lambda scene=scene: action(scene), before=only_at(number, twin))
        assert made == [3, 3], number
        assert scene.versions() == [3, 2, 1]


@pytest.mark.parametrize("again", [False, True])
def test_a_model_deleted_in_between_is_told_and_nothing_half_is_left(
    tmp_path: Path, package: Make, again: bool
) -> None:
    outcomes: set[str] = set()
    for scene, number in at_each_request(
        tmp_path,
        two_versions(package),
        lambda scene: scene.registry.register("churn", package(b"new"), operation_id="op"),
    ):

        def delete(scene: Scene = scene) -> None:
            scene.other.delete_model("churn", force=True)
            if again:
                scene.other.register("churn", package(b"other"), operation_id="other")

        try:
            scene.act(
                lambda scene=scene: scene.registry.register("churn", package(b"new"), operation_id="op"),
                before=only_at(number, delete),
            )
        except ConflictError:
            assert scene.versions() == ([1] if again else [])
            outcomes.add("told")
        else:
            assert scene.versions() == ([2, 1] if again else [1])
            outcomes.add("after")
        # The caller may repeat the same call.
        scene.other.register("churn", package(b"new"), operation_id="op")
        assert scene.versions() == ([2, 1] if again else [1])
    assert outcomes == {"told", "after"}


def test_without_force_no_version_is_lost_wherever_a_registration_comes_in_between(
    tmp_path: Path, package: Make
) -> None:
    def emptied(scene: Scene) -> None:
        scene.other.register("churn", package(b"0"), operation_id="0")
        scene.other.delete_version("churn", 1)

    for scene, number in at_each_request(tmp_path, emptied, lambda scene: scene.registry.delete_model("churn")):

        def register(scene: Scene = scene) -> None:
            scene.other.register("churn", package(b"new"), operation_id="new")

        deleted_first = False
        try:
            scene.act(lambda scene=scene: scene.registry.delete_model("churn"), before=only_at(number, register))
            deleted_first = True
        except ConflictError:
            pass
        assert len(scene.versions()) == 1
        assert scene.versions() == ([1] if deleted_first else [2])


def test_without_force_a_registration_is_kept_or_told_wherever_a_deletion_comes_in_between(
    tmp_path: Path, package: Make
) -> None:
    def emptied(scene: Scene) -> None:
        scene.other.register("churn", package(b"0"), operation_id="0")
        scene.other.delete_version("churn", 1)

    def action(scene: Scene) -> None:
        scene.registry.register("churn", package(b"new"), operation_id="new")

    for scene, number in at_each_request(tmp_path, emptied, action):

        def delete(scene: Scene = scene) -> None:
            try:
                scene.other.delete_model("churn")
            except ConflictError:
                assert len(scene.versions()) == 1

        try:
            scene.act(lambda scene=scene: action(scene), before=only_at(number, delete))
        except ConflictError:
            assert scene.versions() == []
        else:
            assert len(scene.versions()) == 1


def knowing_its_versions(make: Make) -> Run:
    """The registry has read both versions, so that it need not look at them again to set an alias."""

    def prepare(scene: Scene) -> None:
        two_versions(make)(scene)
        for version in [1, 2]:
            scene.registry.get("churn", version)

    return prepare


def after_a_deletion(make: Make) -> Run:
    """A third version was deleted, so that there are tombstones to be looked for."""

    def prepare(scene: Scene) -> None:
        two_versions(make)(scene)
        scene.other.register("churn", make(b"2"), operation_id="2")
        scene.other.delete_version("churn", 3)

    return prepare


@pytest.mark.parametrize(
    ("prepared", "requests"), [(two_versions, 3), (knowing_its_versions, 2), (after_a_deletion, 4)]
)
def test_an_alias_never_ends_on_a_version_deleted_in_between(
    tmp_path: Path, package: Make, prepared: Callable[[Make], Run], requests: int
) -> None:
    moves = 0
    for scene, number in at_each_request(
        tmp_path, prepared(package), lambda scene: scene.registry.set_alias("churn", "next", 2)
    ):
        moves += 1
        with suppress(VersionNotFoundError):
            scene.act(
                lambda scene=scene: scene.registry.set_alias("churn", "next", 2),
                before=only_at(number, lambda scene=scene: scene.other.delete_version("churn", 2)),
            )
        assert scene.versions() == [1]
        with pytest.raises(VersionNotFoundError):
            scene.registry.set_alias("churn", "next", 2)
    assert moves == requests


@pytest.mark.parametrize("knowing", [False, True])
def test_no_alias_is_set_to_a_version_while_it_is_deleted(tmp_path: Path, package: Make, knowing: bool) -> None:
    for scene, number in at_each_request(
        tmp_path, two_versions(package), lambda scene: scene.registry.delete_version("churn", 2)
    ):
        if knowing:
            scene.other.get("churn", 2)

        def point(scene: Scene = scene) -> None:
            with suppress(VersionNotFoundError):
                scene.other.set_alias("churn", "next", 2)

        scene.act(lambda scene=scene: scene.registry.delete_version("churn", 2), before=only_at(number, point))
        assert scene.versions() == [1]


@pytest.mark.parametrize("whole_model", [False, True])
def test_a_version_deleted_while_it_is_opened_is_not_found_and_never_taken_for_damaged(
    tmp_path: Path, package: Make, whole_model: bool
) -> None:
    for scene, number in at_each_request(
        tmp_path,
        two_versions(package),
        lambda scene: scene.registry.open(scene.other.get("churn", 1), "model.bin").close(),
    ):
        version = scene.other.get("churn", 1)

        def delete(scene: Scene = scene) -> None:
            if whole_model:
                scene.other.delete_model("churn", force=True)
            else:
                scene.other.delete_version("churn", 1)

        with pytest.raises(ModelNotFoundError if whole_model else VersionNotFoundError):
            scene.act(
                lambda scene=scene, version=version: scene.registry.open(version, "model.bin").close(),
                before=only_at(number, delete),
            )


def test_tags_set_in_between_are_not_lost(tmp_path: Path, package: Make) -> None:
    for scene, number in at_each_request(
        tmp_path, two_versions(package), lambda scene: scene.registry.set_tags("churn", 1, {"mine": "1"})
    ):
        scene.act(
            lambda scene=scene: scene.registry.set_tags("churn", 1, {"mine": "1"}),
            before=only_at(number, lambda scene=scene: scene.other.set_tags("churn", 1, {"theirs": "2"})),
        )
        assert scene.other.get("churn", 1).tags == {"mine": "1", "theirs": "2"}


def test_an_expectation_that_another_writer_broke_in_between_is_a_conflict(tmp_path: Path, package: Make) -> None:
    outcomes: list[str] = []
    for scene, number in at_each_request(
        tmp_path, two_versions(package), lambda scene: scene.registry.set_alias("churn", "champion", 2, expected=1)
    ):
        try:
            scene.act(
                lambda scene=scene: scene.registry.set_alias("churn", "champion", 2, expected=1),
                before=only_at(number, lambda scene=scene: scene.other.delete_alias("churn", "champion")),
            )
        except ConflictError:
            outcomes.append("conflict")
            with pytest.raises(AliasNotFoundError):
                scene.other.resolve("churn", "champion")
    assert len(outcomes) == 3


def test_endless_rivals_end_in_unavailable(tmp_path: Path, package: Make) -> None:
    scene = Scene(tmp_path)
    two_versions(package)(scene)
    retries = Retries(sleep=lambda _: None, races=3)
    registry = StoreModelRegistry(scene.watched, backend="home", retries=retries)
    moves = [0]

    def move(_: int) -> None:
        moves[0] += 1
        scene.other.set_alias("churn", "busy", 1 + moves[0] % 2)

    with pytest.raises(BackendUnavailableError, match="3 times"):
        scene.act(lambda: registry.set_alias("churn", "champion", 2), before=move)
