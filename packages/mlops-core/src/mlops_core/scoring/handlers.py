"""What a link of a chain is: the interface of checks, features and predictions, and of handlers that users write.

A handler never removes a row. It answers, for each row of a batch, with the reason for which it rejects the row or
with null; the chain does the splitting and the counting. So no handler can lose a row, or count one twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

ROW: Final = "__row__"
"""Column of every batch: the row's number in the input, from 0, Int64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a handler knows of a run before any row is read.

    Attributes:
        schema: Columns of the batches that will reach the handler, ``ROW`` included.
        rows: The whole input, in order, without ``ROW``; its schema may be asked for, but it is not to be collected
            before :attr:`Link.start` is called.
    """

    schema: pl.Schema
    rows: pl.LazyFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A handler's answer about one batch.

    Attributes:
        batch: The batch's rows, all of them and in order, perhaps with more columns.
        reason: For each row the reason of its rejection (String), null where it is accepted; ``None`` accepts all.
        nulls: For each row whether it is rejected because a value is missing (Boolean); ``None`` for no row.
        outputs: Columns of ``batch`` to be written into the scores.
    """

    batch: pl.DataFrame
    reason: pl.Series | None = None
    nulls: pl.Series | None = None
    outputs: tuple[str, ...] = ()

    @classmethod
    def of(cls, batch: pl.DataFrame, accepted: pl.Series, /, *, reason: str, outputs: tuple[str, ...] = ()) -> Verdict:
        """The verdict of a condition.

        Args:
            batch: The batch.
            accepted: Boolean, one value a row: true accepts the row, false and null reject it.
            reason: The reason for which a row is rejected.
            outputs: See :attr:`outputs`.
        """
        import polars as pl

        frame = pl.select(
            reason=pl.when(accepted.fill_null(value=False)).then(None).otherwise(pl.lit(reason)),
            nulls=accepted.is_null(),
        )
        return cls(batch=batch, reason=frame["reason"], nulls=frame["nulls"], outputs=outputs)


def _nothing_to_start() -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A handler that has been bound to one table: it knows the columns, and has accepted them.

    Attributes:
        schema: Columns of the batches that it passes on.
        handle: Judges a batch of accepted rows; the batch may be empty. A row's verdict depends on the row alone.
        start: Called once, before the first batch, to read what is needed of the whole table. Returns a text that
            differs whenever a verdict could differ, ``None`` where that is unknown: a killed run is resumed only
            if all links of the new run return what they returned before.
    """

    schema: pl.Schema
    handle: Callable[[pl.DataFrame], Verdict]
    start: Callable[[], str | None] = _nothing_to_start


class Handler(Protocol):
    """One step of a chain. It keeps no state between runs: what a run needs is in the link.

    A handler of your own is a class with these three members::

        class Allowed:
            name = "Allowed"
            reasons = ("is an allowed carrier",)

            def __init__(self, carriers: frozenset[str]) -> None:
                self.carriers = carriers

            def bind(self, table: Table, /) -> Link:
                return Link(schema=table.schema, handle=self.handle, start=lambda: repr(sorted(self.carriers)))

            def handle(self, batch: pl.DataFrame) -> Verdict:
                return Verdict.of(batch, batch["carrier"].is_in(self.carriers), reason=self.reasons[0])
    """

    @property
    def name(self) -> str:
        """What kind of handler it is, for ledgers and reports."""
        ...

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every reason for which it may reject a row, each in the words of a report; unique in a chain."""
        ...

    def bind(self, table: Table, /) -> Link:
        """Look at the columns, before any row is read.

        Raises:
            ScoringError: The handler cannot work on these columns.
            SignatureMismatchError: The columns are not those that the model was trained with.
        """
        ...
