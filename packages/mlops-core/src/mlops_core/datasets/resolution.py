"""From the features that were asked for to all that have to be computed, in an order in which it can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlops_core.errors import FeatureError
from mlops_core.json_values import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_core.features.factory import FeatureFactory
    from mlops_core.features.feature import Feature
    from mlops_core.features.group import FeatureGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedFeature:
    """A feature whose needs have been found: no name has to be looked up any more.

    Attributes:
        feature: The feature.
        needs: The columns of other features that its expression may read.
        dependencies: All features that it rests on, directly or not: the column, with ``@version`` from version 2 on.
        fingerprint: The feature's own, and of all that it rests on.
        level: 0 for features without needs, else one more than the highest of its needs.
        requested: Whether it is a column of the dataset, or only needed by one.
    """

    feature: Feature
    needs: tuple[str, ...]
    dependencies: tuple[str, ...]
    fingerprint: str
    level: int
    requested: bool

    @property
    def column(self) -> str:
        """The name of its column."""
        return self.feature.column


def resolve(requested: Iterable[str | Feature | FeatureGroup], factory: FeatureFactory) -> tuple[ResolvedFeature, ...]:
    """Find everything that the requested features need.

    Args:
        requested: Features, groups, or their texts.
        factory: What makes features from text.

    Returns:
        The requested ones first, in order; then those that are only needed.

    Raises:
        FeatureError: A name is unknown, two features make a column of the same name, or features need each other in
            a circle.
    """
    found: dict[str, ResolvedFeature] = {}
    columns: list[str] = []
    for feature in factory.walk(*requested):
        if feature.column in columns:
            raise FeatureError(
                f"two features make a column {feature.column!r}",
                where=feature.definition.place,
                why=f"{feature.spec} was asked for twice, or another feature is called like it",
                hint="ask for it once, or rename one with .alias('name')",
            )
        columns.append(feature.column)
        _visit(feature, factory, found, ())
    wanted = [replace(found[column], requested=True) for column in columns]
    return (*wanted, *(each for column, each in found.items() if column not in set(columns)))


def _visit(
    feature: Feature, factory: FeatureFactory, found: dict[str, ResolvedFeature], inside: tuple[Feature, ...]
) -> ResolvedFeature:
    if feature in inside:
        path = " -> ".join(each.spec for each in (*inside[inside.index(feature) :], feature))
        raise FeatureError(
            "features need each other in a circle", where=feature.definition.place, why=path, hint="break the circle"
        )
    known = found.get(feature.column)
    if known is not None:
        if known.feature != feature:
            again = known.feature.spec == feature.spec
            raise FeatureError(
                f"two features make a column {feature.column!r}",
                where=f"{known.feature.definition.place} and {feature.definition.place}",
                why=f"{known.feature.spec} and {feature.spec} have the same name for their column",
                hint="it was defined again: make the groups that hold it again"
                if again
                else "rename one with .alias('name')",
            )
        return known
    needs = [_visit(each, factory, found, (*inside, feature)) for each in factory.walk(*feature.needs)]
    below = dict.fromkeys(name for each in needs for name in (*each.dependencies, _with_version(each.feature)))
    fingerprint = digest_of([feature.fingerprint, *([each.column, each.fingerprint] for each in needs)])
    resolved = ResolvedFeature(
        feature=feature,
        needs=tuple(each.column for each in needs),
        dependencies=tuple(below),
        fingerprint=fingerprint,
        level=1 + max((each.level for each in needs), default=-1),
        requested=False,
    )
    found[feature.column] = resolved
    return resolved


def _with_version(feature: Feature) -> str:
    return feature.column if feature.version == 1 else f"{feature.column}@{feature.version}"
