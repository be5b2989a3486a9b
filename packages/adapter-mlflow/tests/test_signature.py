"""What MLflow enforces when it is asked through a model of ours: columns, and their types where that refuses nothing good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from mlops_core.dtypes import dtype_name
from mlops_core.models.package import write_package
from mlops_core.signature import FeatureColumn, Signature
from sklearn.ensemble import HistGradientBoostingClassifier

from .registry_places import place_on
from .with_mlflow import run_with_mlflow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket

AIRLINES = pl.Enum(["AA", "B6", "UA", "ZZ"])
AIRPORTS = pl.Enum(["EWR", "JFK", "LGA"])
ROWS = 240
TABLE = pl.DataFrame(
    {
        "airline": [("AA", "B6", "UA", None)[row % 4] for row in range(ROWS)],
        "leaves_from": [("EWR", "JFK", "LGA")[row % 3] for row in range(ROWS)],
        "plane_age": [None if row % 5 == 0 else row % 7 for row in range(ROWS)],
        "delay": [None if row % 11 == 0 else float(row % 13) for row in range(ROWS)],
        "at_night": [None if row % 6 == 0 else row % 2 == 0 for row in range(ROWS)],
    },
    schema={
        "airline": AIRLINES,
        "leaves_from": AIRPORTS,
        "plane_age": pl.Int64,
        "delay": pl.Float64,
        "at_night": pl.Boolean,
    },
)
LATE = [row % 4 == 1 or row % 13 > 8 for row in range(ROWS)]
COLUMNS = tuple(FeatureColumn(name=name, dtype=dtype_name(kind), feature=name) for name, kind in TABLE.schema.items())

ASK = """
table = pandas.read_parquet(given["table"])
model = mlflow.pyfunc.load_model("models:/late-flight/1")

def refusal(asked):
    try:
        model.predict(asked)
    except (mlflow.exceptions.MlflowException, TypeError) as exc:
        return str(exc)
    return None

texts = table.astype({"airline": object, "leaves_from": object})
answer = {
    "categories": [str(each) for each in table.dtypes].count("category"),
    "predicted": model.predict(table).tolist(),
    "of texts": model.predict(texts).tolist(),
    "of more in another order": model.predict(table.assign(more=1)[["more", *table.columns[::-1]]]).tolist(),
    "of a few rows": model.predict(table.head(3)).tolist(),
    "of a row without a truth value": model.predict(table.iloc[6:7]).tolist(),
    "refused": {
        "without a category": refusal(table.drop(columns="airline")),
        "without an integer": refusal(table.drop(columns="plane_age")),
        "a float as text": refusal(table.astype({"delay": str})),
        "a row without its category": refusal(table.iloc[3:4]),
        "a missing integer that is not NaN": refusal(table.astype({"plane_age": "Int64"})),
    },
}
"""


def test_a_model_with_categories_is_asked_for_what_it_was_trained_on_and_for_nothing_less(
    mlflow_on_sqlite: MlflowServer, tmp_path: Path
) -> None:
    classifier: Any = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=20, random_state=0)
    fitted = classifier.fit(TABLE, LATE)
    expected = fitted.predict(TABLE).tolist()
    assert set(expected) == {False, True}
    package = write_package(fitted, tmp_path / "package", signature=Signature(features=COLUMNS))
    table: Any = TABLE.to_pandas()
    table.to_parquet(tmp_path / "table.parquet")
    with place_on(mlflow_on_sqlite) as place:
        place.registry.register("late-flight", package, operation_id="op")
        seen = run_with_mlflow(ASK, place.rest, tmp_path, table=str(tmp_path / "table.parquet"))
    assert seen["categories"] == 2
    assert seen["predicted"] == seen["of texts"] == seen["of more in another order"] == expected
    assert seen["of a few rows"] == expected[:3]
    assert seen["of a row without a truth value"] == expected[6:7]
    refused = seen["refused"]
    assert "missing inputs ['airline']" in refused["without a category"]
    assert "missing inputs ['plane_age']" in refused["without an integer"]
    assert "column delay" in refused["a float as text"]
    assert "isnan" in refused["a row without its category"], "what docs/mlflow.md says of a table of one row"
    assert "NAType" in refused["a missing integer that is not NaN"]
