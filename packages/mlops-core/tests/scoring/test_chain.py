"""What a run promises: every row in one place, in order, with its reason; and nothing else."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from mlops_core.errors import ScoringError, TooManyRejectsError
from mlops_core.scoring import Chain, Predict, ScoringResult, check

from .standins import Doubles, table

if TYPE_CHECKING:
    from pathlib import Path

NAN = float("nan")


def chain(model: Doubles | None = None) -> Chain:
    return Chain(check("is of kind a", "kind = 'a'"), check("is small", pl.col("x") < 100), Predict(model or Doubles()))


def test_scores_and_rejects_keep_the_order_of_the_input() -> None:
    rows = table([1, 200, 3, None, 5], ids=[50, 40, 30, 20, 10], kinds=["a", "a", "b", "a", "a"])

    result = chain().run(rows, key="id")

    assert result.scores.rows() == [(50, 2.0, "doubles:3"), (10, 10.0, "doubles:3")]
    assert result.scores.columns == ["id", "prediction", "model"]
    assert result.rejects.rows() == [
        (40, 1, "check", "is small", False),
        (30, 2, "check", "is of kind a", False),
        (20, 3, "check", "is small", True),
    ]
    assert result.rejects.columns == ["id", "row", "handler", "reason", "is_null"]


def test_reasons_come_in_the_order_of_the_chain_and_include_those_without_rows() -> None:
    result = chain().run(table([1, None, 500], kinds=["a", "a", "a"]), key="id")

    assert list(result.reasons.items()) == [
        ("no key", 0),
        ("duplicate key", 0),
        ("is of kind a", 0),
        ("is small", 2),
        ("prediction is not a number", 0),
    ]
    assert result.nulls["is small"] == 1
    assert (result.rows, result.scored, result.rejected) == (3, 1, 2)


def test_a_row_is_rejected_by_the_first_handler_that_refuses_it() -> None:
    result = chain().run(table([500], kinds=["b"]))

    assert result.reasons == {"is of kind a": 1, "is small": 0, "prediction is not a number": 0}


def test_of_a_doubled_key_the_first_row_is_judged_and_the_others_are_rejected() -> None:
    # The first row of key 7 is rejected by a check: the second one does not take its place.
    rows = table([500, 1, 2, 3, 4], ids=[7, 7, 8, None, None])

    result = chain().run(rows, key="id", batch_rows=1)

    assert result.scores["id"].to_list() == [8]
    assert result.rejects.select("row", "handler", "reason").rows() == [
        (0, "check", "is small"),
        (1, "key", "duplicate key"),
        (3, "key", "no key"),
        (4, "key", "no key"),
    ]


def test_without_a_key_rows_are_named_by_their_number() -> None:
    result = chain().run(table([1, 500, 3]))

    assert result.scores["row"].to_list() == [0, 2]
    assert result.rejects.columns == ["row", "handler", "reason", "is_null"]
    assert result.rejects["row"].to_list() == [1]


def test_a_prediction_that_is_nan_or_null_is_a_rejection() -> None:
    result = Chain(Predict(Doubles())).run(table([1, NAN, None]))

    assert result.scores["prediction"].to_list() == [2.0]
    assert result.rejects.select("reason", "is_null").rows() == [
        ("prediction is not a number", False),
        ("prediction is not a number", True),
    ]


def test_the_model_sees_only_what_the_handlers_before_it_accepted() -> None:
    model = Doubles()

    chain(model).run(table([1, 500, 3, 4]), batch_rows=2)

    assert model.seen == [1, 2]


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 7, 100])
def test_the_size_of_batches_changes_nothing(batch_rows: int) -> None:
    rows = table([float(each) for each in range(90, 110)], ids=[each // 2 for each in range(20)])

    result = chain().run(rows, key="id", batch_rows=batch_rows)

    whole = chain().run(rows, key="id")
    assert result.scores.equals(whole.scores)
    assert result.rejects.equals(whole.rejects)
    assert result.ledger == whole.ledger


def test_no_rows_in_give_empty_outputs_with_the_usual_columns(tmp_path: Path) -> None:
    result = chain().run(
        table([]), key="id", out=tmp_path / "s.parquet", rejects=tmp_path / "r.parquet", max_reject_rate=0.0
    )

    assert (result.rows, result.scored, result.rejected) == (0, 0, 0)
    assert pl.read_parquet(tmp_path / "s.parquet").schema == {
        "id": pl.Int64,
        "prediction": pl.Float64,
        "model": pl.String,
    }
    assert pl.read_parquet(tmp_path / "r.parquet").height == 0


def test_all_rows_rejected_give_scores_without_rows_but_with_the_usual_columns() -> None:
    result = chain().run(table([500, 600]), key="id", batch_rows=1)

    assert result.scores.columns == ["id", "prediction", "model"]
    assert result.scores.height == 0
    assert result.rejects.height == 2


def test_a_chain_without_a_model_sorts_rows() -> None:
    result = Chain(check("is small", "x < 2")).run(table([1, 2]), key="id")

    assert result.model is None
    assert result.scores.rows() == [(0,)]


def test_files_hold_what_memory_would_and_say_which_model_made_them(tmp_path: Path) -> None:
    rows = table([1, 500, 3], ids=[4, 5, 6])
    out, rejects = tmp_path / "scores.parquet", tmp_path / "rejects.parquet"

    result = chain().run(rows, key="id", out=str(out), rejects=rejects)

    held = chain().run(rows, key="id")
    assert pl.read_parquet(out).equals(held.scores)
    assert pl.read_parquet(rejects).equals(held.rejects)
    assert result.scores.equals(held.scores)
    assert result.rejects.equals(held.rejects)
    assert (result.out, result.rejects_out) == (out, rejects)
    footer = pl.read_parquet_metadata(out)
    assert footer["mlops.model"] == "doubles:3"
    assert footer["mlops.model_digest"] == "d" * 64
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rejects.parquet", "scores.parquet"]


def test_either_output_may_stay_in_memory(tmp_path: Path) -> None:
    only_out = chain().run(table([1, 500]), out=tmp_path / "s.parquet")
    only_rejects = chain().run(table([1, 500]), rejects=tmp_path / "r.parquet")

    assert only_out.rejects.equals(only_rejects.rejects)
    assert only_out.scores.equals(only_rejects.scores)
    assert only_out.rejects_out is None
    assert only_rejects.out is None


def test_more_rejects_than_allowed_fail_the_run_and_leave_no_scores(tmp_path: Path) -> None:
    out, rejects = tmp_path / "scores.parquet", tmp_path / "rejects.parquet"
    rows = table([1, 500, 600, 4], kinds=["a", "a", "a", "b"])

    with pytest.raises(TooManyRejectsError) as caught:
        chain().run(rows, key="id", out=out, rejects=rejects, max_reject_rate=0.7)

    error = caught.value
    assert "3 of 4 rows" in error.what
    assert error.why == "is small: 2; is of kind a: 1"
    assert str(rejects) in error.hint
    assert pl.read_parquet(rejects)["id"].to_list() == [1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["rejects.parquet"]
    result = error.result
    assert isinstance(result, ScoringResult)
    assert not result.passed
    assert result.out is None
    assert result.document().rejected == 3
    with pytest.raises(ScoringError, match="there are no scores"):
        _ = result.scores


def test_a_failed_run_leaves_older_scores_alone(tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    out.write_bytes(b"yesterday's")

    with pytest.raises(TooManyRejectsError):
        chain().run(table([500]), out=out, max_reject_rate=0.5)

    assert out.read_bytes() == b"yesterday's"


@pytest.mark.parametrize(("rejected", "rate"), [(29, 0.29), (7, 0.07), (0, 0.0), (100, 1.0)])
def test_exactly_as_many_rejects_as_allowed_are_allowed(rejected: int, rate: float) -> None:
    rows = table([500.0] * rejected + [1.0] * (100 - rejected))

    assert chain().run(rows, max_reject_rate=rate).rejected == rejected


def test_the_error_survives_a_process_boundary() -> None:
    with pytest.raises(TooManyRejectsError) as caught:
        chain().run(table([500]), max_reject_rate=0.0)

    copy = pickle.loads(pickle.dumps(caught.value))

    assert isinstance(copy, TooManyRejectsError)
    assert str(copy) == str(caught.value)
    assert isinstance(copy.result, ScoringResult)
    assert copy.result.rejects.height == 1


def test_progress_counts_up_to_all_rows() -> None:
    calls: list[tuple[int, int | None]] = []

    chain().run(table([1] * 5), batch_rows=2, progress=lambda done, of: calls.append((done, of)))

    assert calls == [(2, 5), (4, 5), (5, 5)]


def test_the_clock_is_the_callers() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    times = iter([noon, noon + timedelta(minutes=2)])

    result = chain().run(table([1]), clock=lambda: next(times))

    assert result.finished - result.started == timedelta(minutes=2)


def test_a_chain_can_be_run_again_and_sent_elsewhere() -> None:
    first = Chain(check("is small", pl.col("x") < 100))
    copy = pickle.loads(pickle.dumps(first))

    assert first.run(table([1, 500])).rejected == 1
    assert first.run(table([500, 500])).rejected == 2
    assert copy.run(table([1, 500])).rejected == 1


def test_the_report_draws_each_reason_and_escapes_it() -> None:
    reason = "<script>alert(1)</script>"
    result = Chain(check(reason, "x < 100"), Predict(Doubles())).run(table([1, 500, None], ids=[1, 2, 3]), key="id")

    page = result.to_html()

    assert reason not in page
    assert "&lt;script&gt;" in page
    notebook: Any = result
    assert notebook._repr_html_().startswith("<iframe")
    document = result.document(reference="doubles@champion", noun="flights")
    assert (document.reference, document.model, document.version) == ("doubles@champion", "doubles", 3)
    assert [(step.handler, step.rejected, step.nulls, step.examples) for step in document.steps] == [
        ("key", 0, 0, ()),
        ("key", 0, 0, ()),
        ("check", 2, 1, ("2", "3")),
        ("Predict", 0, 0, ()),
    ]


def test_bins_count_every_finite_score_once() -> None:
    result = Chain(Predict(Doubles())).run(table([0, 1, 2, 2, float("inf")]))

    bins = result.ledger.bins
    assert sum(each.rows for each in bins) == 4
    assert (bins[0].lower, bins[0].rows) == (0.0, 1)
    assert (bins[-1].upper, bins[-1].rows) == (4.0, 2)
    assert all(left.upper == right.lower for left, right in pairwise(bins))


def test_one_score_value_is_one_bin() -> None:
    bins = Chain(Predict(Doubles())).run(table([3, 3])).ledger.bins

    assert [(each.lower, each.upper, each.rows) for each in bins] == [(6.0, 6.0, 2)]


def test_scores_of_an_earlier_run_that_a_refused_one_leaves_are_named(tmp_path: Path) -> None:
    chain = Chain(check("is small", "x < 3"))
    out = tmp_path / "scores.parquet"
    chain.run(table([1, 2]), out=out)
    with pytest.raises(TooManyRejectsError) as caught:
        chain.run(table([1, 5]), out=out, max_reject_rate=0.1)
    assert f"{out} still holds those of an earlier run" in caught.value.hint
    with pytest.raises(TooManyRejectsError) as caught:
        chain.run(table([1, 5]), out=tmp_path / "new.parquet", max_reject_rate=0.1)
    assert "earlier" not in caught.value.hint


def test_a_result_prints_in_one_line() -> None:
    result = Chain(check("is small", "x < 3"), check("is there", "x IS NOT NULL")).run(table([1, 5]))
    assert str(result) == "2 rows: 1 scored, 1 rejected (1 'is small')"
