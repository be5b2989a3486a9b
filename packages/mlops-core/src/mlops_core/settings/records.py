"""What can be configured, as frozen records: the tables of ``mlops.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime  # noqa: TC003 - pydantic reads the annotations
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast, get_args

from mlops_core.errors import ConfigurationError, near_matches
from mlops_core.ports.backend import PortName

if TYPE_CHECKING:
    from mlops_core.ports.backend import OptionValue

PORTS: Final = cast("tuple[PortName, ...]", get_args(PortName))
"""Every port, in the order in which a ``use`` table is written."""
# Read by pydantic, which is loaded when settings are: a table of the file has no other keys than the class has fields.
_Config = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings:
    """A table ``[backends.<name>]``: the adapter, and options that only the adapter understands."""

    adapter: str
    options: Mapping[str, OptionValue] = field(default_factory=dict[str, "OptionValue"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSettings:
    """The table ``[trust]``: what may be loaded beyond the reviewed list.

    Attributes:
        types: Full names of further types that a skops file may hold, each reviewed by whoever writes it here.
    """

    __pydantic_config__: ClassVar[_Config] = {"extra": "forbid"}
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """The table ``[cache]``: where fetched packages lie on this machine.

    Attributes:
        path: The folder; ``None`` for the user's cache folder.
        max_bytes: How much it may hold before the least recently used go; in the file also text such as ``"10GB"``.
    """

    __pydantic_config__: ClassVar[_Config] = {"extra": "forbid"}
    path: Path | None = None
    max_bytes: int = 10 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One estimator to try, by the name of the model factory, with its parameters."""

    __pydantic_config__: ClassVar[_Config] = {"extra": "forbid"}
    estimator: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainJob:
    """A table ``[train.<model>]``. A date means its midnight, UTC.

    Attributes:
        definitions: Python file that defines the features; ``None`` when installed packages do.
        spine: The table with one row per example.
        at: Its column of the moment as of which features are computed.
        label: Its column that is predicted.
        features: Names of features and groups, with parameters where they have some.
        key: Its column that names a row; ``None`` for the row's number.
        known_at: Whether only what had been recorded by the moment is visible.
        valid_from: Rows before it train; from here on they choose among the candidates.
        test_from: Rows from here on are the final test.
        test_until: Rows from here on are left out.
        candidates: The estimators to try.
        metric: What chooses among them.
        baselines: Columns whose mean label is a model to beat.
        tags: Tags of the registered version.
        threads: OpenMP threads of a fit. With 1, the same job makes the same bytes on any number of cores, since sums
            are then added up in one order; with more, a machine of that many cores is quicker.
        out: Folder for the documents that the run writes.
        label_meaning: What the label says, in words for the report.
        noun: What a row is, in the plural, for the report.
        describe: How the report names a row: text with columns in braces, such as ``{carrier}, {origin} to {dest}``.
    """

    __pydantic_config__: ClassVar[_Config] = {"extra": "forbid"}
    spine: Path
    at: str
    label: str
    features: tuple[str, ...]
    valid_from: date | datetime
    test_from: date | datetime
    candidates: tuple[Candidate, ...]
    test_until: date | datetime | None = None
    definitions: Path | None = None
    key: str | None = None
    known_at: bool = False
    metric: str = "roc_auc"
    baselines: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    threads: int = 1
    out: Path = Path("out")
    label_meaning: str = ""
    noun: str = "rows"
    describe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckJob:
    """A rule of a scoring job: rows for which the SQL text ``accept`` is not true are rejected with ``reason``."""

    __pydantic_config__: ClassVar[_Config] = {"extra": "forbid"}
    reason: str
    accept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreJob:
    """A table ``[score.<name>]``.

    Attributes:
        model: Reference of the model, such as ``late-flight@champion``.
        input: The table to score.
        definitions: Python file that defines the features; ``None`` when installed packages do.
        key: The input's column that names a row; ``None`` for the row's number.
        at: The input's column of the moment as of which features are computed.
        checks: Rules, in order; those that read features run after these are computed.
        max_reject_rate: The run fails when a larger part of the rows is rejected, 0 to 1.
        strict: Whether a feature whose definition changed at the same version refuses instead of warning.
        out: Folder for scores, rejects and the report.
        noun: What a row is, in the plural, for the report.
    """

    __pydantic_config__: ClassVar[_Config] = {"extra": "forbid"}
    model: str
    input: Path
    definitions: Path | None = None
    key: str | None = None
    at: str | None = None
    checks: tuple[CheckJob, ...] = ()
    max_reject_rate: float = 1.0
    strict: bool = False
    out: Path = Path("out")
    noun: str = "rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is configured; see :func:`load_settings`.

    Attributes:
        use: The backend for every port, or a backend per port.
        backends: Backends by name.
        trust: What may be loaded.
        cache: Where fetched packages lie.
        train: Training jobs by the name of the model that they make.
        score: Scoring jobs by name.
        base: The folder against which relative paths were taken, and adapters take theirs.
        file: The settings file; ``None`` when there is none.
    """

    use: str | Mapping[PortName, str] = "home"
    backends: Mapping[str, BackendSettings]
    trust: TrustSettings = field(default_factory=TrustSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    train: Mapping[str, TrainJob] = field(default_factory=dict[str, TrainJob])
    score: Mapping[str, ScoreJob] = field(default_factory=dict[str, ScoreJob])
    base: Path
    file: Path | None = None

    def backend_for(self, port: PortName) -> str:
        """The name of the backend that is used for a port.

        Raises:
            ConfigurationError: ``use`` is a table and has no such port.
        """
        if isinstance(self.use, str):
            return self.use
        if port in self.use:
            return self.use[port]
        raise ConfigurationError(
            f"no backend is chosen for {port}",
            where=self.place,
            why=f"use has only {', '.join(self.use)}",
            hint=use_table({**self.use, port: next(iter(self.backends))}),
        )

    def using(self, backend: str) -> Settings:
        """The same settings with one backend for every port.

        Raises:
            ConfigurationError: No backend of this name is configured.
        """
        return replace(self, use=checked_use(backend, self.backends, where="the argument use"))

    @property
    def place(self) -> str:
        """Where these settings come from, for messages."""
        return str(self.file) if self.file else f"no mlops.toml in {self.base} or above"


def use_table(choice: Mapping[PortName, str]) -> str:
    """The line of ``mlops.toml`` that chooses a backend per port."""
    return "use = { " + ", ".join(f'{port} = "{name}"' for port, name in choice.items()) + " }"


def checked_use(value: object, backends: Mapping[str, BackendSettings], *, where: str) -> str | Mapping[PortName, str]:
    """What ``use`` says, if it says something possible.

    Raises:
        ConfigurationError: It is neither a backend's name nor a table from port to backend.
    """
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        for port in table:
            if port not in PORTS:
                hint = near_matches(port, PORTS)
                raise ConfigurationError(f"there is no port {port!r}", where=f"{where}: use", hint=hint)
    else:
        table = {"": value}
    for name in table.values():
        if not isinstance(name, str):
            why = "it is the name of a backend, or a table from port to backend"
            raise ConfigurationError("use has the wrong type", where=f"{where}: use", why=why)
        if name not in backends:
            hint = near_matches(name, backends) or f"add a table [backends.{name}]"
            raise ConfigurationError(f"no backend {name!r} is configured", where=f"{where}: use", hint=hint)
    return cast("str | Mapping[PortName, str]", value)
