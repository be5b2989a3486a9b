"""What a feature's function does, as text: so that a change is noticed, and a change of layout is not.

The text is the function's syntax tree without its name, docstring, decorators, annotations and positions, together with
the values that the function takes from outside: defaults, closure variables and the globals that it names. Constants
count by their content, helper functions of the same package by their own text, everything of other packages by its name
only. Classes and objects of the same package count by their attributes, those of NumPy and Polars by their values. Of a
feature its text and version count. Of any other object only the class counts, with a :class:`NotDescribedWarning`. A
Polars expression or query that is taken from outside counts by Polars' own serialisation, which another release of
Polars may spell otherwise: build expressions inside the function.

A lambda, and a function whose source cannot be found (typed into a bare interpreter), is described by its bytecode:
stable within one minor version of Python.
"""

from __future__ import annotations

import ast
import dis
import enum
import inspect
import re
import textwrap
import warnings
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from functools import partial
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_LITERALS: Final = (bool, int, float, complex, str, bytes, Decimal, date, time, timedelta, tzinfo, range, PurePath)
_LAYOUT_FIELDS: Final = {"ctx", "decorator_list", "kind", "returns", "type_comment", "type_params"}


class NotDescribedWarning(UserWarning):
    """A feature takes an object from outside of which only the class is known: if its value changes, nothing tells."""


def describe_code(function: Callable[..., object]) -> str:
    """The function's own text, normalised; its bytecode where there is no source."""
    plain = inspect.unwrap(function)
    if not isinstance(plain, FunctionType):
        return f"callable {_package(plain)}.{getattr(plain, '__qualname__', '')}"
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(plain))).body[0]
    except (OSError, TypeError, SyntaxError):
        return _bytecode(plain.__code__)
    # The source of a lambda is the statement around it, whatever the lambda is called.
    if isinstance(tree, (ast.FunctionDef, ast.AsyncFunctionDef)) and plain.__code__.co_name != "<lambda>":
        return _function_text(tree)
    return _bytecode(plain.__code__)


def describe_captured(function: Callable[..., object]) -> dict[str, str]:
    """What the function takes from outside, by name."""
    plain = inspect.unwrap(function)
    return _captured(plain, home=_package(plain), seen=frozenset()) if isinstance(plain, FunctionType) else {}


def _captured(function: FunctionType, *, home: str, seen: frozenset[int]) -> dict[str, str]:
    values = {
        name: function.__globals__[name] for name in _global_names(function.__code__) if name in function.__globals__
    }
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            values[name] = cell.cell_contents
        except ValueError:  # not filled yet: a function that names itself
            continue
    # The text of a default may be a name: its value counts too.
    values |= {f"default {name}": value for name, value in _defaults(function).items()}
    inner = seen | {id(function)}
    return {name: _describe(values[name], home=home, seen=inner) for name in sorted(values)}


def _defaults(function: FunctionType) -> dict[str, object]:
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def _describe(value: object, *, home: str, seen: frozenset[int]) -> str:
    vendor = _package(type(value))
    if vendor == "numpy" and hasattr(value, "tolist"):  # before numbers: some of NumPy's are Python's too
        return _describe_array(value, home=home, seen=seen)
    if value is None or isinstance(value, _LITERALS):
        return f"{type(value).__name__} {value!r}"
    if id(value) in seen:
        return "itself"
    inner = seen | {id(value)}
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, enum.Enum):
        return f"{_qualified(type(value), home)}.{value.name} {_describe(value.value, home=home, seen=inner)}"
    if isinstance(value, type):
        return _describe_class(value, home=home, seen=inner)
    if vendor == "polars":
        return _describe_polars(value, home=home, seen=inner)
    if callable(value) and (called := _describe_callable(value, home=home, seen=inner)):
        return called
    return _describe_parts(value, home=home, seen=inner)


def _describe_callable(value: object, *, home: str, seen: frozenset[int]) -> str:
    """What is called, with what it is bound to; ``""`` for an object that can be called."""
    if isinstance(value, partial):
        bound = cast("partial[object]", value)
        return f"partial {_describe([bound.func, bound.args, bound.keywords], home=home, seen=seen)}"
    if isinstance(value, MethodType):
        return f"method {_describe([value.__func__, value.__self__], home=home, seen=seen)}"
    plain = inspect.unwrap(cast("Callable[..., object]", value))
    if isinstance(plain, FunctionType):
        return _describe_helper(plain, home=home, seen=seen)
    owner = getattr(plain, "__self__", None) if isinstance(plain, BuiltinFunctionType) else None
    if owner is not None and not isinstance(owner, ModuleType):
        return f"method {plain.__name__} {_describe(owner, home=home, seen=seen)}"
    return _qualified(plain, home) if isinstance(getattr(plain, "__qualname__", None), str) else ""


def _describe_helper(function: FunctionType, *, home: str, seen: frozenset[int]) -> str:
    if _package(function) != home:
        return _qualified(function, home)
    captured = _captured(function, home=home, seen=seen)
    return f"function {describe_code(function)} {sorted(captured.items())}"


