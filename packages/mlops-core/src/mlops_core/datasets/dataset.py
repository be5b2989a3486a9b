"""A dataset: the caller's table with its features, and what a model needs of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mlops_core.datasets.content_digest import content_digest
from mlops_core.datasets.frames import OutputLibrary, attach, features_for_estimator, kept, label_for_estimator
from mlops_core.errors import DatasetError, near_matches

if TYPE_CHECKING:
    import polars as pl

    from mlops_core.datasets.plan import Plan
    from mlops_core.signature import Signature


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Rows with their features, moments and labels. Made by :meth:`DatasetBuilder.build`; methods return new ones.

    Attributes:
        plan: What computed the features.
        features: The features' columns, in Polars, row by row those of the table.
        table: The table's own columns in Polars, the label among them.
        native: The caller's table as it was given.
        library: The library that it came in.
        label_is_new: Whether the label was computed, so that it is attached to the frame.
        dropped: How many rows :meth:`drop_null_labels` has dropped.
    """

    plan: Plan
    features: pl.DataFrame
    table: pl.DataFrame
    native: object
    library: OutputLibrary
    label_is_new: bool = False
    dropped: int = 0

    @property
    def signature(self) -> Signature:
        """The columns that go in and come out, and what is predicted."""
        return self.plan.signature

    @property
    def frame(self) -> Any:
        """The caller's table with the features (and a computed label) to its right, in the library that it came in.

        Its own columns, index and order of rows are untouched. A path comes out as a Polars frame. In pandas, features
        that can be null have nullable types: a missing integer stays an integer.
        """
        made = self.features
        if self.label_is_new and self.signature.label is not None:
            made = made.hstack([self.table.get_column(self.signature.label)])
        return attach(self.native, self.library, made)

    @property
    def digest(self) -> str:
        """SHA-256 of the values of the features and the label.

        Equal values give an equal digest in whatever library, chunks and process: see
        :mod:`mlops_core.datasets.content_digest`.
        """
        label = self.signature.label
        return content_digest(self.features if label is None else self.features.hstack([self.table.get_column(label)]))

    def xy(self) -> tuple[Any, Any]:
        """What an estimator is fitted on: the features' columns, and the label.

        Returns:
            X, the columns of the signature and no other, and y. From a pandas table both are pandas, with its index,
            and texts in X are plain objects; else both are Polars. scikit-learn takes either.

        Raises:
            DatasetError: There is no label, or it is null somewhere.
        """
        label = self._label("xy() gives what is predicted")
        missing = _missing(label).sum()
        if missing:
            raise DatasetError(
                f"the label {label.name!r} is null in {missing:,} of {label.len():,} rows",
                where="dataset.xy()",
                why="what is unknown cannot be learned, and leaving rows out is for you to decide",
                hint="dataset.drop_null_labels().xy()",
            )
        return (
            features_for_estimator(self.features, self.library, self.native),
            label_for_estimator(label, self.library, self.native),
        )

    def drop_null_labels(self) -> Dataset:
        """Without the rows whose label is null or NaN; ``dropped`` counts them.

        Raises:
            DatasetError: There is no label.
        """
        label = self._label("the rows without one were to be dropped")
        missing = _missing(label)
        return replace(self._where(~missing), dropped=self.dropped + missing.sum())

    def filter(self, expression: pl.Expr) -> Dataset:
        """The rows for which an expression is true, over the table's columns and the features; null counts as false.

        Raises:
            DatasetError: The expression reads a column that is not there, or is not true or false.
        """
        import polars as pl

        rows = self.table.hstack(self.features.get_columns())
        try:
            mask = rows.select(expression.alias("mask")).get_column("mask")
        except pl.exceptions.PolarsError as exc:
            unknown = [name for name in expression.meta.root_names() if name not in rows.columns]
            hint = near_matches(unknown[0], rows.columns) if unknown else ""
            raise DatasetError("the rows cannot be filtered", where=str(expression), why=str(exc), hint=hint) from exc
        if mask.dtype != pl.Boolean or mask.len() != rows.height:
            why = f"it gives {mask.len()} values of type {mask.dtype}"
            hint = "one true or false for each row is needed"
            raise DatasetError("the rows cannot be filtered", where=str(expression), why=why, hint=hint)
        return self._where(mask.fill_null(value=False))

    def split(self, *, at: str | date | datetime | Iterable[str | date | datetime]) -> tuple[Dataset, ...]:
        """Cut by the moment: rows before the first time, from the first to before the second, and so on.

        Args:
            at: One time, or several that increase. A text or a date means the moment's own kind: of instants, UTC.

        Returns:
            One dataset more than times.

        Raises:
            DatasetError: There is no moment, it is null somewhere, or the times are not increasing or of another kind.
        """
        import polars as pl

        name = self.plan.request.at
        if name is None:
            raise DatasetError(
                "a dataset without a moment cannot be split by time",
                why="no column of the table was named as the moment",
                hint="DatasetBuilder(spine, at='column')",
            )
        moments = self.table.get_column(name)
        if moments.null_count():
            raise DatasetError(
                f"the moment {name!r} is null in {moments.null_count():,} of {moments.len():,} rows",
                where="dataset.split()",
                why="they belong to no part",
                hint=f"dataset.filter(pl.col({name!r}).is_not_null())",
            )
        times = list(at) if isinstance(at, Iterable) and not isinstance(at, str) else [at]
        cuts = [_instant(each, moments.dtype) for each in times]
        if not cuts or any(later <= earlier for earlier, later in pairwise(cuts)):
            why = "at least one time is needed, and each must be later than the one before"
            raise DatasetError(f"a dataset cannot be split at {at}", why=why, hint="at=['2013-10-01', '2013-11-01']")
        instants = moments.dt.epoch("us")
        part = pl.select(sum((pl.lit(instants) >= cut).cast(pl.Int32) for cut in cuts)).to_series()
        return tuple(self._where(part == number) for number in range(len(cuts) + 1))

    def __len__(self) -> int:
        return self.features.height

    def __repr__(self) -> str:
        label = "no label" if self.signature.label is None else f"label {self.signature.label!r}"
        return f"<Dataset of {len(self):,} rows, {self.features.width} features, {label}>"

    def _label(self, purpose: str) -> pl.Series:
        if self.signature.label is None:
            why = f"{purpose}, and none was named"
            raise DatasetError("the dataset has no label", why=why, hint=".with_label('column') before .build()")
        return self.table.get_column(self.signature.label)

    def _where(self, mask: pl.Series) -> Dataset:
        return replace(
            self,
            features=self.features.filter(mask),
            table=self.table.filter(mask),
            native=kept(self.native, self.library, mask),
        )


