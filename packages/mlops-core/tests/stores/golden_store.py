"""A small store with a document of every kind, made by today's writer with fixed ids and times.

``python golden_store.py FOLDER`` writes it. ``golden/format-1`` holds what the first writer made of it, for ever: a
change that makes other bytes of the same input is a new format, with a folder of its own beside it.
"""

from __future__ import annotations

import math
import os
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from mlops_core.ports.model_registry import Origin
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.testing.packages import MemoryPackage, make_package

WRITTEN_AT: Final = datetime(2026, 11, 23, 12, 30, 15, 250_000, tzinfo=UTC)
TAGS: Final = {"team": "x", "note": "größer als 0\n"}
METRICS: Final = {"auc": 0.8125, "count": 3.0, "loss": math.inf, "gain": -math.inf, "tiny": 5e-324, "big": 1e300}
ORIGIN: Final = Origin(backend="prod", model="Fraud Model", version=0, digest="d" * 64)


def packages() -> tuple[MemoryPackage, MemoryPackage, MemoryPackage]:
    return make_package("one"), make_package("two"), make_package("three")


def write_store(root: Path) -> None:
    """Make the store in a folder that does not exist yet."""
    store = FileArtifactStore(root)
    ids = count(1)
    registry = StoreModelRegistry(
        store,
        backend="home",
        clock=lambda: WRITTEN_AT,
        new_id=lambda: f"{next(ids):032x}",
        monotonic=lambda: 0.0,
    )
    one, two, three = packages()
    registry.register(
        "churn", one, operation_id="op-1", tags=TAGS, metrics=METRICS, run="run-1", commit="c0ffee", origin=ORIGIN
    )
    registry.register("churn", two, operation_id="op-2", metrics={"auc": math.nan})
    registry.register("churn", one, operation_id="op-3", if_exists="new")
    registry.register("churn", three, operation_id="op-4")
    registry.set_alias("churn", "champion", 2)
    registry.set_tags("churn", 1, {"team": None, "stage": "tested"})
    registry.delete_version("churn", 4)
    registry.register("fraud", one, operation_id="op-5")
    registry.delete_model("fraud", force=True)
    # A registration that was killed long ago, of which the collection leaves a fence.
    store.put("packages/churn/op-6.killed/model.bin", b"half")
    os.utime(root / "packages/churn/op-6.killed/model.bin", (0, 0))
    registry.collect_garbage()


def files(root: Path) -> dict[str, bytes]:
    """What a store holds, by key."""
    return {info.key: (root / info.key).read_bytes() for info in FileArtifactStore(root).find()}


if __name__ == "__main__":
    write_store(Path(sys.argv[1]))
