"""Handlers that need a model: its features, computed point in time, and its predictions."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from mlops_core.errors import ScoringError, near_matches
from mlops_core.scoring.handlers import ROW, Link, Verdict

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import polars as pl

    from mlops_core.datasets.plan import Plan
    from mlops_core.features.factory import FeatureFactory
    from mlops_core.ports.model_registry import PinnedVersion
    from mlops_core.scoring.handlers import Table
    from mlops_core.signature import Signature

NOT_A_NUMBER: Final = "prediction is not a number"
MODEL: Final = "model"
"""Column of the scores that says which version made them, such as ``late-flight:3``."""


class Model(Protocol):
    """What scoring needs of a loaded model; :class:`mlops_core.models.LoadedModel` is one."""

    @property
    def version(self) -> PinnedVersion:
        """The version that was loaded."""
        ...

    @property
    def signature(self) -> Signature | None:
        """The columns that it was trained with; known before the estimator is loaded."""
        ...

    def predictions(self, features: pl.DataFrame, /, *, classes: bool = True) -> pl.DataFrame:
        """One row for each row of ``features``, with the same columns each time; also of no rows.

        Args:
            features: The columns that the model reads.
            classes: Whether a classifier that gives probabilities is also asked for the class.
        """
        ...


@dataclass(frozen=True, slots=True)
class Features:
    """Computes the columns that a model was trained on, as of each row's own moment.

    The plan is made, and run, once for the whole input; batches are cut from the result.

    Args:
        model: Whose signature names the features.
        at: The input's column of the moment; ``None`` for the name that it had in training.
        factory: Where the features are defined; ``None`` for the default factory.
        strict: Refuse a feature whose definition differs from the one trained with, instead of warning.
    """

    model: Model
    at: str | None = None
    factory: FeatureFactory | None = None
    strict: bool = False

    @property
    def name(self) -> str:
        """See :attr:`Handler.name`."""
        return "Features"

    @property
    def reasons(self) -> tuple[str, ...]:
        """See :attr:`Handler.reasons`: it rejects no row."""
        return ()

    def bind(self, table: Table, /) -> Link:
        """See :meth:`Handler.bind`."""
        import polars as pl

        from mlops_core.datasets.plan import plan_from_signature
        from mlops_core.features.factory import DEFAULT_FACTORY

        signature = _signature(self.model, needed_for="computing its features")
        taken = [each for each in signature.feature_names if each in table.schema]
        if taken:
            why = f"the model's features have the same names: {', '.join(taken)}"
            hint = "rename these columns; or leave Features out, if they are the features"
            raise ScoringError("the table already has columns that Features would make", why=why, hint=hint)
        plan = plan_from_signature(
            signature,
            factory=DEFAULT_FACTORY if self.factory is None else self.factory,
            at=self.at,
            spine_schema=table.rows.collect_schema(),
            strict=self.strict,
        )
        computed = _Computed(rows=table.rows.select(plan.inputs), plan=plan)
        schema = pl.Schema({**table.schema, **plan.schema})
        return Link(schema=schema, handle=computed.handle, start=computed.start)


@dataclass(slots=True, kw_only=True)
class _Computed:
    rows: pl.LazyFrame
    plan: Plan
    columns: pl.DataFrame | None = None

    def start(self) -> str | None:
        from mlops_core.datasets.content_digest import content_digest

        self.columns = self.plan.compute(self.rows.collect(engine="streaming")).rechunk()
        # Not the sources' names but what came out of them: a source that changed since starts the run anew.
        return content_digest(self.columns)

    def handle(self, batch: pl.DataFrame) -> Verdict:
        if self.columns is None:
            raise RuntimeError("a link is started before its first batch")
        return Verdict(batch=batch.hstack(self.columns[batch[ROW]]))


@dataclass(frozen=True, slots=True)
class Predict:
    """Predicts with the signature's columns, by name and in its order. The last handler of a chain.

    It puts out the model's answer (``probability`` for a binary classifier, else ``prediction`` or the classes') and
    ``model``, the version that made them, such as ``late-flight:3``: scores of several days and models end up in one
    table, where a file's own metadata is lost.

    Args:
        model: The model.
        columns: What to predict with, for a model that was registered without a signature; else leave it out.
        classes: Put out the class too, for a classifier that gives probabilities: the estimator's own ``predict``,
            which costs as much again. Where to cut a probability is mostly for whoever reads the scores.
    """

    model: Model
    columns: tuple[str, ...] | None = None
    classes: bool = False

    @property
    def name(self) -> str:
        """See :attr:`Handler.name`."""
        return "Predict"

    @property
    def reasons(self) -> tuple[str, ...]:
        """See :attr:`Handler.reasons`."""
        return (NOT_A_NUMBER,)

    def bind(self, table: Table, /) -> Link:
        """See :meth:`Handler.bind`."""
        import polars as pl

        from mlops_core.models.inputs import select_columns

        columns = self.columns
        if columns is None:
            signature = _signature(self.model, needed_for="predicting")
            select_columns(pl.DataFrame(schema=table.schema), signature, where=_reference(self.model.version))
            columns = tuple(signature.feature_names)
        elif missing := [each for each in columns if each not in table.schema]:
            hint = near_matches(missing[0], table.schema)
            raise ScoringError("Predict is to read unknown columns", why=f"missing: {', '.join(missing)}", hint=hint)
        predictor = _Predictor(model=self.model, columns=columns, classes=self.classes)
        return Link(schema=table.schema, handle=predictor.handle, start=predictor.start)


@dataclass(slots=True, kw_only=True)
class _Predictor:
    model: Model
    columns: tuple[str, ...]
    classes: bool
    threads: Any = None

    def start(self) -> str:
        return f"{self.model.version.digest} {self.columns} {self.classes}"

    def handle(self, batch: pl.DataFrame) -> Verdict:
        import polars as pl

        with _one_openmp_thread(self.threads):
            found = self.model.predictions(batch.select(self.columns), classes=self.classes)
        # The first batch loads the estimator, and OpenMP with it: there was nothing to limit before.
        self.threads = self.threads or _thread_pools()
        if found.height != batch.height:
            why = f"{found.height} predictions for {batch.height} rows"
            raise ScoringError("the model did not predict each row once", where=_reference(self.model.version), why=why)
        missing = pl.any_horizontal(pl.all().is_null())
        numbers = [pl.col(name).is_nan() for name, dtype in found.schema.items() if dtype.is_float()]
        verdict = found.select(
            reason=pl.when(pl.any_horizontal(missing, *numbers).fill_null(value=True)).then(pl.lit(NOT_A_NUMBER)),
            nulls=missing,
        )
        return Verdict(
            batch=batch.with_columns(*found, pl.lit(_reference(self.model.version)).alias(MODEL)),
            reason=verdict["reason"],
            nulls=verdict["nulls"],
            outputs=(*found.columns, MODEL),
        )


def _signature(model: Model, *, needed_for: str) -> Signature:
    if model.signature is None:
        raise ScoringError(
            "the model has no signature",
            where=_reference(model.version),
            why=f"{needed_for} needs to know its columns",
            hint="register it with dataset=..., or name them: Predict(model, columns=(...))",
        )
    return model.signature


def _reference(version: PinnedVersion) -> str:
    return f"{version.model}:{version.version}"


def _thread_pools() -> Any:
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:  # it comes with scikit-learn; other frameworks manage their threads themselves
        return None
    return ThreadpoolController()


def _one_openmp_thread(threads: Any) -> AbstractContextManager[object]:
    # Several OpenMP threads on a busy machine spin at their barriers and take longer than one. Whoever has set the
    # number of threads knows better.
    if threads is None or "OMP_NUM_THREADS" in os.environ:
        return nullcontext()
    return cast("AbstractContextManager[object]", threads.limit(limits=1, user_api="openmp"))
