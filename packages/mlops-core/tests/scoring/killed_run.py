"""A scoring run in a process of its own, to be killed. Run as a script: ``killed_run.py FOLDER [SYNC]``.

With ``SYNC`` the process kills itself at its n-th wait for the disk (from 0), of which every part and every output
has two: one before its rename and one after.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from mlops_core.ports.model_registry import PinnedVersion
from mlops_core.scoring import Chain, Predict, check
from mlops_core.signature import FeatureColumn, Signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.scoring import ScoringResult

ROWS = 3_000
BATCH_ROWS = 250
PARTS = 12
SYNCS = 2 * (PARTS + 2)


@dataclass(frozen=True)
class Squares:
    version = PinnedVersion(model="squares", version=1, digest="5" * 64)
    signature = Signature(features=(FeatureColumn(name="x", dtype="float64", feature="x"),))

    def predictions(self, features: pl.DataFrame, /, *, classes: bool = True) -> pl.DataFrame:
        return features.select(prediction=pl.col("x") ** 2)


def write_input(folder: Path) -> None:
    x = pl.int_range(ROWS, eager=True).cast(pl.Float64)
    frame = pl.DataFrame({"id": pl.int_range(ROWS, eager=True) // 7 * 6, "x": x})
    frame.with_columns(pl.when(pl.col("x") % 11 > 0).then("x")).write_parquet(folder / "in.parquet")


def score(folder: Path, progress: Callable[[int, int | None], None] | None = None) -> ScoringResult:
    chain = Chain(check("has x", "x IS NOT NULL"), check("is large", pl.col("x") > 40), Predict(Squares()))
    return chain.run(
        folder / "in.parquet",
        key="id",
        out=folder / "scores.parquet",
        rejects=folder / "rejects.parquet",
        batch_rows=BATCH_ROWS,
        progress=progress,
    )


def die_at_sync(number: int) -> None:
    """Replace the wait for the disk by one that ends the process at its n-th call."""
    wait, calls = os.fsync, iter(range(SYNCS + 1))

    def counted(descriptor: int) -> None:
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        wait(descriptor)

    os.fsync = counted


def linger(_: int, __: int | None) -> None:
    time.sleep(0.01)


def main() -> None:
    if len(sys.argv) > 2:
        die_at_sync(int(sys.argv[2]))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    score(Path(sys.argv[1]), progress=linger)


if __name__ == "__main__":
    main()
