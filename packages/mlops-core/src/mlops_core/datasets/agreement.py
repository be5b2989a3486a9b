"""Whether what is there now is what a model was trained with: differences, column by column."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_core.dtypes import dtype_name, shortened
from mlops_core.errors import SignatureMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

    from mlops_core.signature import FeatureColumn, InputColumn


class FeatureChangedWarning(UserWarning):
    """A feature's definition or rule differs from that which the model was trained with, at the same version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference.

    Attributes:
        column: The column.
        trained: What the model was trained with.
        now: What is there now.
    """

    column: str
    trained: str
    now: str

    def __str__(self) -> str:
        return f"{self.column}: trained with {self.trained}, now {self.now}"


def input_differences(inputs: Iterable[InputColumn], table: Mapping[str, pl.DataType]) -> list[Difference]:
    """Columns of the caller's table that are missing or of another type."""
    found: list[Difference] = []
    for each in inputs:
        now = dtype_name(table[each.name]) if each.name in table else "missing"
        if now != each.dtype:
            found.append(Difference(column=each.name, trained=shortened(each.dtype), now=shortened(now)))
    return found


def feature_differences(trained: FeatureColumn, now: FeatureColumn) -> list[Difference]:
    """What has changed in a feature's column, apart from its fingerprint."""
    pairs = (
        ("name", trained.name, now.name),
        ("version", str(trained.version), str(now.version)),
        ("type", shortened(trained.dtype), shortened(now.dtype)),
        ("source", str(trained.source), str(now.source)),
        ("needs", ", ".join(trained.needs) or "nothing", ", ".join(now.needs) or "nothing"),
    )
    return [
        Difference(column=trained.name, trained=f"{what} {before}", now=f"{what} {after}")
        for what, before, after in pairs
        if before != after
    ]


def is_defined_differently(trained: FeatureColumn, now: FeatureColumn, *, rule_now: str) -> bool:
    """Whether a feature's definition, or the rows that it may see, differ at the same version.

    Args:
        trained: The column that the model was trained with.
        now: The column as it would be made now.
        rule_now: Its rule now, with the moment called as in training.
    """
    return trained.fingerprint != now.fingerprint or trained.rule != rule_now


def refuse(differences: list[Difference], *, what: str, hint: str) -> None:
    """Raise a :class:`SignatureMismatchError` with one line for each difference, if there is any."""
    if differences:
        lines = "".join(f"\n         {each}" for each in differences)
        count = f"{len(differences)} difference{'s' if len(differences) > 1 else ''}"
        raise SignatureMismatchError(what, where=count, why=lines.lstrip(), hint=hint)


def notice_changes(changed: list[str], *, strict: bool) -> None:
    """Warn of features whose definition changed at the same version; refuse in strict mode.

    Raises:
        SignatureMismatchError: In strict mode, if there is any.
    """
    if not changed:
        return
    names = ", ".join(changed)
    hint = "restore the definition, or train again (and raise version=... where the meaning changed)"
    if strict:
        differences = [Difference(column=each, trained="another definition", now="the present one") for each in changed]
        refuse(differences, what="features are defined differently than in training", hint=hint)
    warnings.warn(
        f"defined differently than in training, at the same version: {names}; {hint}",
        FeatureChangedWarning,
        stacklevel=3,
    )
