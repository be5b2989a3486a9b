"""What is refused, before any row is read and before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import polars as pl
import pytest
from mlops_core.errors import MlopsError, ScoringError, SignatureMismatchError
from mlops_core.scoring import ROW, Chain, Predict, Table, check
from mlops_core.scoring.checks import UniqueKey
from polars.io.plugins import register_io_source

from .standins import Doubles, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.signature import Signature


def refused(action: Callable[[], object]) -> MlopsError:
    with pytest.raises(MlopsError) as caught:
        action()
    assert caught.value.what
    assert caught.value.hint, "says what to do next"
    return caught.value


def small() -> Chain:
    return Chain(check("is small", "x < 100"))


@pytest.mark.parametrize("rate", [-0.01, 1.01, float("nan"), float("inf"), True])
def test_a_reject_rate_that_is_no_share(rate: float) -> None:
    error = refused(lambda: small().run(table([1]), max_reject_rate=rate))

    assert repr(rate) in error.what


def test_a_batch_without_rows() -> None:
    assert "batch_rows" in refused(lambda: small().run(table([1]), batch_rows=0)).what


@pytest.mark.parametrize("text", ["tailnum IS NOT", "", "x >", "no_such_function(x)", "x; y"])
def test_text_that_is_no_sql(text: str) -> None:
    error = refused(lambda: check("has a tail number", text))

    assert isinstance(error, ScoringError)
    assert "has a tail number" in error.what
    assert error.why


def test_an_unknown_column_lists_near_ones() -> None:
    error = refused(lambda: Chain(check("is of a kind", "kinf IS NOT NULL")).run(table([1])))

    assert "'kinf'" in error.why
    assert "'kind'" in error.hint
    assert error.where == "check 'is of a kind'"


@pytest.mark.parametrize("expression", ["x + 1", "kind", pl.all().is_null(), "id"])
def test_a_check_that_is_not_one_truth_value(expression: Any) -> None:
    error = refused(lambda: Chain(check("is true", expression)).run(table([1])))

    assert error.what == "a check must be true or false"


def test_a_check_whose_types_do_not_fit() -> None:
    error = refused(lambda: Chain(check("is early", pl.col("x").dt.year() > 2000)).run(table([1])))

    assert error.where == "check 'is early'"


@pytest.mark.parametrize(
    "expression",
    [
        pl.col("x") > pl.col("x").mean(),
        pl.col("x").shift(1).is_null(),
        pl.col("x").cum_sum() > 3,
        pl.col("kind").is_duplicated(),
        pl.col("x").sum().over("kind") > 3,
        "x = MAX(x)",
        pl.col("x").is_unique(),
        pl.col("x").is_in(pl.col("x")),
        pl.col("x").diff().is_not_null(),
    ],
)
@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_a_check_that_looks_at_other_rows(expression: pl.Expr | str, batch_rows: int) -> None:
    chain = Chain(check("stands out", expression))
    error = refused(lambda: chain.run(table([1, 2, 3, 4, 5]), batch_rows=batch_rows))

    assert "looks at more than one row" in error.what


def test_a_value_on_which_a_check_fails_names_the_check_and_the_rows() -> None:
    number = check("has a number", pl.col("kind").str.to_integer() > 0)

    error = refused(lambda: Chain(number).run(table([1, 2], kinds=["1", "one"])))

    assert "'has a number'" in error.what
    assert error.where == "rows 0 to 1"


def test_a_check_without_a_reason() -> None:
    refused(lambda: check("  ", "x > 1"))


def test_two_handlers_of_one_reason() -> None:
    assert "'is small'" in refused(lambda: Chain(check("is small", "x < 1"), check("is small", "x < 2"))).what
    refused(lambda: Chain(check("duplicate key", "x < 1")).run(table([1]), key="id"))


def test_an_empty_chain() -> None:
    refused(Chain)


def test_predict_before_the_end() -> None:
    refused(lambda: Chain(Predict(Doubles()), check("is small", "x < 1")))


def test_a_key_that_the_input_does_not_have() -> None:
    error = refused(lambda: small().run(table([1]), key="ids"))

    assert "'ids'" in error.what
    assert "'id'" in error.hint


@pytest.mark.parametrize("dtype", [pl.Float64, pl.List(pl.Int64), pl.Struct({"a": pl.Int64})])
def test_a_key_that_does_not_compare_exactly(dtype: pl.DataType) -> None:
    rows = pl.DataFrame(schema={"id": dtype, "x": pl.Float64})

    assert "'id' cannot be a key" in refused(lambda: small().run(rows, key="id")).what


@pytest.mark.parametrize("name", ["row", "reason", "prediction", "model"])
def test_a_key_called_like_a_column_of_the_outputs(name: str) -> None:
    rows = table([1]).rename({"id": name})

    assert repr(name) in refused(lambda: small().run(rows, key=name)).what


def test_a_column_called_like_the_row_number() -> None:
    refused(lambda: small().run(table([1]).rename({"id": ROW})))


def test_a_model_whose_columns_are_missing_is_not_asked() -> None:
    model = Doubles()

    error = refused(lambda: Chain(Predict(model)).run(table([1]).drop("x")))

    assert isinstance(error, SignatureMismatchError)
    assert "x" in error.why
    assert model.seen == []


def test_a_model_without_a_signature_needs_columns() -> None:
    no_signature: Signature | None = None
    model = Doubles(signature=no_signature)

    refused(lambda: Chain(Predict(model)).run(table([1])))

    assert Chain(Predict(model, columns=("x",))).run(table([1])).scores["prediction"].to_list() == [2.0]


def test_handlers_look_at_columns_without_reading_a_row() -> None:
    def read(*_: object) -> NoReturn:
        raise AssertionError("a row was read")

    rows = register_io_source(read, schema=table([1]).schema)
    columns = pl.Schema({ROW: pl.Int64(), **rows.collect_schema()})
    bound = Table(schema=columns, rows=rows)

    for handler in (UniqueKey(column="id"), check("is small", "x < 1"), Predict(Doubles())):
        assert handler.bind(bound).schema == columns
    with pytest.raises(SignatureMismatchError):
        Predict(Doubles()).bind(Table(schema=pl.Schema({ROW: pl.Int64()}), rows=rows))


def test_an_input_that_is_not_there(tmp_path: Path) -> None:
    error = refused(lambda: small().run(tmp_path / "flights.parquet"))

    assert "flights.parquet" in error.where


def test_an_input_of_another_format(tmp_path: Path) -> None:
    path = tmp_path / "flights.xlsx"
    path.write_bytes(b"")

    assert ".parquet" in refused(lambda: small().run(path)).hint


def test_an_input_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "flights.parquet"
    path.write_bytes(b"PAR1 is how it begins")

    assert isinstance(refused(lambda: small().run(path)), ScoringError)


def test_an_input_that_is_no_table() -> None:
    nothing: Any = 3

    refused(lambda: small().run(nothing))


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.parquet").mkdir()

    for out in ("scores.csv", "folder.parquet", "no/such/folder/scores.parquet"):
        refused(lambda out=out: small().run(table([1]), out=tmp_path / out))


def test_an_output_that_is_the_input_or_the_other_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "in.parquet"
    table([1]).write_parquet(source)
    before = source.read_bytes()
    monkeypatch.chdir(tmp_path)
    link = tmp_path / "link.parquet"
    link.symlink_to(source)

    for name in ("in.parquet", "./in.parquet", link):
        assert "overwrite the input" in refused(lambda name=name: small().run(source, out=name)).what
        assert "overwrite the input" in refused(lambda name=name: small().run(source, rejects=name)).what
    assert "same file" in refused(lambda: small().run(source, out="a.parquet", rejects=Path("./a.parquet"))).what
    assert "overwrite the input" in refused(lambda: small().run(tmp_path, out=tmp_path / "scores.parquet")).what
    assert source.read_bytes() == before
