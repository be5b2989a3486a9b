"""A plan: which columns are computed from what, as of when. Made without data, it runs on any table that fits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlops_core.datasets.agreement import (
    Difference,
    FeatureChangedWarning,
    feature_differences,
    input_differences,
    is_defined_differently,
    notice_changes,
    refuse,
)
from mlops_core.datasets.frames import normalised, normalised_schema
from mlops_core.datasets.planner import PlanRequest, make_steps
from mlops_core.datasets.resolution import ResolvedFeature, resolve
from mlops_core.datasets.sight import Sight, look
from mlops_core.datasets.steps import ExpressionStep, Step, WindowStep, run_steps
from mlops_core.dtypes import dtype_name
from mlops_core.errors import DatasetError, FeatureError
from mlops_core.json_values import digest_of, to_json_value
from mlops_core.signature import FeatureColumn, InputColumn, Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    import polars as pl

    from mlops_core.features.factory import FeatureFactory

__all__ = ["FeatureChangedWarning", "Plan", "PlanRequest", "Sight", "make_plan", "plan_from_signature"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What will be computed, and from what. A plan pickles when the functions of its features do.

    Attributes:
        request: What it was made from.
        steps: Joins, then expressions level by level.
        schema: The columns that :meth:`compute` makes, and their Polars types.
        signature: The columns that go in and come out, their types, versions and rules.
    """

    request: PlanRequest = field(repr=False)
    steps: tuple[Step, ...] = field(repr=False)
    schema: pl.Schema = field(repr=False)
    signature: Signature

    @property
    def columns(self) -> list[str]:
        """The names of the columns that :meth:`compute` makes, in order."""
        return self.signature.feature_names

    @property
    def inputs(self) -> list[str]:
        """The names of the table's columns that the plan reads."""
        return [each.name for each in self.signature.inputs]

    @property
    def digest(self) -> str:
        """SHA-256 of the plan's signature and rules, equal in every process. Data and paths are not part of it."""
        return digest_of({"signature": self.signature.to_json(), "strict": self.request.strict})

    def compute(self, spine: pl.DataFrame) -> pl.DataFrame:
        """The requested features of each row.

        Args:
            spine: A table with at least the plan's inputs, of their types; datetimes may be of any unit.

        Returns:
            Exactly the plan's columns, one row for each row of the spine, in its order.

        Raises:
            SignatureMismatchError: An input is missing or of another type.
            DatasetError: A join cannot be decided, or a feature has another type than planned.
            FeatureError: An expression failed on the data, or a source cannot be read.
        """
        table = self._inputs_of(spine)
        made = run_steps(self.steps, table).select(self.columns)
        for each in self.signature.features:
            now = made.schema[each.name]
            if now != self.schema[each.name]:
                raise DatasetError(
                    f"feature {each.feature!r} is {dtype_name(now)}, and was planned as {each.dtype}",
                    where="its expression",
                    why="its type depends on the data",
                    hint="cast it at the end of the expression",
                )
        return made

    def sight(self, rows: pl.DataFrame, *, limit: int = 5) -> list[Sight]:
        """For a few rows, which events of each timed source are visible and which are excluded.

        Args:
            rows: A table with at least the plan's inputs; each row costs a pass over each source.
            limit: How many event times to name on each side.

        Returns:
            For each row, one for each join and window, in the plan's order.

        Raises:
            SignatureMismatchError: An input is missing or of another type.
        """
        return look(self.steps, self._inputs_of(rows), limit=limit)

    def explain(self) -> str:
        """Joins, cut-offs and expressions in words, in the order in which they run."""
        at = f", as of {self.signature.at}" if self.signature.at else ""
        known = ", only what had been recorded by then" if self.signature.known_at else ""
        lines = [f"{len(self.columns)} features{at}{known}", f"reads    {', '.join(self.inputs) or 'no column'}"]
        for step in self.steps:
            if isinstance(step, ExpressionStep):
                lines.append(f"compute  {', '.join(step.columns)}")
                lines.append(f"         from {step.words}")
            else:
                kind = "window" if isinstance(step, WindowStep) else "look up"
                lines.append(f"{kind:8} {', '.join(step.columns)}")
                lines.append(f"         from source {step.source.name}: {step.words}")
                if self.signature.known_at and step.source.event_time and not step.source.created_time:
                    lines.append("         which has no created time: a row counts as recorded when it happened")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.explain()

    def __reduce__(self) -> tuple[Callable[[PlanRequest], Plan], tuple[PlanRequest]]:
        return make_plan, (self.request,)

    def _inputs_of(self, spine: pl.DataFrame) -> pl.DataFrame:
        present = normalised(spine.select(name for name in self.inputs if name in spine.columns))
        differences = input_differences(self.signature.inputs, present.schema)
        refuse(differences, what="the table does not have the columns that the features read", hint=_CAST_HINT)
        return present.select(self.inputs)


