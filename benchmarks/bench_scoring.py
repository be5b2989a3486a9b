"""A scoring chain against bare predictions of the same rows, one OpenMP thread each; the scores are compared.

Both read and write Parquet. The chain also checks keys and values, keeps its account, and may be killed at any moment.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
import sklearn
from mlops_core import Chain, ModelFactory, Predict, check
from mlops_core.models import TrustPolicy, load_package, write_package
from mlops_core.signature import FeatureColumn, Signature
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, COLUMNS, ROUNDS = 1_000_000, 20, 3


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(name: str, estimator: str, folder: Path, rows: Path, **parameters: object) -> None:
    names = [f"x{number}" for number in range(COLUMNS)]
    table = pl.read_parquet(rows)
    sample = table.head(20_000)
    label = (sample["x0"] + sample["x1"] * sample["x2"] > 0).alias("y")
    fitted = cast("Any", ModelFactory().create(estimator, **parameters)).fit(sample.select(names), label)
    signature = Signature(features=tuple(FeatureColumn(name=each, dtype="float64", feature=each) for each in names))
    model = load_package(write_package(fitted, folder / name, signature=signature), trust=TrustPolicy())
    chain = Chain(check("x0 is a number", "x0 IS NOT NULL"), check("x1 is in range", "x1 > -100"), Predict(model))
    out, rejects = folder / f"{name}.parquet", folder / f"{name}-rejects.parquet"

    def bare() -> Any:
        read = pl.read_parquet(rows)
        answer = fitted.predict_proba(read.select(names))
        pl.DataFrame({"id": read["id"], "probability": answer[:, 1]}).write_parquet(folder / "bare.parquet")

    def ours() -> None:
        chain.run(rows, key="id", out=out, rejects=rejects)

    with threadpool_limits(limits=1, user_api="openmp"):
        ours()  # the first use of each loads what it needs
        bare()
        bare_seconds = statistics.median(seconds(bare) for _ in range(ROUNDS))
        ours_seconds = statistics.median(seconds(ours) for _ in range(ROUNDS))
    expected = pl.read_parquet(folder / "bare.parquet")
    found = pl.read_parquet(out).select("id", "probability")
    assert found.equals(expected), "the chain's scores differ from the bare predictions"
    ratio = ours_seconds / bare_seconds
    print(f"  {name:22} bare {bare_seconds:6.2f} s   chain {ours_seconds:6.2f} s   {ratio:5.2f} x bare")


def main() -> int:
    print(
        f"{ROWS:,} rows x {COLUMNS} columns, Parquet to Parquet, scikit-learn {sklearn.__version__}, median of {ROUNDS}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chance = np.random.default_rng(0)
        columns = {f"x{number}": chance.normal(size=ROWS) for number in range(COLUMNS)}
        pl.DataFrame({"id": np.arange(ROWS), **columns}).write_parquet(folder / "rows.parquet")
        compare("logistic regression", "logistic_regression", folder, folder / "rows.parquet")
        compare("boosting, 50 trees", "hist_gradient_boosting_classifier", folder, folder / "rows.parquet", max_iter=50)
    return 0


if __name__ == "__main__":
    sys.exit(main())
