"""From a fitted model to a version of a registry, in one step."""

from __future__ import annotations

import logging
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, SupportsFloat

from mlops_core.errors import ConfigurationError, InvalidNameError
from mlops_core.naming import check_model_name, check_tags, check_text
from mlops_core.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.ports.model_registry import IfExists, ModelRegistry, ModelVersion

_log = logging.getLogger(__name__)


class TrainedOn(Protocol):
    """What a model was trained on: the part of a dataset that goes into its package."""

    @property
    def signature(self) -> Signature:
        """The columns, one by one."""
        ...

    @property
    def digest(self) -> str:
        """Names the content, rows included."""
        ...


def register_model(
    registry: ModelRegistry,
    name: str,
    model: object,
    /,
    *,
    dataset: TrainedOn | None = None,
    metrics: Mapping[str, SupportsFloat] | None = None,
    tags: Mapping[str, str] | None = None,
    if_exists: IfExists = "return",
    serializer: str | None = None,
    run: str | None = None,
    commit: str | None = None,
    operation_id: str | None = None,
) -> ModelVersion:
    """Write a model's package and register it.

    Args:
        registry: Where the version goes.
        name: The model's name.
        model: The fitted model.
        dataset: What it was trained on; without it the package has no signature, and scoring cannot check its input.
        metrics: Metrics of the record by name: numbers, NumPy's and booleans included.
        tags: First tags of the version.
        if_exists: ``"return"`` gives back the version that holds the same package, ``"new"`` makes another.
        serializer: ``"skops"``, the default, or ``"pickle"``, which whoever loads it must allow explicitly.
        run: Id of the tracker's run that made it.
        commit: Commit of the code that made it.
        operation_id: Names this call; a fresh one by default.

    Returns:
        The version; ``reused`` is set if it was there before.

    Raises:
        InvalidNameError: The name, a tag, a metric or another field cannot be stored; nothing was written.
        ConfigurationError: The serializer cannot write this model, or the dataset is none.
    """
    from mlops_core.models.package import write_package
    from mlops_core.operations.fitted import check_fitted

    check_model_name(name)
    check_tags(tags or {})
    if dataset is not None and not isinstance(getattr(dataset, "signature", None), Signature):
        why = f"{type(dataset).__name__} says nothing of features and of where its rows come from"
        hint = "dataset=DatasetBuilder(...).build(), or leave it out: then scoring cannot check its input"
        raise ConfigurationError("the dataset is none of this library's", why=why, hint=hint)
    for what, text in (("the run", run), ("the commit", commit), ("the operation id", operation_id)):
        if text is not None:
            check_text(what, text)
    numbers = as_metrics(metrics or {})
    check_fitted(model, dataset.signature if dataset is not None else None)
    with tempfile.TemporaryDirectory(prefix="mlops-register-") as folder:
        package = write_package(
            model,
            Path(folder) / "package",
            signature=dataset.signature if dataset is not None else None,
            dataset_digest=dataset.digest if dataset is not None else None,
            serializer=serializer,
        )
        version = registry.register(
            name,
            package,
            operation_id=operation_id or uuid.uuid4().hex,
            if_exists=if_exists,
            tags=tags or {},
            metrics=numbers,
            run=run,
            commit=commit,
        )
    if version.reused:
        _tell_what_was_dropped(version, tags=tags or {}, metrics=numbers, run=run, commit=commit)
    return version


def _tell_what_was_dropped(
    version: ModelVersion, *, tags: Mapping[str, str], metrics: Mapping[str, float], run: str | None, commit: str | None
) -> None:
    """Warn of what a version that was there before does not say: whoever registers again may count on it."""
    compared = {
        "tags": all(version.tags.get(key) == value for key, value in tags.items()),
        "metrics": all(repr(version.metrics.get(name)) == repr(value) for name, value in metrics.items()),
        "run": run in {None, version.run},
        "commit": commit in {None, version.commit},
    }
    differing = [what for what, same in compared.items() if not same]
    if differing:
        _log.warning(
            "%s:%d holds the same model already and keeps its own %s; if_exists='new' makes another version",
            version.model,
            version.version,
            " and ".join(differing),
        )


def as_metrics(metrics: Mapping[str, object]) -> dict[str, float]:
    """Metrics as the record holds them: every number as a float, NaN and infinities included.

    Raises:
        InvalidNameError: A name is empty, or a value is text or otherwise no number.
    """
    numbers: dict[str, float] = {}
    for name, value in metrics.items():
        number = _as_float(value)
        if number is None or not name:
            why = "a metric has a name, and its value is one number"
            hint = "float(value); text belongs into tags"
            raise InvalidNameError(f"the metric {name!r} cannot be stored", why=why, hint=hint)
        numbers[name] = number
    return numbers


def _as_float(value: object) -> float | None:
    # NumPy's scalars have a shape of (); an array of one number also has __float__, and is no number.
    if isinstance(value, (str, bytes)) or not isinstance(value, SupportsFloat) or getattr(value, "shape", ()) != ():
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