_CAST_HINT = "add or cast the columns; a naive datetime needs .dt.replace_time_zone('UTC')"


def make_plan(request: PlanRequest) -> Plan:
    """Plan, and try the plan on no rows: so every type is known, and what does not fit is an error now.

    Raises:
        FeatureError: A definition cannot work.
        DatasetError: A feature does not fit the table, or would read the label.
    """
    import polars as pl

    steps = make_steps(request)
    at = request.at if any(not isinstance(step, ExpressionStep) and step.at for step in steps) else None
    read = _inputs_read(at, steps)
    inputs = tuple(
        InputColumn(name=name, dtype=dtype_name(dtype)) for name, dtype in request.table.items() if name in read
    )
    empty = pl.DataFrame(schema={each.name: request.table[each.name] for each in inputs})
    made = run_steps(steps, empty, without_rows=True).schema
    requested = [each for each in request.features if each.requested]
    rules = _rules(steps, request.table)
    signature = Signature(
        inputs=inputs,
        features=tuple(_feature_column(each, dtype_name(made[each.column]), rules[each.column]) for each in requested),
        label=request.label,
        label_dtype=request.label_dtype,
        at=at,
        known_at=request.known_at,
    )
    schema = pl.Schema({each.column: made[each.column] for each in requested})
    return Plan(request=request, steps=steps, schema=schema, signature=signature)


def _inputs_read(at: str | None, steps: Sequence[Step]) -> set[str]:
    read = set[str]() if at is None else {at}
    for step in steps:
        read |= set(step.reads) if isinstance(step, ExpressionStep) else {mine for _, mine in step.rule.keys}
    return read


def _rules(steps: Sequence[Step], table: Container[str]) -> dict[str, str]:
    return {
        column: step.words_of(column, table=table) if isinstance(step, ExpressionStep) else step.words
        for step in steps
        for column in step.columns
    }


def _with_moment(step: Step, at: str | None) -> Step:
    """The same step with another name for the moment, to compare its words."""
    return step if isinstance(step, ExpressionStep) or not step.at or not at else replace(step, at=at)


def _feature_column(each: ResolvedFeature, dtype: str, rule: str) -> FeatureColumn:
    feature = each.feature
    return FeatureColumn(
        name=each.column,
        dtype=dtype,
        feature=feature.spec,
        version=feature.version,
        fingerprint=each.fingerprint,
        parameters={name: to_json_value(value) for name, value in feature.parameters.items()},
        needs=each.dependencies,
        source=None if feature.source is None else feature.source.name,
        rule=rule,
    )


def plan_from_signature(
    signature: Signature, *, factory: FeatureFactory, at: str | None, spine_schema: pl.Schema, strict: bool = False
) -> Plan:
    """The plan of a model's features for another table, once it is sure that they are the same features.

    Args:
        signature: What the model was trained with.
        factory: What makes the features now.
        at: The table's column of the moment, which may be called otherwise than in training.
        spine_schema: The table's columns and their types.
        strict: Refuse also a definition or a rule that changed at the same version.

    Returns:
        A plan whose columns are those of the signature.

    Raises:
        SignatureMismatchError: A feature is not defined any more, or has another version, type, source or dependency;
            or the table lacks a column or has another type. All differences are listed.
        DatasetError: The table has a column that is called like a feature.

    Warns:
        FeatureChangedWarning: A definition, or the rule of what it may see, changed at the same version.
    """
    table = normalised_schema(spine_schema)
    moment = signature.at if at is None or signature.at is None else at
    inputs = [
        InputColumn(name=moment, dtype=each.dtype) if moment and each.name == signature.at else each
        for each in signature.inputs
    ]
    hint = "import or load the definitions that the model was trained with (load_definitions), or train again"
    unknown: list[Difference] = []
    for each in signature.features:
        try:
            resolve([each.feature], factory)
        except FeatureError as exc:
            unknown.append(
                Difference(column=each.name, trained=f"{each.feature}, version {each.version}", now=exc.what)
            )
    refuse(unknown, what="features of the model cannot be made here", hint=hint)
    refuse(input_differences(inputs, table), what="the table is not like the one in training", hint=_CAST_HINT)
    features = resolve([each.feature for each in signature.features], factory)
    plan = make_plan(PlanRequest(features=features, table=table, at=moment, known_at=signature.known_at))
    pairs = list(zip(signature.features, plan.signature.features, strict=True))
    differences = [one for trained, now in pairs for one in feature_differences(trained, now)]
    refuse(differences, what="features are not those that the model was trained with", hint=hint)
    rules = _rules([_with_moment(step, signature.at) for step in plan.steps], plan.request.table)
    changed = [now.name for trained, now in pairs if is_defined_differently(trained, now, rule_now=rules[now.name])]
    notice_changes(changed, strict=strict)
    return plan
