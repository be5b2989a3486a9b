"""Handlers that users write: what they can do, and what happens when they break a promise."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pytest
from mlops_core.errors import ScoringError
from mlops_core.scoring import ROW, Chain, Handler, Link, Table, Verdict, check

from .standins import table

if TYPE_CHECKING:
    from collections.abc import Callable


class Allowed:
    """The example of the documentation."""

    name = "Allowed"
    reasons = ("is an allowed kind",)

    def __init__(self, kinds: frozenset[str]) -> None:
        self.kinds = kinds

    def bind(self, table: Table, /) -> Link:
        return Link(schema=table.schema, handle=self.handle, start=lambda: repr(sorted(self.kinds)))

    def handle(self, batch: pl.DataFrame) -> Verdict:
        return Verdict.of(batch, batch["kind"].is_in(self.kinds), reason=self.reasons[0])


_conforms: type[Handler] = Allowed


@dataclass(frozen=True)
class Written:
    """A handler of one function."""

    answer: Callable[[pl.DataFrame], Verdict]
    name: str = "Written"
    reasons: tuple[str, ...] = ("odd", "even")

    def bind(self, table: Table, /) -> Link:
        return Link(schema=pl.Schema({**table.schema, "half": pl.Float64()}), handle=self.answer)


def with_half(batch: pl.DataFrame) -> pl.DataFrame:
    return batch.with_columns(half=pl.col("x") / 2)


def test_a_handler_of_ones_own_rejects_with_its_name_and_reason() -> None:
    rows = table([1, 2, 3], kinds=["a", "b", None])

    result = Chain(Allowed(frozenset({"a", "c"}))).run(rows)

    assert result.scores["row"].to_list() == [0]
    assert result.rejects.rows() == [
        (1, "Allowed", "is an allowed kind", False),
        (2, "Allowed", "is an allowed kind", True),
    ]


def test_a_handler_may_have_several_reasons_and_columns_for_those_after_it_and_for_the_scores() -> None:
    def answer(batch: pl.DataFrame) -> Verdict:
        wider = with_half(batch)
        reason = wider.select(pl.when(pl.col("x") > 5).then(pl.lit("odd")).when(pl.col("x") > 3).then(pl.lit("even")))
        return Verdict(batch=wider, reason=reason.to_series(), outputs=("half",))

    result = Chain(Written(answer), check("half is large", "half > 1")).run(table([1, 4, 6, 3]))

    assert result.scores.rows() == [(3, 1.5)]
    assert list(result.reasons.items()) == [("odd", 1), ("even", 1), ("half is large", 1)]


def reversed_rows(batch: pl.DataFrame) -> Verdict:
    return Verdict(batch=batch.reverse())


def fewer_rows(batch: pl.DataFrame) -> Verdict:
    return Verdict(batch=batch.head(1))


def no_row_numbers(batch: pl.DataFrame) -> Verdict:
    return Verdict(batch=batch.drop(ROW))


def too_few_reasons(batch: pl.DataFrame) -> Verdict:
    return Verdict(batch=batch, reason=pl.Series(["odd"]))


def unknown_reason(batch: pl.DataFrame) -> Verdict:
    return Verdict(batch=batch, reason=pl.Series(["mood"] * batch.height))


def unknown_output(batch: pl.DataFrame) -> Verdict:
    return Verdict(batch=batch, outputs=("half",))


@pytest.mark.parametrize(
    "answer", [reversed_rows, fewer_rows, no_row_numbers, too_few_reasons, unknown_reason, unknown_output]
)
def test_a_broken_promise_ends_the_run_and_names_the_handler(answer: Callable[[pl.DataFrame], Verdict]) -> None:
    with pytest.raises(ScoringError) as caught:
        Chain(Written(answer)).run(table([1, 2]))

    assert caught.value.what == "the handler 'Written' broke its promise"
    assert caught.value.why
    assert caught.value.hint


def test_an_error_of_a_handler_passes_through() -> None:
    def fail(_: pl.DataFrame) -> Verdict:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Chain(Written(fail)).run(table([1]))


def test_importing_the_parts_loads_no_frame_library() -> None:
    code = "import sys, mlops_core.scoring; print({'polars', 'pandas', 'pyarrow', 'sklearn'} & set(sys.modules))"

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown == "set()\n"
