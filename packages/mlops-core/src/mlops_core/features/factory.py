"""The factory: from a feature's name or text to the feature, and the decorator that fills it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from mlops_core.errors import FeatureError, near_matches
from mlops_core.features.definitions import run_file
from mlops_core.features.feature import DEFINITIONS_PREFIX, Feature, define
from mlops_core.features.group import FeatureGroup
from mlops_core.features.specs import parse_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from importlib.metadata import EntryPoint
    from pathlib import Path

    import polars as pl

    from mlops_core.features.source import Source
    from mlops_core.features.window import Window

ENTRY_POINTS: Final = "mlops.features"
"""The group of entry points that is loaded when a name is not known: each is a module, a feature or a group."""


def _installed() -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINTS)


class FeatureFactory(Mapping[str, "Feature | FeatureGroup"]):
    """A mapping from names to features and groups.

    As a mapping it shows what has been registered; :meth:`make` also takes parameters, and looks at the installed
    entry points of the group ``mlops.features`` when a name is not known.

    Args:
        installed: What lists the entry points; by default those of the environment.
    """

    def __init__(self, *, installed: Callable[[], Iterable[EntryPoint]] = _installed) -> None:
        self._features: dict[str, Feature | FeatureGroup] = {}
        self._owners: dict[str, str] = {}
        self._installed = installed
        self._searched = False

    def __getitem__(self, name: str) -> Feature | FeatureGroup:
        return self._features[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._features)

    def __len__(self) -> int:
        return len(self._features)

    def __repr__(self) -> str:
        return f"<FeatureFactory of {', '.join(self._features) or 'nothing'}>"

    def add(self, feature: Feature | FeatureGroup, *, owner: str = "") -> None:
        """Register a feature with its defaults, or a group, under its name.

        Args:
            feature: What to register.
            owner: Who defines it: the same owner may define it again (a notebook cell that is run again). For a
                feature always its function's module and qualified name.

        Raises:
            FeatureError: Another owner has registered that name, or the feature has parameters.
        """
        if isinstance(feature, Feature):
            function = feature.definition.function
            owner = f"{function.__module__}.{function.__qualname__}"
            if feature.arguments or feature.column_alias:
                why = "a name stands for the feature with its defaults"
                raise FeatureError(f"{feature.spec!r} cannot be registered", why=why, hint=f"register {feature.name!r}")
        taken = self._owners.get(feature.name)
        if taken is not None and taken != owner:
            raise FeatureError(
                f"two features are called {feature.name!r}",
                where=owner or "a group",
                why=f"{taken or 'a group'} has that name already",
                hint="give one of them another name (feature(name=...)), or use a FeatureFactory of its own",
            )
        self._features[feature.name] = feature
        self._owners[feature.name] = owner

    def make(self, spec: str | Feature | FeatureGroup) -> Feature | FeatureGroup:
        """The feature that a text names; a feature or group is returned as it is.

        Args:
            spec: Such as ``"delay"``, ``"delay(by=['origin'], over='30d')"``, or an object.

        Raises:
            FeatureError: The text is not a feature's, the name is unknown, or the parameters do not fit.
        """
        if not isinstance(spec, str):
            return spec
        name, parameters = parse_spec(spec)
        found = self._find(name)
        if isinstance(found, Feature):
            alias = parameters.pop("alias", None)
            if alias is not None and not isinstance(alias, str):
                raise FeatureError(f"the alias in {spec!r} is not a text", hint="alias='name'")
            return found(alias=alias, **parameters) if parameters else found.alias(alias)
        if parameters:
            raise FeatureError(f"{spec!r} cannot be made", why=f"{name!r} is a group, which takes no parameters")
        return found

    def walk(self, *specs: str | Feature | FeatureGroup) -> Iterator[Feature]:
        """The features that texts, features and groups stand for, in order.

        Raises:
            FeatureError: As :meth:`make`; or a group contains itself.
        """
        for spec in specs:
            yield from self.make(spec).walk(self)

    def load_definitions(self, path: str | Path) -> list[str]:
        """Run a Python file of the caller's and register the features and groups that it defines.

        The file runs with the caller's rights: load only files that you would run. Its folder can be imported from
        while it runs, and is not left on ``sys.path``.

        Args:
            path: The file.

        Returns:
            The names that it defines, in order.

        Raises:
            FeatureError: There is no such file, it failed, or it defines a name that another owner has.
        """
        return self._add_all(run_file(path))

    def _find(self, name: str) -> Feature | FeatureGroup:
        if name not in self._features and not self._searched:
            self._search()
        if name not in self._features:
            raise FeatureError(
                f"no feature is called {name!r}",
                why="no definition of that name has been imported, and no installed package offers it",
                hint=near_matches(name, self._features) or "import its module, or load_definitions('features.py')",
            )
        return self._features[name]

    def _search(self) -> None:
        self._searched = True  # before loading, because what is loaded may look for names itself
        try:
            for each in self._installed():
                self._load(each)
        except FeatureError:
            self._searched = False
            raise

    def _load(self, entry_point: EntryPoint) -> None:
        try:
            loaded: object = entry_point.load()
        except Exception as exc:
            raise FeatureError(
                f"the installed features {entry_point.name!r} cannot be loaded",
                where=f"entry point {entry_point.value!r}",
                why=f"{type(exc).__name__}: {exc}",
                hint="repair or uninstall the package that offers it",
            ) from exc
        if isinstance(loaded, (Feature, FeatureGroup)):
            self.add(loaded, owner=entry_point.value)
        else:
            self._add_all(loaded)

    def _add_all(self, module: object) -> list[str]:
        found = [each for each in vars(module).values() if isinstance(each, FeatureGroup) or _is_definition(each)]
        for each in found:
            self.add(each, owner=f"{getattr(module, '__name__', '')}.{each.name}")
        return list(dict.fromkeys(each.name for each in found))


def _is_definition(value: object) -> bool:
    return isinstance(value, Feature) and not value.arguments and value.column_alias is None


DEFAULT_FACTORY: Final = FeatureFactory()
"""Where the decorator registers, and where names are looked up, unless a factory is given."""


def feature(
    source: Source | None = None,
    *,
    needs: str | Feature | FeatureGroup | Iterable[str | Feature | FeatureGroup] = (),
    version: int = 1,
    name: str | None = None,
    factory: FeatureFactory | None = None,
) -> Callable[[Callable[..., pl.Expr | Window]], Feature]:
    """Make a function the definition of a feature, and register it.

    The function returns a Polars expression or, with a source, :func:`~mlops_core.window`. Without a source the
    expression reads columns of the table at hand and of the features in ``needs``. With a source it reads the source's
    row as of the moment, and nothing else. It may not look at other rows: neither aggregates nor ``over`` or ``shift``.

    Args:
        source: Where the feature looks things up.
        needs: Features whose columns the expression reads.
        version: To be raised when the meaning changes; a model trained with another version refuses to score.
        name: The feature's name; by default the function's.
        factory: Where to register; by default the factory of the process or, in a file of definitions, the factory
            that loads it.

    Returns:
        A decorator that returns the :class:`Feature`, with the function's defaults.

    Raises:
        FeatureError: The definition cannot work, or another owner has registered the name.
    """
    if callable(source):  # @feature without parentheses
        why = "its first argument is a function"
        raise FeatureError("feature() takes a source", why=why, hint="write @feature() above the function")
    wanted = (needs,) if isinstance(needs, (str, Feature, FeatureGroup)) else tuple(needs)

    def decorate(function: Callable[..., pl.Expr | Window]) -> Feature:
        made = define(function, name=name, source=source, needs=wanted, version=version)
        if factory is not None:
            factory.add(made)
        elif not function.__module__.startswith(DEFINITIONS_PREFIX):
            DEFAULT_FACTORY.add(made)
        return made

    return decorate
