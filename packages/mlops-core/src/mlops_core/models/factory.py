"""Models by name: scikit-learn's estimators, and whatever a decorator or an installed package adds."""

from __future__ import annotations

import functools
import inspect
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from mlops_core.errors import ConfigurationError, near_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.metadata import EntryPoint

    from mlops_core.models.estimator import Estimator

_Maker = TypeVar("_Maker", bound="Callable[..., object]")
_GROUP: Final = "mlops.models"
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class ModelFactory:
    """Makes unfitted models from a name and parameters.

    A name belongs to one owner: a scikit-learn estimator in snake case (``hist_gradient_boosting_classifier``), a
    callable registered with :meth:`register`, or an entry point of the group ``mlops.models``. Configuration holds
    names and parameters only; no text is ever imported as a dotted path.

    Args:
        entry_points: Entry points to use instead of the installed ones.
    """

    def __init__(self, *, entry_points: Iterable[EntryPoint] | None = None) -> None:
        self._registered: dict[str, Callable[..., object]] = {}
        self._entry_points = None if entry_points is None else tuple(entry_points)

    def register(self, name: str) -> Callable[[_Maker], _Maker]:
        """A decorator that gives a class or a function, which returns an unfitted model, a name.

        Registering the same module and qualified name again replaces it (a notebook cell run twice).

        Args:
            name: The name for :meth:`create`, such as ``"our_boosting"``.

        Raises:
            ConfigurationError: The name is no snake-case identifier, or belongs to another callable.
        """
        if not name.isidentifier() or name != name.lower():
            raise ConfigurationError(
                f"{name!r} cannot name a kind of model",
                why="a name is a lower-case identifier",
                hint=f"try {_snake_case(name)!r}" if name.isidentifier() else "for example: our_boosting",
            )

        def add(maker: _Maker) -> _Maker:
            owner = self._registered.get(name)
            if owner is not None and _identity(owner) != _identity(maker):
                raise _two_owners(name, [_identity(owner), _identity(maker)])
            self._registered[name] = maker
            return maker

        return add

    def create(self, name: str, /, **parameters: object) -> Estimator:
        """An unfitted model.

        Args:
            name: One of :meth:`names`.
            **parameters: Arguments of its constructor, checked against the constructor's own signature first.

        Raises:
            ConfigurationError: The name is unknown or has two owners, or a parameter is unknown or missing.
        """
        maker = self._maker(name)
        _check_parameters(name, maker, parameters)
        return cast("Estimator", maker(**parameters))

    def names(self) -> list[str]:
        """Every name that :meth:`create` knows, sorted; lists scikit-learn's estimators if it is installed."""
        return sorted({*self._registered, *self._from_entry_points(), *_sklearn_estimators()})

    def _maker(self, name: str) -> Callable[..., object]:
        registered = self._registered.get(name)
        points = self._from_entry_points().get(name, [])
        estimator = _sklearn_estimators().get(name)
        owners = [f"{point.value} (entry point)" for point in points]
        owners += [_identity(maker) for maker in (registered, estimator) if maker is not None]
        if len(owners) > 1:
            raise _two_owners(name, owners)
        if registered is not None:
            return registered
        if points:
            return _loaded(points[0])
        if estimator is not None:
            return estimator
        raise ConfigurationError(f"no model is called {name!r}", hint=near_matches(name, self.names()))

    def _from_entry_points(self) -> Mapping[str, list[EntryPoint]]:
        points = _installed_entry_points() if self._entry_points is None else self._entry_points
        found: dict[str, list[EntryPoint]] = {}
        for point in points:
            found.setdefault(point.name, []).append(point)
        return found


DEFAULT_FACTORY: Final = ModelFactory()
"""The factory that :func:`model` fills."""


def model(name: str) -> Callable[[_Maker], _Maker]:
    """Register a class or a function in the default factory; see :meth:`ModelFactory.register`."""
    return DEFAULT_FACTORY.register(name)


def _check_parameters(name: str, maker: Callable[..., object], given: Mapping[str, object]) -> None:
    known = inspect.signature(maker).parameters
    if not any(each.kind is each.VAR_KEYWORD for each in known.values()):
        for parameter in given:
            if parameter not in known:
                raise ConfigurationError(
                    f"{name} has no parameter {parameter!r}",
                    where=_identity(maker),
                    hint=near_matches(parameter, known),
                )
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    required = [key for key, each in known.items() if each.default is each.empty and each.kind in named]
    missing = [parameter for parameter in required if parameter not in given]
    if missing:
        what = f"{name} needs {', '.join(repr(each) for each in missing)}"
        raise ConfigurationError(what, where=_identity(maker), hint=f"create({name!r}, {missing[0]}=...)")


def _loaded(point: EntryPoint) -> Callable[..., object]:
    try:
        maker = point.load()
    except (ImportError, AttributeError) as exc:
        raise ConfigurationError(
            f"the model {point.name!r} cannot be loaded",
            where=f"entry point {point.value!r} of the group {_GROUP!r}",
            why=f"{type(exc).__name__}: {exc}",
            hint="reinstall the package that offers it",
        ) from exc
    if not callable(maker):
        raise ConfigurationError(f"the model {point.name!r} is not callable", where=f"entry point {point.value!r}")
    return maker


def _two_owners(name: str, owners: list[str]) -> ConfigurationError:
    return ConfigurationError(
        f"the model name {name!r} has more than one owner", why=" and ".join(owners), hint="rename all but one of them"
    )


def _identity(maker: Callable[..., object]) -> str:
    qualified: Any = getattr(maker, "__qualname__", type(maker).__qualname__)
    return f"{maker.__module__}.{qualified}"


@functools.cache
def _installed_entry_points() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points

    return tuple(entry_points(group=_GROUP))


@functools.cache
def _sklearn_estimators() -> Mapping[str, Callable[..., object]]:
    """Scikit-learn's own listing by snake-case name; empty if it is not installed.

    It imports all of scikit-learn: under a second more than any one estimator costs, once per process, and reading or
    writing skops needs the same listing.
    """
    import warnings

    try:
        from sklearn.utils import discovery
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.partition(".")[0] != "sklearn":
            raise
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        listing = cast("list[tuple[str, Callable[..., object]]]", cast("Any", discovery).all_estimators())
    return {_snake_case(name): estimator for name, estimator in listing}


def _snake_case(name: str) -> str:
    return _WORDS.sub("_", name).lower()
