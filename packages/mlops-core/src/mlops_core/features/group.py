"""A group: several features under one name, itself a feature."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlops_core.errors import FeatureError
from mlops_core.features.feature import Feature
from mlops_core.features.specs import check_feature_name
from mlops_core.json_values import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlops_core.features.factory import FeatureFactory
    from mlops_core.features.source import Source
    from mlops_core.features.specs import Value


@dataclass(frozen=True, slots=True, init=False)
class FeatureGroup:
    """A frozen composite: it can stand wherever a feature can, and holds features and groups, to any depth.

    Args:
        name: Its name; columns are named after the features alone.
        features: Features, groups, or their texts such as ``"delay(over='30d')"``, which a factory makes when the
            group is used.
        version: Its version, from 1.

    Raises:
        FeatureError: The name is no identifier, or the group is empty.
    """

    name: str
    features: tuple[str | Feature | FeatureGroup, ...]
    version: int

    def __init__(self, name: str, features: Iterable[str | Feature | FeatureGroup], *, version: int = 1) -> None:
        check_feature_name(name)
        members = (features,) if isinstance(features, str) else tuple(features)
        if not members:
            raise FeatureError(f"group {name!r} is empty", why="it would make no column", hint="name a feature")
        for field, value in (("name", name), ("features", members), ("version", version)):
            object.__setattr__(self, field, value)

    @property
    def spec(self) -> str:
        """The text from which a factory that knows the group gives it again: its name."""
        return self.name

    @property
    def source(self) -> Source | None:
        """``None``: each feature has its own."""
        return None

    @property
    def needs(self) -> tuple[str | Feature | FeatureGroup, ...]:
        """Its members."""
        return self.features

    @property
    def parameters(self) -> Mapping[str, Value]:
        """Empty: a group takes none."""
        return MappingProxyType({})

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the texts, versions and fingerprints of its features, as the default factory makes them."""
        return digest_of([[each.spec, each.version, each.fingerprint] for each in self.walk()])

    def columns(self, factory: FeatureFactory | None = None) -> list[str]:
        """The names of the columns that its features make, in order.

        Args:
            factory: What makes members that are given as text; ``None`` for the default factory.

        Raises:
            FeatureError: A member is unknown, or the group contains itself.
        """
        return [each.column for each in self.walk(factory)]

    def walk(self, factory: FeatureFactory | None = None) -> Iterator[Feature]:
        """Its features, in order and depth first.

        Args:
            factory: What makes members that are given as text; ``None`` for the default factory.

        Raises:
            FeatureError: A member is unknown, or the group contains itself.
        """
        from mlops_core.features.factory import DEFAULT_FACTORY

        return _walk(self, DEFAULT_FACTORY if factory is None else factory, ())


def _walk(group: FeatureGroup, factory: FeatureFactory, inside: tuple[str, ...]) -> Iterator[Feature]:
    if group.name in inside:
        path = " -> ".join([*inside, group.name])
        raise FeatureError(f"group {group.name!r} contains itself", why=path, hint="take it out of one of them")
    for member in group.features:
        made = factory.make(member)
        if isinstance(made, Feature):
            yield made
        else:
            yield from _walk(made, factory, (*inside, group.name))
