"""Options of a backend, checked against an adapter's own record of them: for every adapter the same messages."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from mlops_core.errors import ConfigurationError, near_matches
from mlops_core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from _typeshed import DataclassInstance

    from mlops_core.ports.backend import OptionValue

Options = TypeVar("Options", bound="DataclassInstance")


def read_options(
    kind: type[Options], options: Mapping[str, OptionValue], /, *, backend: str, adapter: str, base: Path
) -> Options:
    """Options as a record, every one of its declared type.

    Args:
        kind: A dataclass whose fields are the options; one without a default must be given. Fields of type ``Secret``
            take ``{ env = "NAME" }`` and ``{ file = "path" }`` under any name.
        options: The backend's table of the settings, without ``adapter``.
        backend: The configured name, for messages.
        adapter: The adapter's name, for messages.
        base: The folder against which the file of a secret is taken.

    Raises:
        ConfigurationError: An option is unknown, missing, or of another type. The message never shows a value.
        TypeError: The type of a field is imported for type checkers only; it is needed when this is called.
    """
    where = f"backend {backend!r}, adapter {adapter!r}"
    known = {each.name: each for each in fields(kind)}
    for key in options:
        if key not in known:
            why = f"the options are {', '.join(known)}"
            raise ConfigurationError(f"unknown option {key!r}", where=where, why=why, hint=near_matches(key, known))
    for key, each in known.items():
        if key not in options and each.default is MISSING and each.default_factory is MISSING:
            hint = f"write {key} = ... into [backends.{backend}]"
            raise ConfigurationError(f"the option {key!r} is missing", where=where, hint=hint)
    types = _types(kind)
    given = {
        key: _checked(value, types[key], key=key, dotted=f"backends.{backend}.{key}", where=where, base=base)
        for key, value in options.items()
    }
    return kind(**given)


def _types(kind: type[DataclassInstance]) -> Mapping[str, Any]:
    try:
        return get_type_hints(kind)
    except NameError as exc:
        advice = "import it outside `if TYPE_CHECKING`, since the types of the fields are read to check the options"
        raise TypeError(f"{kind.__name__}: {exc.name!r} is not there at run time: {advice}") from exc


def _checked(value: object, kind: Any, *, key: str, dotted: str, where: str, base: Path) -> Any:
    from pydantic import TypeAdapter, ValidationError

    if kind is Secret or Secret in get_args(kind):
        return Secret.from_option(value, key=dotted, base=base)
    try:
        return TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as exc:
        message = exc.errors(include_url=False, include_input=False)[0]["msg"]
    # Raised outside, so that it is not chained: pydantic's own message shows the value.
    why = f"{message[0].lower()}{message[1:]}"
    raise ConfigurationError(f"the option {key!r} cannot be used", where=where, why=why)