def _missing(label: pl.Series) -> pl.Series:
    """Where a label is null, or NaN, which is how pandas and NumPy spell it."""
    return label.is_null() | label.is_nan().fill_null(value=False) if label.dtype.is_float() else label.is_null()


def _instant(cut: object, dtype: pl.DataType) -> int:
    """Microseconds of the moment's own clock."""
    zone = getattr(dtype, "time_zone", None)
    try:
        parsed = datetime.fromisoformat(cut) if isinstance(cut, str) else cut
    except ValueError as exc:
        raise DatasetError(
            f"{cut!r} is not a time", where="dataset.split()", why=str(exc), hint="'2013-10-01'"
        ) from exc
    if not isinstance(parsed, date):
        why = f"it is a {type(parsed).__qualname__}"
        raise DatasetError(f"{cut!r} is not a time", where="dataset.split()", why=why, hint="'2013-10-01'")
    if not isinstance(parsed, datetime):
        parsed = datetime.combine(parsed, time(), tzinfo=UTC if zone else None)
    elif zone and parsed.tzinfo is None and isinstance(cut, str):
        parsed = parsed.replace(tzinfo=UTC)
    if (parsed.tzinfo is None) == bool(zone):
        why = "the moments have " + ("a time zone, and this has none" if zone else "no time zone, and this has one")
        raise DatasetError(
            f"cannot split at {cut!r}", where="dataset.split()", why=why, hint="give it as text, or alike"
        )
    epoch = datetime(1970, 1, 1, tzinfo=UTC if parsed.tzinfo else None)
    return (parsed - epoch) // timedelta(microseconds=1)
