"""The registry on a local disk: how many calls a second, and what they cost as models and versions become many.

Throughput waits for the disk as in use. Growth does not (``os.fsync`` is left out), because what is looked for is what
the algorithm adds, and a disk's mood would hide it. The many models are not registered one by one: their documents are
made by the library's own writers, under the keys that the algorithm gives them, and put in their places directly. Their
packages have no files, which none of the calls measured here reads.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_core.errors import ConflictError
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.stores.registry_documents import Attempts, Head
from mlops_core.stores.registry_layout import IncarnationKeys, head_key
from mlops_core.stores.registry_record import Record
from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSES = 8
REGISTRATIONS = 50
ROUNDS = 200
MODELS = (100, 1_000, 10_000)
VERSIONS = (20, 200, 2_000)
VERSIONS_EACH = 20
REPEATS = 15
# Calls that look at one model: the most that 100 times as many models or versions may multiply them by.
MOST_GROWTH = {"models": 2.0, "versions": 4.0}
FLAT_IN_VERSIONS = ("resolve", "register, seen before")
real_fsync = os.fsync


def registry_on(root: Path) -> StoreModelRegistry:
    return StoreModelRegistry(FileArtifactStore(root), backend="home")


def at_once(action: Callable[[int], None]) -> float:
    """Seconds that an action takes in several processes, forked and then started together."""
    reading, writing = os.pipe()
    children: list[int] = []
    for number in range(PROCESSES):
        child = os.fork()
        if not child:
            code = 1
            try:
                os.close(writing)
                os.read(reading, 1)  # until the parent closes its end
                action(number)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    time.sleep(0.2)
    began = time.perf_counter()
    os.close(writing)
    os.close(reading)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    assert not any(statuses)
    return time.perf_counter() - began


def register_at_once(root: Path) -> None:
    def action(number: int) -> None:
        registry = registry_on(root)
        for each in range(REGISTRATIONS):
            name = f"{number}-{each}"
            registry.register("churn", make_package(name), operation_id=name)

    seconds = at_once(action)
    operations = [version.operation_id for version in registry_on(root).versions("churn")]
    assert len(set(operations)) == len(operations) == PROCESSES * REGISTRATIONS
    print(f"  {PROCESSES} processes x {REGISTRATIONS} registrations on one model: {len(operations) / seconds:,.0f}/s")


def one_after_the_other(root: Path) -> None:
    registry = registry_on(root)
    began = time.perf_counter()
    for each in range(REGISTRATIONS):
        registry.register("churn", make_package(f"{each}"), operation_id=f"{each}")
    print(f"  1 process x {REGISTRATIONS} registrations: {REGISTRATIONS / (time.perf_counter() - began):,.0f}/s")


def move_alias_at_once(root: Path) -> None:
    registry = registry_on(root)
    for each in range(ROUNDS + 1):
        registry.register("churn", make_package(f"{each}"), operation_id=f"{each}")
    registry.set_alias("churn", "champion", 1)
    won = root / "won"
    won.mkdir()

    def action(number: int) -> None:
        registry = registry_on(root)
        for step in range(1, ROUNDS + 1):
            while registry.resolve("churn", "champion").version < step:
                time.sleep(0.0002)
            try:
                registry.set_alias("churn", "champion", step + 1, expected=step)
            except ConflictError:
                continue
            (won / f"{step}-{number}").touch()

    seconds = at_once(action)
    winners = Counter(path.name.partition("-")[0] for path in won.iterdir())
    assert winners == Counter(f"{step}" for step in range(1, ROUNDS + 1))
    print(f"  {PROCESSES} processes moving one alias with expected=, {ROUNDS} rounds: {ROUNDS / seconds:,.0f} rounds/s")


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def add_model(root: Path, model: str, versions: range, template: Record) -> None:
    """Documents as the algorithm writes them, of versions that differ in their numbers."""
    keys = IncarnationKeys(model, "1")
    key = head_key(model)
    assert key is not None
    write(root / key, Head(model=model, incarnation="1", nonce="1").to_bytes())
    for number in versions:
        record = replace(template, model=model, version=number, operation_id=f"{number}", folder=f"{number}.1")
        place = keys.record(number)
        assert place is not None
        write(root / place, record.to_bytes())
    tried = frozenset((number, f"{number}") for number in range(1, versions.stop))
    note = Attempts(model=model, digest=template.digest, nonce="1", tried=tried)
    write(root / keys.attempts(template.digest), note.to_bytes())


def template() -> Record:
    manifest = make_package("template").manifest
    return Record(
        model="",
        incarnation="1",
        version=1,
        digest=manifest.digest,
        folder="",
        manifest=manifest,
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
        operation_id="",
        tags={},
        metrics={"auc": 0.81},
        run=None,
        commit=None,
        origin=None,
    )


def best(call: Callable[[int], object]) -> float:
    taken: list[float] = []
    for each in range(REPEATS):
        began = time.perf_counter()
        call(each)
        taken.append(time.perf_counter() - began)
    return min(taken)


def costs(root: Path, model: str, round_name: str) -> dict[str, float]:
    """Seconds of each call about one model."""
    seen = registry_on(root)
    newest = seen.latest(model).version
    seen.register(model, make_package(f"{round_name} first"), operation_id=f"first-{round_name}")
    seen.set_alias(model, "champion", newest)
    assert seen.resolve(model, "champion").version == newest

    def register(registry: StoreModelRegistry, name: str) -> None:
        package = make_package(f"{round_name} {name}")
        assert not registry.register(model, package, operation_id=f"{name}-{round_name}").reused

    taken = {
        "resolve": best(lambda _: registry_on(root).resolve(model, "champion")),
        "register, seen before": best(lambda each: register(seen, f"seen-{each}")),
        "register, just opened": best(lambda each: register(registry_on(root), f"opened-{each}")),
        "newest of versions()": best(lambda _: next(registry_on(root).versions(model))),
    }
    listed = [version.version for version in registry_on(root).versions(model)]
    assert listed == list(range(newest + 1 + 2 * REPEATS, 0, -1))
    taken["versions(), each"] = best(lambda _: list(seen.versions(model))) / len(listed)
    return taken


def show(what: str, sizes: tuple[int, ...], taken: list[dict[str, float]]) -> None:
    print(f"growth with the number of {what}, ms (best of {REPEATS}; without waiting for the disk)")
    print("  " + " " * 24 + "".join(f"{size:>10,}" for size in sizes) + "    growth")
    for name in taken[0]:
        row = [each[name] for each in taken]
        print(f"  {name:24}" + "".join(f"{each * 1000:10.2f}" for each in row) + f"  {row[-1] / row[0]:6.1f} x")


def grow_models(root: Path) -> list[dict[str, float]]:
    taken: list[dict[str, float]] = []
    made = 0
    made_of = template()
    for size in MODELS:
        for number in range(made, size):
            add_model(root, f"model-{number:05}", range(1, VERSIONS_EACH + 1), made_of)
        made = size
        # Another model each time, so that it always has 20 versions to begin with.
        here = costs(root, f"model-{size // 2:05}", f"{size}")
        began = time.perf_counter()
        names = [model.name for model in registry_on(root).models()]
        here["models(), each"] = (time.perf_counter() - began) / size
        assert names == [f"model-{number:05}" for number in range(size)]
        taken.append(here)
    return taken


def grow_versions(root: Path) -> list[dict[str, float]]:
    taken: list[dict[str, float]] = []
    for size in VERSIONS:
        add_model(root, f"churn-{size}", range(1, size + 1), template())
        taken.append(costs(root, f"churn-{size}", f"{size}"))
    return taken


def without_sync(_: int) -> None:
    return


def main() -> int:
    python = sys.version.split()[0]
    print(f"registry on a local disk, Python {python}, {platform.system()}, {os.cpu_count()} cores")
    folder = Path(tempfile.mkdtemp(prefix="bench-registry-"))
    try:
        one_after_the_other(folder / "single")
        register_at_once(folder / "register")
        move_alias_at_once(folder / "alias")
        os.fsync = without_sync
        models = grow_models(folder / "models")
        versions = grow_versions(folder / "versions")
    finally:
        os.fsync = real_fsync
        shutil.rmtree(folder)
    show(f"models, {VERSIONS_EACH} versions each", MODELS, models)
    show("versions of one model", VERSIONS, versions)
    failed = [name for name in models[0] if models[-1][name] > MOST_GROWTH["models"] * models[0][name]]
    failed += [name for name in FLAT_IN_VERSIONS if versions[-1][name] > MOST_GROWTH["versions"] * versions[0][name]]
    for name in failed:
        print(f"FAILED: {name!r} grows")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
