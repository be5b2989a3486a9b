"""What the command prints: data on stdout, talk on stderr, one JSON object where ``--json`` is given."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mlops_core.errors import MlopsError

if TYPE_CHECKING:
    from mlops_core.json_values import JsonValue

SCHEMA: Final = 1
"""Version of the JSON that every verb prints: names are added within a version, never changed."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
"""The option of every verb."""


def emit(data: "Mapping[str, JsonValue]", text: str, *, as_json: bool) -> None:
    """Print a verb's answer.

    Args:
        data: The answer as JSON, without ``schema``.
        text: The answer for a person.
        as_json: Which of the two.
    """
    if as_json:
        typer.echo(json.dumps({"schema": SCHEMA, **_json(data)}, indent=2, ensure_ascii=False))
    elif text:
        typer.echo(printable(text))


def say(text: str) -> None:
    """Tell a person something that is not the answer."""
    typer.echo(printable(text), err=True)


def print_error(error: MlopsError, *, exit_code: int, as_json: bool) -> None:
    """Print an error in its four parts on stderr, and as JSON on stdout for whoever reads that."""
    say(f"error: {error}")
    if as_json:
        parts = {"what": error.what, "where": error.where, "why": error.why, "next": error.hint}
        emit({"error": {"kind": type(error).__name__, **parts, "exit_code": exit_code}}, "", as_json=True)


def _json(data: "Mapping[str, JsonValue]") -> "dict[str, JsonValue]":
    return {key: _json_value(each) for key, each in data.items()}


def _json_value(value: "JsonValue") -> "JsonValue":
    # JSON has no NaN and no infinities; json.dumps would write words that other readers refuse.
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, Mapping):
        return _json(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_json_value(each) for each in value]
    return value


def printable(text: str) -> str:
    """The text without control characters: a name from a registry must not steer the terminal."""
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, indent: str = "") -> str:
    """Aligned columns under a head in capitals; one line per row."""
    lines = [[each.upper() for each in head]] if head else []
    lines += [[printable(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        (indent + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))).rstrip()
        for line in lines
    )


def path_text(path: Path) -> str:
    """A path as short as it can be typed here: relative to the working folder where it lies inside."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def size_text(size: int) -> str:
    """A number of bytes for a person, such as ``1.4 MB``."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - decimal units
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
