"""The text of a feature with its parameters: ``delay(by=['origin', 'dest'], over='30d')``, written and read."""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from mlops_core.errors import FeatureError

if TYPE_CHECKING:
    from collections.abc import Mapping

Value: TypeAlias = "bool | int | float | str | tuple[Value, ...] | None"


def check_feature_name(name: str) -> None:
    """Check the name of a feature or group: a Python identifier, so that its text can be read back.

    Raises:
        FeatureError: It is not.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise FeatureError(
            f"{name!r} cannot name a feature",
            why="a name has letters, digits and underscores, does not begin with a digit, and is no Python keyword",
            hint="for example: wind_gusts",
        )


def as_value(value: object, *, what: str) -> Value:
    """A parameter's value in its one form: a list becomes a tuple.

    Raises:
        FeatureError: It is not text, a finite number, a boolean, ``None``, or a sequence of these.
    """
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return tuple(as_value(each, what=what) for each in cast("Sequence[object]", value))
    raise FeatureError(
        f"{what} cannot be {value!r}",
        why="parameters are stored with the model: text, finite numbers, booleans, None, and lists of these",
        hint="pass a text or a number, and make the object from it inside the function",
    )


def value_text(value: Value) -> str:
    """The value as Python would read it, sequences as lists."""
    return f"[{', '.join(map(value_text, value))}]" if isinstance(value, tuple) else repr(value)


def column_part(value: Value) -> str:
    """The value as a part of a column's name: ``origin_dest`` for ``("origin", "dest")``."""
    if isinstance(value, tuple):
        return "_".join(map(column_part, value))
    text = value if isinstance(value, str) else str(value).lower()
    return re.sub(r"[^\w.+-]+", "_", text)


def spec_text(name: str, parameters: Mapping[str, Value]) -> str:
    """The text that :func:`parse_spec` reads back."""
    given = ", ".join(f"{key}={value_text(value)}" for key, value in parameters.items())
    return f"{name}({given})" if given else name


def parse_spec(spec: str) -> tuple[str, dict[str, Value]]:
    """Read a feature's text. Nothing is evaluated: parameters are literals.

    Args:
        spec: Such as ``delay`` or ``delay(by=['origin', 'dest'], over='30d')``.

    Returns:
        The name, and the parameters by name.

    Raises:
        FeatureError: The text is of another form.
    """
    try:
        tree = ast.parse(spec.strip(), mode="eval").body
        if isinstance(tree, ast.Name):
            return tree.id, {}
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
            return tree.func.id, _parameters(tree)
        why = "it is neither a name nor a name with parameters"
    except FeatureError:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        why = str(exc) or type(exc).__name__
    raise FeatureError(
        f"{spec[:200]!r} names no feature", why=why, hint="for example: delay(by=['origin'], over='30d')"
    )


def _parameters(call: ast.Call) -> dict[str, Value]:
    if call.args:
        raise ValueError("parameters are written with their names")
    parameters: dict[str, Value] = {}
    for each in call.keywords:
        if each.arg is None:
            raise ValueError("** is not a parameter")
        if each.arg in parameters:
            raise ValueError(f"the parameter {each.arg!r} is given twice")
        parameters[each.arg] = as_value(_literal(each.value), what=f"parameter {each.arg!r}")
    return parameters


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError) as exc:
        raise ValueError(
            f"{ast.unparse(node)!r} is not a text, a number, True, False, None or a list of these"
        ) from exc
