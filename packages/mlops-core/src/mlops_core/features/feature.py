"""A feature: one column, defined by a function and its parameters."""

from __future__ import annotations

import importlib
import inspect
import sys
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlops_core.errors import FeatureError, near_matches
from mlops_core.features.fingerprint import describe_captured, describe_code
from mlops_core.features.specs import Value, as_value, check_feature_name, column_part, spec_text
from mlops_core.features.window import Window
from mlops_core.json_values import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import polars as pl

    from mlops_core.features.factory import FeatureFactory
    from mlops_core.features.group import FeatureGroup
    from mlops_core.features.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What is common to a feature with all its parameters. Made by the decorator :func:`~mlops_core.feature`."""

    name: str
    function: Callable[..., object]
    source: Source | None
    needs: tuple[str | Feature | FeatureGroup, ...]
    version: int
    code: str

    @property
    def place(self) -> str:
        """Where the function stands, for errors."""
        code = getattr(self.function, "__code__", None)
        name = f"{self.function.__module__}.{self.function.__qualname__}"
        return f"{name}, {code.co_filename}:{code.co_firstlineno}" if code else name


def define(
    function: Callable[..., object],
    *,
    name: str | None,
    source: Source | None,
    needs: tuple[str | Feature | FeatureGroup, ...],
    version: int,
) -> Feature:
    """The feature of a function, with the function's defaults.

    Raises:
        FeatureError: It is no function, the name, the version or the function's parameters cannot work, or it has a
            source and needs.
    """
    if not inspect.isfunction(inspect.unwrap(function)):
        raise FeatureError(
            f"a {type(function).__qualname__} cannot be a feature",
            where=repr(function),
            why="a feature is known by its function's module, name and code",
            hint="write a function that calls it: def name(): return ...",
        )
    called = function.__name__ if name is None else name
    check_feature_name(called)
    why, hint = "", ""
    kinds = inspect.Parameter
    odd = [
        each.name
        for each in inspect.signature(function).parameters.values()
        if each.kind not in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    ]
    if version < 1:
        why, hint = f"its version is {version}", "versions begin at 1"
    elif source is not None and needs:
        why = "it has a source, so it reads nothing but the source's row, and needs are columns of other features"
        hint = "make two features: one over the source, one that needs it"
    elif odd:
        why, hint = f"its parameter {odd[0]!r} has no fixed name", "give every parameter a name of its own"
    elif "alias" in inspect.signature(function).parameters:
        why, hint = "its parameter 'alias' would rename the column", "call the parameter something else"
    definition = Definition(
        name=called, function=function, source=source, needs=needs, version=version, code=describe_code(function)
    )
    if why:
        raise FeatureError(f"feature {called!r} cannot be defined", where=definition.place, why=why, hint=hint)
    return Feature(definition=definition)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Feature:
    """One column. A decorated function is the feature with its defaults; called with parameters it is another.

    ``delay`` makes the column ``delay``; ``delay(over="30d")`` makes ``delay__over_30d``; ``alias`` names it otherwise.
    A feature pickles by the module and name of its function.
    """

    definition: Definition
    arguments: tuple[tuple[str, Value], ...] = ()
    """The given parameters, in the order of the function's signature."""
    column_alias: str | None = None

    def __call__(self, *arguments: object, alias: str | None = None, **parameters: object) -> Feature:
        """The same definition with other parameters.

        Args:
            *arguments: Parameters by position.
            alias: The column's name.
            **parameters: Parameters by name. Values are text, numbers, booleans, ``None`` and lists of these.

        Raises:
            FeatureError: The function has no such parameter, one is missing, or a value is of another kind.
        """
        known = inspect.signature(self.definition.function)
        unknown = [name for name in parameters if name not in known.parameters]
        if unknown:
            raise FeatureError(
                f"feature {self.name!r} has no parameter {unknown[0]!r}",
                where=self.definition.place,
                why=f"its parameters are ({', '.join(known.parameters)})",
                hint=near_matches(unknown[0], known.parameters),
            )
        try:
            bound = known.bind_partial(*arguments, **parameters).arguments
        except TypeError as exc:
            raise FeatureError(
                f"feature {self.name!r} cannot be called like this",
                where=self.definition.place,
                why=str(exc),
                hint=f"its parameters are ({', '.join(known.parameters)})",
            ) from exc
        values = {**dict(self.arguments), **bound}
        given = tuple(
            (name, as_value(values[name], what=f"parameter {name!r} of feature {self.name!r}"))
            for name in known.parameters
            if name in values
        )
        called = replace(self, arguments=given)
        called.check_complete()
        return called if alias is None else called.alias(alias)

    def alias(self, name: str | None) -> Feature:
        """The same feature with another name for its column; ``None`` for its own name."""
        if name == "":
            raise FeatureError(f"feature {self.name!r} cannot have an empty alias", where=self.definition.place)
        return replace(self, column_alias=name)

    @property
    def name(self) -> str:
        """The definition's name, without parameters."""
        return self.definition.name

    @property
    def column(self) -> str:
        """The name of the column."""
        if self.column_alias is not None:
            return self.column_alias
        return "__".join([self.name, *(f"{key}_{column_part(value)}" for key, value in self.arguments)])

    @property
    def version(self) -> int:
        """The definition's version, from 1."""
        return self.definition.version

    @property
    def source(self) -> Source | None:
        """Where it looks things up; ``None`` if it is computed from the table's own columns."""
        return self.definition.source

    @property
    def needs(self) -> tuple[str | Feature | FeatureGroup, ...]:
        """The features whose columns its expression reads."""
        return self.definition.needs

    @property
    def parameters(self) -> Mapping[str, Value]:
        """The given parameters; empty for the defaults."""
        return MappingProxyType(dict(self.arguments))

    @property
    def spec(self) -> str:
        """The text from which a factory makes this feature again."""
        alias = {} if self.column_alias is None else {"alias": self.column_alias}
        return spec_text(self.name, {**self.parameters, **alias})

    @property
    def fingerprint(self) -> str:
        """SHA-256 over what the function does and takes from outside, its parameters, its needs and its source's rules.

        Features that this one needs count by their text only; a plan adds their fingerprints.
        """
        return digest_of(
            {
                "code": self.definition.code,
                "captured": describe_captured(self.definition.function),
                "parameters": spec_text("", self.parameters),
                "needs": [each if isinstance(each, str) else each.spec for each in self.needs],
                "source": None if self.source is None else self.source.contract,
            }
        )

    def columns(self, factory: FeatureFactory | None = None) -> list[str]:
        """The names of the columns: one. The same method as a group's."""
        return [each.column for each in self.walk(factory)]

    def walk(self, factory: FeatureFactory | None = None) -> Iterator[Feature]:
        """The features: this one. The same method as a group's."""
        del factory  # a group needs it to find members that are named
        yield self

    def check_complete(self) -> None:
        """Raise a :class:`FeatureError` if a parameter without a default is not given."""
        parameters = inspect.signature(self.definition.function).parameters.values()
        missing = [each.name for each in parameters if each.default is each.empty and each.name not in self.parameters]
        if missing:
            raise FeatureError(
                f"feature {self.name!r} lacks its parameter {missing[0]!r}",
                where=self.definition.place,
                why="it has no default",
                hint=f"{self.name}({', '.join(f'{name}=...' for name in missing)})",
            )

    def build(self) -> pl.Expr | Window:
        """Call the function.

        Raises:
            FeatureError: A parameter is missing, the function failed, or it returned something else.
        """
        import polars as pl

        self.check_complete()
        function, where = self.definition.function, self.definition.place
        try:
            built = function(**self.parameters)
        except FeatureError:
            raise
        except Exception as exc:
            why = f"{type(exc).__name__}: {exc}"
            raise FeatureError(f"the function of feature {self.spec!r} failed", where=where, why=why) from exc
        if isinstance(built, Window) and self.source is not None:
            return built
        if isinstance(built, pl.Expr):
            return built
        why = f"it returned a {type(built).__qualname__}"
        hint = "return a Polars expression, or window(...) where the feature has a source"
        raise FeatureError(f"feature {self.spec!r} defines no column", where=where, why=why, hint=hint)

    def __repr__(self) -> str:
        return f"<feature {self.spec}, version {self.version}>"

    def __reduce__(self) -> tuple[Callable[..., Feature], tuple[object, ...]]:
        function = self.definition.function
        module = sys.modules.get(function.__module__)
        if _at(module, function.__qualname__) == replace(self, arguments=(), column_alias=None):
            path = getattr(module, "__file__", None) if function.__module__.startswith(DEFINITIONS_PREFIX) else None
            return _by_name, (function.__module__, function.__qualname__, path, self.arguments, self.column_alias)
        definition = self.definition
        # The decorated name holds something else (feature()(function), for example): the function itself is pickled.
        rest = (definition.name, definition.source, definition.needs, definition.version)
        return _by_function, (function, rest, self.arguments, self.column_alias)


DEFINITIONS_PREFIX = "mlops_definitions_"
"""How the names of modules begin that are loaded from a path of definitions."""


def _at(module: object, qualified_name: str) -> object:
    value = module
    for part in qualified_name.split("."):
        value = getattr(value, part, None)
    return value


def _by_name(
    module: str, name: str, path: str | None, arguments: tuple[tuple[str, Value], ...], alias: str | None
) -> Feature:
    if path is not None and module not in sys.modules:
        from mlops_core.features.definitions import run_file

        run_file(path)
    found = _at(importlib.import_module(module), name)
    if not isinstance(found, Feature):
        raise FeatureError(
            f"feature {name!r} is not defined here", where=module, why="it was when it was pickled", hint="restore it"
        )
    return replace(found, arguments=arguments, column_alias=alias)


def _by_function(
    function: Callable[..., object],
    rest: tuple[str, Source | None, tuple[str | Feature | FeatureGroup, ...], int],
    arguments: tuple[tuple[str, Value], ...],
    alias: str | None,
) -> Feature:
    name, source, needs, version = rest
    found = define(function, name=name, source=source, needs=needs, version=version)
    return replace(found, arguments=arguments, column_alias=alias)
