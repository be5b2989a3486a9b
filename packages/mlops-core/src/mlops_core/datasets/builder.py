"""The builder: says what a dataset shall hold, plans it, and builds it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING

from mlops_core.datasets.checks import check_column
from mlops_core.datasets.dataset import Dataset
from mlops_core.datasets.expressions import columns_read
from mlops_core.datasets.frames import Spine, collected, normalised, read_spine
from mlops_core.datasets.plan import Plan, make_plan
from mlops_core.datasets.planner import PlanRequest
from mlops_core.datasets.resolution import resolve
from mlops_core.dtypes import dtype_name
from mlops_core.errors import DatasetError, near_matches
from mlops_core.features.factory import DEFAULT_FACTORY

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from mlops_core.features.factory import FeatureFactory
    from mlops_core.features.feature import Feature
    from mlops_core.features.group import FeatureGroup


@dataclass(frozen=True, slots=True, eq=False)
class DatasetBuilder:
    """Builds a dataset: the caller's rows, and for each row the features as of the row's own moment.

    A builder is never changed: each method returns another one.

    Attributes:
        spine: The rows: a pandas frame, a Polars frame or query, an Arrow table, or a path.
        at: The column of the moment; needed where a source has an event time.
        factory: What makes features from names; ``None`` for the factory of the process.
        strict: Refuse rows of a source that tie and differ, instead of taking the last.
        features: What :meth:`with_features` has added.
        label: The label's column, which :meth:`with_label` names.
        label_expression: What computes the label, where the spine has no such column.
        features_may_read: Columns that the label's expression reads and features may read all the same.
        recorded: Whether :meth:`known_at` was asked for.
    """

    spine: object
    _: KW_ONLY
    at: str | None = None
    factory: FeatureFactory | None = None
    strict: bool = False
    features: tuple[str | Feature | FeatureGroup, ...] = ()
    label: str | None = None
    label_expression: pl.Expr | None = None
    features_may_read: tuple[str, ...] = ()
    recorded: bool = False

    def with_features(self, *features: str | Feature | FeatureGroup) -> DatasetBuilder:
        """With these features after those before.

        Args:
            *features: Features and groups, or their names and texts, such as ``"delay(over='30d')"``.
        """
        return replace(self, features=(*self.features, *features))

    def with_label(
        self, label: str | pl.Expr, *, name: str | None = None, features_may_read: str | Iterable[str] = ()
    ) -> DatasetBuilder:
        """With what is to be predicted. No feature may read it, nor any column that it is made of.

        The moment and the keys of a source may be among those columns: joins use them, expressions of features do not.

        Args:
            label: A column of the spine, or an expression over its columns, which makes a new column.
            name: The new column's name; else the expression's own, which ``.alias("late")`` gives it.
            features_may_read: Columns that the expression reads and that are known when the model predicts, such as a
                limit that a delay is compared with.
        """
        known = (features_may_read,) if isinstance(features_may_read, str) else tuple(features_may_read)
        expression = None if isinstance(label, str) else label
        column = label if isinstance(label, str) else name or label.meta.output_name()
        return replace(self, label=column, label_expression=expression, features_may_read=known)

    def known_at(self) -> DatasetBuilder:
        """Only with what had been recorded by each moment.

        Rows of a source with a later created time, or with none, are not visible. In a source that has no created
        times a row counts as recorded when it happened.
        """
        return replace(self, recorded=True)

    def plan(self) -> Plan:
        """What will be joined and computed. Everything that cannot work is an error here, before any row is computed.

        Raises:
            FeatureError: A feature is unknown, doubled, in a circle, or cannot work.
            DatasetError: A feature does not fit the spine or its source, or reads the label.
        """
        return self._plan(read_spine(self.spine))

    def build(self) -> Dataset:
        """Compute.

        Raises:
            FeatureError: As :meth:`plan`; or an expression failed on the data.
            DatasetError: As :meth:`plan`; or the rows cannot be read, or tie in strict mode.
        """
        spine = read_spine(self.spine)
        plan = self._plan(spine)
        native, table = collected(spine)
        features = plan.compute(table)
        if self.label is not None and self.label_expression is not None:
            table = table.with_columns(self.label_expression.alias(self.label))
        return Dataset(
            plan=plan,
            features=features,
            table=table,
            native=native,
            library=spine.library,
            label_is_new=self.label_expression is not None,
        )

    def _plan(self, spine: Spine) -> Plan:
        request = PlanRequest(
            features=resolve(self.features, DEFAULT_FACTORY if self.factory is None else self.factory),
            table=spine.schema,
            unreadable=spine.unreadable,
            at=self.at,
            label=self.label,
            label_dtype="" if self.label is None else dtype_name(_label_type(spine, self.label, self.label_expression)),
            hidden=_hidden(self.label, self.label_expression, but=self.features_may_read),
            known_at=self.recorded,
            strict=self.strict,
        )
        return make_plan(request)


def _label_type(spine: Spine, label: str, expression: pl.Expr | None) -> pl.DataType:
    import polars as pl

    for name in [label] if expression is None else columns_read(expression):
        check_column(name, spine.schema, reader="the label", where="the table")
    if expression is None:
        return spine.schema[label]
    if label in spine.schema or label in spine.unreadable:
        raise DatasetError(
            f"the label is called like a column of the table: {label!r}",
            why="an expression makes a new column",
            hint="with_label(expression, name='another_name'), or with_label('column') for the column itself",
        )
    try:
        return normalised(pl.DataFrame(schema=spine.schema).select(expression.alias(label))).schema[label]
    except pl.exceptions.PolarsError as exc:
        raise DatasetError("the label cannot be computed", where=str(expression), why=str(exc)) from exc


def _hidden(label: str | None, expression: pl.Expr | None, *, but: Iterable[str]) -> frozenset[str]:
    """The label, and the columns that it is made of, but for those that features may read."""
    if label is None:
        return frozenset()
    made_of = [] if expression is None else columns_read(expression)
    for name in but:
        if name not in made_of:
            raise DatasetError(
                f"features_may_read names {name!r}, which the label is not made of",
                where="with_label()",
                why=f"the label's expression reads {', '.join(made_of)}" if made_of else "the label is a column itself",
                hint=near_matches(name, made_of) or "features may read every other column anyway; leave it out",
            )
    return frozenset([label, *made_of]) - frozenset(but)
