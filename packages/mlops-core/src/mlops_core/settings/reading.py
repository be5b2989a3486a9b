"""From the tree of plain values to :class:`Settings`: types, unknown keys, names, and messages that say where."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

from mlops_core.errors import ConfigurationError, InvalidNameError, near_matches
from mlops_core.naming import check_model_name, check_tags
from mlops_core.secret import Environment
from mlops_core.settings.records import (
    PORTS,
    BackendSettings,
    CacheSettings,
    Candidate,
    CheckJob,
    ScoreJob,
    Settings,
    TrainJob,
    TrustSettings,
    checked_use,
)
from mlops_core.settings.sources import Variable, find_file, read_file, with_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import TypeAdapter

    from mlops_core.json_values import JsonValue
    from mlops_core.settings.sources import Tree

SECTIONS: Final = ("use", "backends", "trust", "cache", "train", "score")
_HOME: Final = {"home": {"adapter": "local", "path": ".mlops"}}
_BACKEND_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_DATES: Final = frozenset({"valid_from", "test_from", "test_until"})
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """The sections whose keys the core knows; ``use`` and ``backends`` are read by hand."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    trust: TrustSettings = field(default_factory=TrustSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    train: dict[str, TrainJob] = field(default_factory=dict[str, TrainJob])
    score: dict[str, ScoreJob] = field(default_factory=dict[str, ScoreJob])


