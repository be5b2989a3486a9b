"""Predicts with the model of a chain that another process has pickled, and writes the probabilities."""

from __future__ import annotations

import json
import pickle
import sys
from typing import TYPE_CHECKING, Any, cast

import polars as pl

if TYPE_CHECKING:
    from mlops_core.scoring import Predict

if __name__ == "__main__":
    chain: Any = pickle.load(sys.stdin.buffer)
    model = cast("Predict", chain.handlers[-1]).model
    sys.stdout.write(json.dumps(model.predictions(pl.read_parquet(sys.argv[1]))["probability"].to_list()))
