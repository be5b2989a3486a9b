"""A model small enough to predict in one's head, and tables for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl
from mlops_core.ports.model_registry import PinnedVersion
from mlops_core.signature import FeatureColumn, Signature

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = PinnedVersion(model="doubles", version=3, digest="d" * 64)


def _reads_x() -> Signature:
    return Signature(features=(FeatureColumn(name="x", dtype="float64", feature="x"),))


@dataclass(frozen=True)
class Doubles:
    """Predicts twice ``x``: a null for a null, NaN for NaN. Remembers how many rows it saw at a time."""

    version: PinnedVersion = VERSION
    signature: Signature | None = field(default_factory=_reads_x)
    seen: list[int] = field(default_factory=list[int])

    def predictions(self, features: pl.DataFrame, /, *, classes: bool = True) -> pl.DataFrame:
        self.seen.append(features.height)
        return features.select(prediction=pl.nth(0).cast(pl.Float64) * 2)


def table(
    x: Sequence[float | None], *, ids: Sequence[int | None] | None = None, kinds: Sequence[str | None] | None = None
) -> pl.DataFrame:
    """Columns ``id`` (from 0), ``x`` and ``kind`` ("a")."""
    height = len(x)
    return pl.DataFrame(
        {
            "id": list(range(height)) if ids is None else ids,
            "x": x,
            "kind": ["a"] * height if kinds is None else kinds,
        },
        schema={"id": pl.Int64, "x": pl.Float64, "kind": pl.String},
    )
