"""From a file and the environment to one tree of plain values, from which every secret has been taken out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from mlops_core.errors import ConfigurationError
from mlops_core.secret import HOW_TO_REFER, Secret, is_secret_key, reference_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Tree: TypeAlias = "dict[str, object]"

FILE_NAME: Final = "mlops.toml"
PREFIX: Final = "MLOPS_"
_NOT_SETTINGS: Final = frozenset({"MLOPS_CONFIG", "MLOPS_DEBUG"})
_USER_IN_ADDRESS: Final = re.compile(r"([a-z][a-z0-9+.-]*)://[^/?#@\s]+@", re.IGNORECASE)
_PASSWORD_IN_ADDRESS: Final = re.compile(r"://[^/?#@\s]*:[^@\s]*@")
_USER_IS_NO_SECRET: Final = frozenset({"abfs", "abfss", "git+ssh", "sftp", "ssh", "wasb", "wasbs"})
"""Schemes in which what stands before ``@`` is a container, or a user who proves himself by a key."""
_ASSIGNMENT: Final = re.compile(r"""([\w.-]+)["']?\s*(?:=|:\s)\s*["']?([^\s;,&"']+)""")
_BARE_SECRET: Final = re.compile(r"^\s*bearer\s+\S|-----BEGIN [A-Z ]*PRIVATE KEY", re.IGNORECASE)
_TABLES: Final = frozenset({"auth", "oauth"})
"""Keys of secrets that may be tables of options, in which each option is judged by its own key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """An environment variable that sets something: its name and the path of keys that it sets."""

    name: str
    path: tuple[str, ...]


def find_file(config: Path | None, *, environ: Mapping[str, str], start: Path) -> Path | None:
    """The settings file: the one asked for, else ``mlops.toml`` in a folder or the nearest of its parents.

    Raises:
        ConfigurationError: The file asked for, by argument or by ``MLOPS_CONFIG``, does not exist.
    """
    named = config or (Path(text).expanduser() if (text := environ.get("MLOPS_CONFIG")) else None)
    if named is None:
        folders = (start.absolute(), *start.absolute().parents)
        return next((path for folder in folders if (path := folder / FILE_NAME).is_file()), None)
    path = (start / named).absolute()
    if path.is_file():
        return path
    raise ConfigurationError(
        "the settings file does not exist",
        where=str(path),
        why="it was named by an argument" if config else "MLOPS_CONFIG names it",
        hint="mlops init writes one",
    )


def read_file(path: Path) -> Tree:
    """Parse a settings file and take the secrets out of its backends.

    Raises:
        ConfigurationError: It cannot be read, is not TOML, names a key twice, or holds a secret.
    """
    tree, why = _parsed(path)
    if why:
        raise ConfigurationError("the settings file cannot be read", where=str(path), why=why)
    tree, complaints = _sealed_tree(tree, path.parent)
    _refuse(complaints, where=str(path))
    return tree


def _parsed(path: Path) -> tuple[Tree, str]:
    # The reason is returned, not raised: frames in which the file's text is a local must not reach a traceback.
    try:
        return tomllib.loads(path.read_text("utf-8")), ""
    except tomllib.TOMLDecodeError as exc:
        doubled = "overwrite" in str(exc) or "declare" in str(exc)
        return {}, f"{'a key or table stands there twice' if doubled else 'it is not TOML'}: {exc}"
    except UnicodeDecodeError as exc:
        return {}, f"byte {exc.start} is not UTF-8"
    except OSError as exc:
        return {}, exc.strerror or type(exc).__name__


def _refuse(complaints: Iterable[str], *, where: str) -> None:
    if found := list(complaints):
        why = "a backend's options hold what they may not"
        raise ConfigurationError("; ".join(found), where=where, why=why, hint=HOW_TO_REFER)


def with_environment(tree: Tree, environ: Mapping[str, str], *, sections: Iterable[str], base: Path) -> list[Variable]:
    """Lay the variables ``MLOPS_<SECTION>[__KEY...]`` over a tree, in place.

    ``MLOPS_BACKENDS__PROD__BUCKET=x`` sets ``bucket`` of ``[backends.prod]``. Names are compared without case, and
    with ``_`` for ``-`` and ``.``. A value that reads as a TOML boolean, number, text in quotes, list or table is
    that, everything else is text as it stands. A secret's option becomes a reference to its own variable.

    Args:
        tree: What the file says.
        environ: The environment. Empty variables and those of other sections are left alone.
        sections: The sections that settings have.
        base: The folder against which a secret's relative file is taken.

    Returns:
        The variables that were used.

    Raises:
        ConfigurationError: A table given by a variable holds a secret itself.
    """
    used: list[Variable] = []
    for name, parts in _variables(environ, sections):
        table, path = tree, list[str]()
        for part in parts[:-1]:
            path.append(_key_like(part, table))
            inner = table.get(path[-1])
            table[path[-1]] = table = dict(cast("Tree", inner)) if isinstance(inner, dict) else {}
        path.append(_key_like(parts[-1], table))
        table[path[-1]] = _value_of(name, path, environ, base)
        used.append(Variable(name=name, path=tuple(path)))
    return used