def _describe_class(kind: type, *, home: str, seen: frozenset[int]) -> str:
    name = _qualified(kind, home)
    if _package(kind) != home:
        return name
    if issubclass(kind, enum.Enum):
        return f"{name} [{', '.join(_describe(each, home=home, seen=seen) for each in kind)}]"
    attributes: dict[str, str] = {}
    for owner in reversed([each for each in kind.__mro__ if _package(each) == home]):
        for key, value in vars(owner).items():
            made = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
            # What else is bound to the class's objects (slots, for one) is named by its annotation or its class.
            if not key.startswith(("__", "_abc_")) and (isinstance(made, FunctionType) or not hasattr(made, "__get__")):
                attributes[key] = _describe(made, home=home, seen=seen)
    return f"{name} {sorted(attributes.items())}"


def _describe_array(value: object, *, home: str, seen: frozenset[int]) -> str:
    array = cast("Any", value)
    return f"numpy {array.dtype!s} {array.shape} {_describe(array.tolist(), home=home, seen=seen)}"


def _describe_polars(value: object, *, home: str, seen: frozenset[int]) -> str:
    import polars as pl

    if isinstance(value, pl.Series):
        return f"series {value.name!r} {value.dtype!r} {_describe(value.to_list(), home=home, seen=seen)}"
    if isinstance(value, pl.DataFrame):
        return f"table {_describe(value.get_columns(), home=home, seen=seen)}"
    if isinstance(value, pl.Enum):  # its values decide what the feature can be
        return f"enum {value.categories.to_list()}"
    if isinstance(value, pl.DataType):
        return repr(value)
    if isinstance(value, pl.Expr):
        return f"expression {value.meta.serialize(format='binary').hex()}"
    if isinstance(value, pl.LazyFrame):
        return f"query {value.serialize(format='binary').hex()}"
    return _qualified(type(value), home)  # pl.col and its like: they hold nothing


def _describe_parts(value: object, *, home: str, seen: frozenset[int]) -> str:
    def each(parts: Iterable[object]) -> list[str]:
        return [_describe(part, home=home, seen=seen) for part in parts]

    name = _qualified(type(value), home)
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return f"{name} {{{', '.join(sorted(': '.join(each(item)) for item in items))}}}"
    if isinstance(value, AbstractSet):
        return f"{name} {{{', '.join(sorted(each(cast('AbstractSet[object]', value))))}}}"
    if isinstance(value, (list, tuple)):
        return f"{name} [{', '.join(each(cast('Sequence[object]', value)))}]"
    if isinstance(value, re.Pattern):
        pattern = cast("re.Pattern[str]", value)
        return f"pattern {pattern.pattern!r} {pattern.flags}"
    spec, version = getattr(value, "spec", None), getattr(value, "version", None)
    if isinstance(spec, str) and isinstance(version, int):
        return f"feature {spec} {version}"
    if is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
    elif _package(type(value)) == home and hasattr(value, "__dict__"):
        parts = vars(value)
    else:
        warnings.warn(
            f"a feature takes a {type(value).__module__}.{name} from outside, of which only the class is known later: "
            "its value may change unnoticed; make it a parameter, or plain values",
            NotDescribedWarning,
            stacklevel=2,
        )
        return f"object {name}"
    kind = _describe(type(value), home=home, seen=seen)
    return f"{kind} [{', '.join(each(sorted(parts.items())))}]"


def _global_names(code: CodeType) -> set[str]:
    """Names of globals that the code, or a function inside it, loads."""
    names = {str(each.argval) for each in dis.get_instructions(code) if each.opname == "LOAD_GLOBAL"}
    return names.union(*(_global_names(const) for const in code.co_consts if isinstance(const, CodeType)))


def _bytecode(code: CodeType) -> str:
    consts = [_bytecode(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return f"bytecode {code.co_code.hex()} {code.co_names} {code.co_varnames} {consts}"


def _function_text(tree: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return f"{_node_text(tree.args)} {_node_text(tree.body)}"


def _node_text(node: object) -> str:
    """Like :func:`ast.dump`, without what is empty, so that it is equal in all versions of Python."""
    if isinstance(node, ast.AnnAssign):  # an annotation means nothing at run time
        return "" if node.value is None else f"Assign({_node_text([node.target])}, {_node_text(node.value)})"
    if isinstance(node, ast.AST):
        skipped = _LAYOUT_FIELDS | ({"annotation"} if isinstance(node, ast.arg) else set[str]())
        parts = [
            f"{name}={_node_text(value)}"
            for name, value in ast.iter_fields(node)
            if name not in skipped and value not in (None, [])
        ]
        return f"{type(node).__name__}({', '.join(parts)})"
    if isinstance(node, list):
        return f"[{', '.join(filter(None, map(_node_text, cast('list[object]', node))))}]"
    return repr(node)


def _package(value: object) -> str:
    return str(getattr(value, "__module__", "")).partition(".")[0]


def _qualified(value: object, home: str) -> str:
    """The name with its package, unless that is the feature's own: a file of definitions may have any path."""
    package = _package(value)
    name = str(getattr(value, "__qualname__", ""))
    return name if package == home else f"{package}.{name}"