_TABLES: Final[dict[tuple[str, ...], type]] = {
    (): _Document,
    ("trust",): TrustSettings,
    ("cache",): CacheSettings,
    ("train", "*"): TrainJob,
    ("train", "*", "candidates", "*"): Candidate,
    ("score", "*"): ScoreJob,
    ("score", "*", "checks", "*"): CheckJob,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """Where values come from: the variables that were used, else the file."""

    file: Path | None
    variables: list[Variable]

    def of(self, *path: str) -> str:
        for each in self.variables:
            if each.path == path[: len(each.path)]:
                return f"environment variable {each.name}"
        return str(self.file) if self.file else "the default settings"


def load_settings(
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    use: str | None = None,
    start: Path | None = None,
) -> Settings:
    """Read the settings: arguments before ``MLOPS_*`` variables before ``mlops.toml`` before defaults.

    Without a file there is one backend, ``home``: the embedded one, in ``.mlops`` of the folder.

    Args:
        config: The file; by default what ``MLOPS_CONFIG`` names, else ``mlops.toml`` in ``start`` or above it.
        environ: The environment; the process's own by default. ``MLOPS_BACKENDS__PROD__BUCKET=x`` sets ``bucket`` of
            ``[backends.prod]``; a value in TOML's spelling keeps its type.
        use: The backend for every port.
        start: The folder in which the search begins; the current one by default.

    Raises:
        ConfigurationError: The file or a value is wrong. The message names the file and the dotted key, and never
            shows a secret.
    """
    environ = Environment(os.environ if environ is None else environ)
    settings = _settings(config, environ, start or Path.cwd())
    return settings if use is None else settings.using(use)


def _settings(config: Path | None, environ: Mapping[str, str], start: Path) -> Settings:
    file = find_file(config, environ=environ, start=start)
    base = file.parent if file else start.absolute()
    tree = read_file(file) if file else {}
    tree.setdefault("backends", dict(_HOME))
    origin = _Origin(file=file, variables=with_environment(tree, environ, sections=SECTIONS, base=base))

    tables, choice = tree.pop("backends"), tree.pop("use", "home")
    document = _anchored(_document(tree, origin), base)
    backends = dict(_backends(tables, origin))
    use = checked_use(choice, backends, where=origin.of("use"))
    for name, job in document.train.items():
        _check_train(name, job, origin)
    for name, job in document.score.items():
        if not 0 <= job.max_reject_rate <= 1:
            raise _wrong(origin, ("score", name, "max_reject_rate"), "is a part of the rows, from 0 to 1")
    return Settings(
        use=use,
        backends=backends,
        trust=document.trust,
        cache=document.cache,
        train=document.train,
        score=document.score,
        base=base,
        file=file,
    )


def _wrong(origin: _Origin, path: tuple[str, ...], why: str, *, hint: str = "") -> ConfigurationError:
    dotted = ".".join(path)
    return ConfigurationError(f"{dotted} cannot be used", where=f"{origin.of(*path)}: {dotted}", why=why, hint=hint)


def _backends(value: object, origin: _Origin) -> Iterator[tuple[str, BackendSettings]]:
    if not isinstance(value, dict):
        raise _wrong(origin, ("backends",), "it is a table of tables", hint="write [backends.home]")
    for name, table in cast("dict[str, object]", value).items():
        path = ("backends", name)
        if not _BACKEND_NAME.fullmatch(name):
            raise _wrong(origin, path, "a backend's name is 1 to 63 of a-z, 0-9, '_' and '-', and begins with a letter")
        if not isinstance(table, dict):
            raise _wrong(origin, path, "it is a table", hint=f"write [backends.{name}] and adapter = ... below it")
        options = cast("dict[str, Any]", dict(cast("dict[str, object]", table)))
        adapter: object = options.pop("adapter", None)
        if not (isinstance(adapter, str) and adapter):
            why = "it names the adapter of this backend" if adapter is None else "it is the name of an adapter, as text"
            hint = near_matches("adapter", options) if adapter is None else ""
            hint = hint if hint.startswith("did") else 'for example: adapter = "local"'
            raise _wrong(origin, (*path, "adapter"), why, hint=hint)
        yield name, BackendSettings(adapter=adapter, options=options)


def _adapter() -> TypeAdapter[_Document]:
    from pydantic import TypeAdapter

    return TypeAdapter(_Document)


def _document(tree: Tree, origin: _Origin) -> _Document:
    from pydantic import ValidationError

    cache = tree.get("cache")
    if isinstance(cache, dict) and isinstance(cast("Tree", cache).get("max_bytes"), str):
        text = cast("str", cache["max_bytes"])
        tree["cache"] = {**cache, "max_bytes": _bytes_of(text, origin)}
    problems: list[tuple[tuple[str, ...], str, str]]
    try:
        # As JSON, because pydantic is strict about JSON in the way that a person expects: a date is text, a path is
        # text, a tuple is a list, and nothing else is turned into something else.
        return _adapter().validate_json(json.dumps(tree, default=_date_text), strict=True)
    except ValidationError as exc:
        problems = [_problem(each["type"], each["loc"], each["msg"]) for each in exc.errors(include_url=False)]
    # Unknown keys first: a slip in a key's name also leaves the key that was meant missing.
    problems = sorted(dict.fromkeys(problems), key=lambda each: not each[1].startswith("unknown"))
    path, what, hint = problems[0]
    why = "" if len(problems) == 1 else "also: " + "; ".join(each for _, each, _ in problems[1:])
    raise ConfigurationError(what, where=f"{origin.of(*path)}: {'.'.join(path)}", why=why, hint=hint)


def _date_text(value: object) -> str:
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    return str(value)


def _problem(kind: str, location: tuple[int | str, ...], message: str) -> tuple[tuple[str, ...], str, str]:
    path = tuple(str(each) for each in location)
    dates = len(path) > 2 and path[2] in _DATES  # noqa: PLR2004 - train, the job's name, the field
    path = path[:3] if dates else path
    dotted = ".".join(path)
    *tables, key = path or ("",)
    table = ".".join(tables)
    if kind == "unexpected_keyword_argument":
        known = [*_keys_of(tables), *(("use", "backends") if not table else ())]
        return path, f"unknown key {key!r}" + (f" in [{table}]" if table else ""), near_matches(key, known)
    if kind == "missing":
        return path, f"{dotted} is missing", f"write {key} = ... into [{table}]"
    if dates:
        return path, f"{dotted} is not a date", "write 2013-10-01, or 2013-10-01T06:00:00Z"
    return path, f"{dotted}: {message[0].lower()}{message[1:]}", ""


def _keys_of(path: list[str]) -> list[str]:
    for pattern, table in _TABLES.items():
        if len(pattern) == len(path) and all(a in ("*", b) for a, b in zip(pattern, path, strict=True)):
            return [each.name for each in fields(table)]
    return []


def _bytes_of(text: str, origin: _Origin) -> int:
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise _wrong(origin, ("cache", "max_bytes"), "it is a number of bytes, or text", hint='for example "10GB"')
    number, prefix, binary = match.groups()
    step = 1024 if binary else 1000
    return int(float(number) * step ** " kmgt".index(prefix.lower() or " "))


def _anchored(record: Record, base: Path) -> Record:
    """The same record with every relative path below it taken against ``base``."""
    if isinstance(record, Path):
        return cast("Record", base / record.expanduser())
    if isinstance(record, dict):
        table = cast("dict[str, object]", record)
        return cast("Record", {key: _anchored(each, base) for key, each in table.items()})
    if is_dataclass(record) and not isinstance(record, type):
        changed = {each.name: _anchored(getattr(record, each.name), base) for each in fields(record)}
        return cast("Record", replace(record, **changed))
    return record


def _check_train(name: str, job: TrainJob, origin: _Origin) -> None:
    path = ("train", name)
    try:
        check_model_name(name)
        check_tags(job.tags)
    except InvalidNameError as exc:
        where = f"{origin.of(*path)}: {'.'.join(path)}"
        raise ConfigurationError(exc.what, where=where, why=exc.why, hint=exc.hint) from exc
    for key in ("features", "candidates"):
        if not getattr(job, key):
            raise _wrong(origin, (*path, key), "the list is empty", hint="name at least one")
    moments = [_instant(each) for each in (job.valid_from, job.test_from, job.test_until) if each is not None]
    if moments != sorted(set(moments)):
        why = "valid_from comes before test_from, and that before test_until"
        raise _wrong(origin, (*path, "test_from"), why)


def _instant(moment: date | datetime) -> datetime:
    whole = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return whole if whole.tzinfo else whole.replace(tzinfo=UTC)


def settings_schema() -> Mapping[str, JsonValue]:
    """The JSON Schema of ``mlops.toml``, for editors."""
    schema = _adapter().json_schema()
    name: dict[str, Any] = {"type": "string", "minLength": 1}
    ports = dict.fromkeys(PORTS, name)
    schema["properties"] |= {
        "use": {"anyOf": [name, {"type": "object", "properties": ports, "additionalProperties": False}]},
        "backends": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"adapter": name}, "required": ["adapter"]},
        },
    }
    max_bytes = schema["$defs"]["CacheSettings"]["properties"]["max_bytes"]
    max_bytes["type"] = ["integer", "string"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "mlops.toml"}