def unread_variables(environ: Mapping[str, str], *, sections: Iterable[str]) -> list[str]:
    """Variables that begin with ``MLOPS_`` and set nothing: perhaps somebody else's, perhaps a slip."""
    read = {name for name, _ in _variables(environ, sections)} | _NOT_SETTINGS
    return sorted(name for name in environ if name.startswith(PREFIX) and environ[name] and name not in read)


def _variables(environ: Mapping[str, str], sections: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    known = frozenset(sections)
    for name in sorted(environ):
        parts = name.removeprefix(PREFIX).lower().split("__")
        if name.startswith(PREFIX) and environ[name] and parts[0] in known and all(parts):
            yield name, parts


def _key_like(part: str, table: Tree) -> str:
    return next((key for key in table if re.sub(r"[-.]", "_", key.lower()) == part), part)


def _value_of(name: str, path: list[str], environ: Mapping[str, str], base: Path) -> object:
    if path[0] != "backends":
        return _read(environ[name])
    if len(path) > len(("backends", "name")) and is_secret_key(path[-1]):
        return reference_to(_read(environ[name]), base) or Secret(env=name)
    value, complaints = _sealed_value(_read(environ[name]), ".".join(path), base)
    _refuse(complaints, where=f"environment variable {name}")
    return value


def _read(text: str) -> object:
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    readable = len(table) == 1 and isinstance(table["value"], (bool, int, float, str, list, dict))
    return cast("object", table["value"]) if readable else text


def _sealed_tree(tree: Tree, base: Path) -> tuple[Tree, list[str]]:
    backends = tree.get("backends")
    if not isinstance(backends, dict):
        return tree, []
    sealed: Tree = {}
    complaints: list[str] = []
    for name, table in cast("Tree", backends).items():
        # A backend may be called "secret": its name is not an option's.
        sealed[name], found = _sealed_value(table, f"backends.{name}", base)
        complaints += found
    return {**tree, "backends": sealed}, complaints


def _sealed_value(value: object, place: str, base: Path) -> tuple[object, list[str]]:
    """A value of a backend's options that cannot show a secret, and what is wrong with it, never with the value.

    Complaints are returned, not raised: an exception from here would carry the secret in the locals of its frames.
    """
    if isinstance(value, Mapping):
        return _sealed_table(cast("Mapping[str, object]", value), place, base)
    if isinstance(value, list):
        pairs = [_sealed_value(item, place, base) for item in cast("list[object]", value)]
        return [item for item, _ in pairs], [each for _, found in pairs for each in found]
    if isinstance(value, str) and (found := _secret_in_text(value)):
        return None, [f"{place} holds {found}"]
    if value is None or isinstance(value, (Secret, bool, int, float, str)):
        return value, []
    return None, [f"{place} holds a {type(value).__name__}, which an option cannot be: write it as text"]


def _sealed_table(table: Mapping[str, object], place: str, base: Path) -> tuple[Tree, list[str]]:
    sealed: Tree = {}
    complaints: list[str] = []
    for key, value in table.items():
        inner = f"{place}.{key}"
        if is_secret_key(key) and not (_is_count(key, value) or _is_table_of_options(key, value, base)):
            sealed[key] = reference = reference_to(value, base)
            if reference is None:
                complaints.append(f"{inner} holds something else than a reference to a secret")
        else:
            sealed[key], found = _sealed_value(value, inner, base)
            complaints += found
    return sealed, complaints


def _is_table_of_options(key: str, value: object, base: Path) -> bool:
    return key.lower() in _TABLES and isinstance(value, Mapping) and reference_to(cast("object", value), base) is None


def _secret_in_text(text: str) -> str:
    """What kind of secret stands inside a text; ``""`` if none does."""
    schemes = (match[1].lower() for match in _USER_IN_ADDRESS.finditer(text))
    if _PASSWORD_IN_ADDRESS.search(text) or any(scheme not in _USER_IS_NO_SECRET for scheme in schemes):
        return "a user or password inside an address"
    if _BARE_SECRET.search(text):
        return "a token or private key"
    pairs = (match.groups() for match in _ASSIGNMENT.finditer(text))
    if any(is_secret_key(key) and not _is_count(key, _read(value)) for key, value in pairs):
        return "a secret inside a text"
    return ""


def _is_count(key: str, value: object) -> bool:
    # max_tokens = 512 and token = false are no secrets; password = 123456 is one.
    return isinstance(value, bool) or (isinstance(value, (int, float)) and key.endswith("s"))


def secrets_in(options: object, *, where: str) -> Iterator[tuple[str, Secret]]:
    """Every reference to a secret in a backend's options, with its dotted place."""
    if isinstance(options, Secret):
        yield where, options
    elif isinstance(options, Mapping):
        for key, value in cast("Mapping[str, object]", options).items():
            yield from secrets_in(value, where=f"{where}.{key}")
    elif isinstance(options, Sequence) and not isinstance(options, str):
        for index, value in enumerate(cast("Sequence[object]", options)):
            yield from secrets_in(value, where=f"{where}.{index}")
