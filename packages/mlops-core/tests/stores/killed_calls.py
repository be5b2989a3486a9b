"""Calls of a registry that are killed by SIGKILL at each of their steps, beside another process that goes on.

``python killed_calls.py FOLDER CALL SEEDS`` runs one kind of call; it prints how many steps were reached, and how many kills were made. Children are forked
from this warm process. A child dies before its k-th request to the store, for each k, and at its k-th wait for the
disk, which lies in the middle of a request. Nothing loses power, so nothing has to wait for the disk really.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
import traceback
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from mlops_core.errors import ConflictError, ModelNotFoundError, NotFoundError
from mlops_core.manifest import verified_chunks
from mlops_core.stores.conditional_writes import Retries
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo

Call: TypeAlias = "Callable[[StoreModelRegistry], object]"

MODEL: Final = "churn"
CALLS: Final[dict[str, Call]] = {
    "register": lambda registry: registry.register(MODEL, make_package("killed"), operation_id="op-killed"),
    "set_alias": lambda registry: registry.set_alias(MODEL, "champion", 2),
    "delete_version": lambda registry: registry.delete_version(MODEL, 1),
    "delete_model": lambda registry: registry.delete_model(MODEL, force=True),
    "collect_garbage": lambda registry: registry.collect_garbage(),
}
_TWO_DAYS: Final = 2 * 86_400
_FILES: Final = 4


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingStore(FileArtifactStore):
    """Dies before a request."""

    def __init__(self, root: Path, *, at: int) -> None:
        super().__init__(root)
        self.left = at

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        self._step()
        return super().put(key, data, if_absent=if_absent, if_match=if_match)

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        self._step()
        return super().get(key, start=start, stop=stop)

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        self._step()
        return super().find(prefix)

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        self._step()
        return super().folders(prefix)

    def delete(self, key: str, /) -> None:
        self._step()
        super().delete(key)

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            die()


def registry_on(store: FileArtifactStore) -> StoreModelRegistry:
    return StoreModelRegistry(store, backend="home", retries=Retries(first_race_pause=0.0005))


def prepare(root: Path) -> None:
    """Two versions, an alias, an earlier incarnation, a killed deletion and a killed registration of long ago."""
    store = FileArtifactStore(root)
    registry = registry_on(store)
    registry.register(MODEL, make_package("earlier"), operation_id="op-earlier")
    registry.delete_model(MODEL, force=True)
    for number in (1, 2):
        registry.register(MODEL, make_package(f"{number}"), operation_id=f"op-{number}")
    registry.set_alias(MODEL, "champion", 1)
    store.put("packages/churn/op-lost.1/model.bin", b"half")
    store.put("packages/churn/op-lost.1/package.json", b"half")
    (root / "tmp" / "lost.part").write_bytes(b"half")
    make_old(root)


def make_old(root: Path) -> None:
    then = time.time() - _TWO_DAYS
    for path in root.rglob("*"):
        if path.is_dir() or path.relative_to(root).parts[0] in {"packages", "tmp", "gc"}:
            with suppress(FileNotFoundError):
                os.utime(path, (then, then))


def read_all(registry: StoreModelRegistry) -> list[int]:
    """The live versions, each of which is whole; the alias is on one that is, or was, live."""
    numbers: list[int] = []
    with suppress(ModelNotFoundError):
        for version in registry.versions(MODEL):
            with suppress(NotFoundError):  # deleted while it is read
                for entry in version.manifest.files:
                    with registry.open(version, entry.path) as stream:
                        for _ in verified_chunks(stream, entry, where=""):
                            pass
            numbers.append(version.version)
    with suppress(NotFoundError):
        pin = registry.resolve(MODEL, "champion")
        assert pin.version > 0
    return numbers


def live_on(registry: StoreModelRegistry, seed: int) -> None:
    """What another process does at the same time."""
    dice = random.Random(seed)
    names = count()
    actions: list[Callable[[], object]] = [
        lambda: registry.register(MODEL, make_package(f"other {seed}"), operation_id=f"other-{next(names)}"),
        lambda: registry.register(MODEL, make_package("killed"), operation_id=f"other-{next(names)}"),
        lambda: registry.set_alias(MODEL, "champion", dice.choice([1, 2])),
        lambda: registry.set_tags(MODEL, 1, {"seen": f"{seed}"}),
        lambda: registry.delete_version(MODEL, 2),
        registry.collect_garbage,
        lambda: read_all(registry),
    ]
    for action in dice.sample(actions, 4):
        with suppress(NotFoundError, ConflictError):
            action()
    read_all(registry)


def fork(action: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        action()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def killed(root: Path, call: Call, *, at: int, inside: bool, seed: int) -> bool:
    """Kill a call at one of its steps, and look at what is left.

    Returns:
        Whether it was killed: what the other process does may spare it that step.
    """
    syncs = count()

    def sync(_: int) -> None:
        if inside and next(syncs) == at:
            die()

    def doomed() -> None:
        os.fsync = sync
        store = FileArtifactStore(root) if inside else DyingStore(root, at=at)
        with suppress(NotFoundError, ConflictError):  # the other process was first
            call(registry_on(store))

    other = fork(lambda: live_on(registry_on(FileArtifactStore(root)), seed))
    doomed_child = fork(doomed)
    _, other_status = os.waitpid(other, 0)
    _, status = os.waitpid(doomed_child, 0)
    assert other_status == 0, "the other process failed"
    assert os.WIFSIGNALED(status) or status == 0, "the call failed before it was killed"
    check(root, call)
    return os.WIFSIGNALED(status)


def check(root: Path, call: Call) -> None:
    """Readers see old or new, the next calls work, and in the end nothing is left over."""
    registry = registry_on(FileArtifactStore(root))
    before = read_all(registry)
    for listed in registry.models():
        assert set(listed.aliases.values()) <= set(before)
    with suppress(ConflictError, NotFoundError):
        call(registry)
    made = registry.register(MODEL, make_package("next"), operation_id="op-next")
    registry.set_alias(MODEL, "champion", made.version)
    assert registry.resolve(MODEL, "champion").digest == made.digest
    make_old(root)
    registry.collect_garbage()
    live = list(registry.versions(MODEL))
    assert read_all(registry) == [version.version for version in live]
    assert not [path for path in (root / "tmp").iterdir() if path.is_file()], "unfinished files are left"
    stored = [path for path in (root / "packages").rglob("*") if path.is_file()]
    assert len(stored) == _FILES * len(live), "files are left that no version names"
    make_old(root)  # a folder from which the collection took the last file was changed by that
    FileArtifactStore(root).sweep(older_than=timedelta(days=1))
    empty = [path for path in root.rglob("*") if path.is_dir() and not any(path.iterdir())]
    assert [path for path in empty if path != root / "tmp" / "locks"] == [], "folders without a file are left"
    assert not (root / "gc").exists()
    assert len(list(FileArtifactStore(root).folders(f"models/{MODEL}/"))) == 1, "an earlier incarnation is left"
    assert registry.collect_garbage().leftovers == ()


def steps_of(root: Path, call: Call, *, inside: bool) -> int:
    """How many steps a call has when nobody disturbs it."""
    never = 10**9
    syncs = count()
    store = DyingStore(root, at=never)
    os.fsync = lambda _: next(syncs)
    call(registry_on(store))
    os.fsync = lambda _: None
    return next(syncs) if inside else never - store.left


def main(folder: Path, name: str, seeds: int) -> None:
    os.fsync = lambda _: None
    template = folder / "template"
    prepare(template)
    steps = kills = 0
    for inside in (False, True):
        root = folder / f"undisturbed-{inside}"
        shutil.copytree(template, root)
        for at in range(steps_of(root, CALLS[name], inside=inside)):
            for seed in range(seeds):
                root = folder / f"{inside}-{at}-{seed}"
                shutil.copytree(template, root)
                try:
                    kills += killed(root, CALLS[name], at=at, inside=inside, seed=1000 * seed + at)
                except BaseException:
                    sys.stderr.write(f"{name}: seed {seed}, step {at}, inside a request: {inside}\n")
                    raise
                shutil.rmtree(root)
                steps += 1
    sys.stdout.write(f"{steps} {kills}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
