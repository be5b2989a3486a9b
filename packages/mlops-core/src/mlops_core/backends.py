"""From a configured name to an open backend: adapters are found by entry point and loaded only when configured."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, cast

from mlops_core.errors import AdapterNotFoundError, ConfigurationError, near_matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import EntryPoint

    from mlops_core.ports.backend import BackendFactory, OpenBackend
    from mlops_core.settings import Settings

GROUP: Final = "mlops.backends"
"""The entry-point group: an adapter's name, and its :class:`~mlops_core.ports.backend.OpenBackend`."""


@functools.cache
def installed_adapters() -> Mapping[str, list[EntryPoint]]:
    """The entry points of every installed adapter, by the adapter's name; nothing is loaded.

    Read once per process; ``installed_adapters.cache_clear()`` reads them again after an installation.
    """
    from importlib.metadata import entry_points

    found: dict[str, list[EntryPoint]] = {}
    for each in entry_points(group=GROUP):
        found.setdefault(each.name, []).append(each)
    return found


def describe_adapters() -> Mapping[str, str]:
    """The distributions, with their versions, that offer each installed adapter, by the adapter's name."""
    return {
        name: " and ".join(sorted(_distribution(each) for each in offers))
        for name, offers in installed_adapters().items()
    }


def open_backend(name: str, settings: Settings, *, adapters: Mapping[str, OpenBackend] | None = None) -> BackendFactory:
    """Open a configured backend. Makes no request.

    Args:
        name: The backend's name in the settings, such as ``prod``.
        settings: Where it is configured.
        adapters: Adapters by name, instead of the installed ones.

    Raises:
        ConfigurationError: No backend has this name, two distributions offer its adapter, or the adapter refuses an
            option.
        AdapterNotFoundError: The adapter is not installed, or it cannot be loaded.
    """
    if name not in settings.backends:
        hint = near_matches(name, settings.backends)
        raise ConfigurationError(f"no backend {name!r} is configured", where=settings.place, hint=hint)
    backend = settings.backends[name]
    where = f"{settings.place}: backends.{name}"
    if adapters is None:
        make = _load(backend.adapter, where=where)
    elif backend.adapter in adapters:
        make = adapters[backend.adapter]
    else:
        raise _not_installed(backend.adapter, adapters, where=where)
    try:
        return make(name, backend.options, base=settings.base)
    except ModuleNotFoundError as exc:
        # Vendors' libraries load inside functions: a missing one may show only now.
        raise _broken(backend.adapter, exc, where=where) from exc


def _load(adapter: str, *, where: str) -> OpenBackend:
    offers = installed_adapters().get(adapter, [])
    if not offers:
        raise _not_installed(adapter, installed_adapters(), where=where)
    if len(offers) > 1:
        why = f"{describe_adapters()[adapter]} both offer it, and which one was meant cannot be known"
        hint = "pip uninstall one of them"
        raise ConfigurationError(f"two adapters are called {adapter!r}", where=where, why=why, hint=hint)
    offer = offers[0]
    try:
        return cast("OpenBackend", offer.load())
    except (ImportError, AttributeError) as exc:
        raise _broken(adapter, exc, where=where, offer=offer) from exc


def _distribution(offer: EntryPoint) -> str:
    return f"{offer.dist.name} {offer.dist.version}" if offer.dist else offer.value


def _not_installed(adapter: str, installed: Iterable[str], *, where: str) -> AdapterNotFoundError:
    names = sorted(installed)
    near = near_matches(adapter, names)
    return AdapterNotFoundError(
        f"the adapter {adapter!r} is not installed",
        where=where,
        why=f"installed: {', '.join(names) or 'none'}",
        hint=f"{near} else: " * near.startswith("did")
        + f"install its wheel: pip install adapter_{adapter}-<version>-py3-none-any.whl",
    )


def _broken(
    adapter: str, exc: ImportError | AttributeError, *, where: str, offer: EntryPoint | None = None
) -> AdapterNotFoundError:
    distribution = offer.dist.name if offer and offer.dist else f"adapter-{adapter}"
    missing = exc.name if isinstance(exc, ModuleNotFoundError) else None
    own = offer is not None and missing is not None and f"{offer.module}.".startswith(f"{missing}.")
    if missing and not own:
        return AdapterNotFoundError(
            f"the adapter {adapter!r} is installed, a library that it needs is not",
            where=where,
            why=f"the module {missing!r} is missing",
            hint=f"pip install {missing}, or install the wheel of {distribution} again with what it needs",
        )
    return AdapterNotFoundError(
        f"the adapter {adapter!r} is installed and cannot be loaded",
        where=where,
        why=f"{type(exc).__name__}: {exc}",
        hint=f"install the wheel of {distribution} again: pip install --force-reinstall <its wheel>",
    )
