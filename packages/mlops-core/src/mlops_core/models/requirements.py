"""What must be installed to load a model: distributions of the modules that it names, as installed here."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_DISTRIBUTIONS: Final = {"numpy": "numpy", "scipy": "scipy", "skops": "skops", "sklearn": "scikit-learn"}
"""Known ones, so that most models need no scan of everything that is installed."""


def pinned_requirements(modules: Iterable[str]) -> tuple[str, ...]:
    """Requirements such as ``scikit-learn==1.9.1``, sorted by name.

    Args:
        modules: Top-level modules. One that no installed distribution holds, such as a module of the standard library
            or a file beside the caller's own, is left out.
    """
    names: set[str] = set()
    for module in modules:
        names.update([_DISTRIBUTIONS[module]] if module in _DISTRIBUTIONS else _distributions_of(module))
    return tuple(f"{name}=={version}" for name in sorted(names) if (version := installed_version(name)) is not None)


def installed_version(distribution: str) -> str | None:
    """The installed version of a distribution; ``None`` if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _distributions_of(module: str) -> list[str]:
    import sys

    if module in sys.stdlib_module_names:
        return []
    return [name.lower() for name in metadata.packages_distributions().get(module, [])]
