"""The experiment tracker port: runs with parameters, metric points, tags and files."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType
    from typing import Self

ParameterValue: TypeAlias = "str | int | float | bool"
"""What a parameter can be given as; it is kept as text, see :func:`mlops_core.ports.run_values.parameter_text`."""
RunStatus: TypeAlias = Literal["running", "finished", "failed"]
Comparison: TypeAlias = Literal["<", "<=", "==", ">=", ">"]


class ExperimentTrackerCapability(enum.Flag):
    """What an instance of a tracker can do beyond the port's promises. Declared means it works; else it is refused."""

    NONE = 0
    UNORDERED_STEPS = enum.auto()
    """``log_metrics`` takes a step below one that an earlier call has logged in the same run."""
    NON_FINITE_METRICS = enum.auto()
    """NaN and both infinities round-trip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One value of a metric.

    Attributes:
        key: The metric's name.
        value: A number, finite or not.
        step: Counts what the user counts, epochs or batches; any integer from 0 to 2**53 - 1.
        time: When it was measured, aware UTC, to the millisecond.
    """

    key: str
    value: float
    step: int
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCondition:
    """What a run's metric must fulfil to be found; a run without it, or with NaN, does not.

    Attributes:
        key: The metric's name.
        comparison: How the run's value, on the left, is compared.
        value: With what.
    """

    key: str
    comparison: Comparison
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """A file of a run: its relative POSIX path and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What is known of a run at the moment of asking.

    Attributes:
        id: The vendor's id.
        experiment: The experiment that it belongs to, verbatim.
        name: What a person called it; not unique.
        status: ``"running"`` until it is finished, also if its process died.
        started_at: Aware UTC.
        ended_at: Aware UTC; ``None`` while it is running.
        params: Parameters as text, by name.
        metrics: The last value of each metric: of its highest step, there of its latest time, there the greatest, a
            number before NaN.
        tags: Mutable key and value pairs.
        url: The vendor's page, where there is one.
    """

    id: str
    experiment: str
    name: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime | None = None
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    url: str | None = None


class Run(Protocol):
    """A run that is being written, by one process. A context manager: leaving it ends the run.

    What it was given may be kept back for a while; :meth:`flush`, and ending, return when it is stored. A process that
    is killed loses at most what it gave since the last of them. It may be used from several threads.
    """

    @property
    def id(self) -> str:
        """The vendor's id."""
        ...

    @property
    def experiment(self) -> str:
        """The experiment that it belongs to."""
        ...

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        """Write parameters, once each: the same value again is fine.

        Raises:
            InvalidNameError: A name breaks the grammar, or a value is longer than 6,000 characters.
            ConflictError: A parameter has another value already, or the run has ended.
        """
        ...

    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        """Write metric points, as many as there are, in one call.

        Args:
            metrics: Values by name, all of ``step`` and ``time``; or points, which have their own.
            step: The step of values given by name; not to be given with points.
            time: Their time, aware; now by default; not to be given with points.

        Raises:
            InvalidNameError: A name breaks the grammar, a value is no number, a step is out of range, a time is naive,
                or points came with a step or a time; nothing of the call was written.
            UnsupportedOperationError: A step is below one of an earlier call without ``UNORDERED_STEPS``, or a value is
                not finite without ``NON_FINITE_METRICS``; nothing of the call was written.
            ConflictError: The run has ended.
        """
        ...

    def set_tags(self, tags: Mapping[str, str | None], /) -> None:
        """Merge tags; a value of ``None`` removes the key, other keys stay. A run that has ended can be tagged too.

        Raises:
            InvalidNameError: A key or value breaks the grammar.
        """
        ...

    def log_files(self, files: Mapping[str, bytes | Path], /) -> None:
        """Store files under their paths in the run; a path that is there already is replaced.

        Args:
            files: Contents, or files of this machine, by relative POSIX path.

        Raises:
            InvalidNameError: A path is no relative POSIX path of at most 800 bytes of UTF-8 (255 between two slashes),
                one is a folder of another one of this call or an earlier one, as ``a`` is of ``a/b``, or a content is
                neither bytes nor a ``Path``; nothing was stored.
            FileNotFoundError: A file of this machine is not there; nothing was stored.
            ConflictError: The run has ended.
        """
        ...

    def flush(self) -> None:
        """Return when everything that was given is stored and seen by every later read."""
        ...

    def finish(self, status: Literal["finished", "failed"] = "finished", /) -> None:
        """Flush and end the run; a second call changes nothing, also with the other status.

        Raises:
            InvalidNameError: The status is neither ``"finished"`` nor ``"failed"``; the run goes on.
        """
        ...

    def __enter__(self) -> Self:
        """The run itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run: failed if an exception goes through, else finished."""
        ...


class ExperimentTracker(Protocol):
    """Runs of experiments: parameters, metric points, tags and files.

    Promises, each with a contract test of the same name in ``mlops_core.testing``:

    * ``a_run_ends_as_it_went``: finished when the ``with`` was left, failed when an exception went through; until then
      it is running. Times are aware UTC, ``started_at`` at or before ``ended_at``.
    * ``parameters_are_kept_whole``: as the text that :func:`~mlops_core.ports.run_values.parameter_text` gives, never
      truncated; written once, another value is a ``ConflictError``.
    * ``metric_points_keep_steps_and_times``: thousands in one call; a history comes in order of step, then of time,
      then of value; points equal in all four are one point.
    * ``unordered_steps_are_kept``: with ``UNORDERED_STEPS``; refused without.
    * ``non_finite_metrics_round_trip``: with ``NON_FINITE_METRICS``; refused without.
    * ``keys_are_compared_exactly``: of parameters, metrics and tags; upper and lower case differ, and none is altered.
    * ``the_last_value_is_that_of_the_highest_step``: as :class:`RunRecord` says.
    * ``tags_merge``: other keys stay, ``None`` removes, after the end too.
    * ``files_round_trip``: by path, byte for byte; a path logged again is replaced, none is a folder of another.
    * ``flush_is_the_line_of_durability``: what was flushed is read by everybody, whatever happens to the writer.
    * ``runs_are_found_by_experiment_parameter_metric_and_tag``: every condition must hold, text is compared literally;
      newest first, whatever their number.
    * ``missing_runs_are_told``: ``RunNotFoundError``; of a file ``ArtifactNotFoundError``.
    * ``an_ended_run_takes_no_more``: parameters, metrics and files raise ``ConflictError``.
    * ``names_obey_one_grammar``: checked before any request, never altered; what reads takes any name verbatim.
    * ``the_process_stays_as_it_was``: no environment writes, no global state, no logging set-up; several runs and
      trackers at once, from several threads.
    * ``vendor_errors_arrive_as_ours``: with the original as ``__cause__``; secrets appear nowhere.

    Every method may raise ``AuthenticationError``, ``AccessDeniedError`` and ``BackendUnavailableError``.
    """

    @property
    def capabilities(self) -> ExperimentTrackerCapability:
        """What this instance can do beyond the port's promises."""
        ...

    def start_run(self, experiment: str, /, *, name: str = "", tags: Mapping[str, str] = ...) -> Run:
        """Begin a run of an experiment, which is created if need be.

        Args:
            experiment: The experiment's name; it obeys the grammar of model names.
            name: What a person calls the run; the vendor may give one if it is empty.
            tags: First tags.

        Raises:
            InvalidNameError: The experiment's name or a tag breaks the grammar.
        """
        ...

    def get_run(self, run_id: str, /) -> RunRecord:
        """What is known of a run.

        Raises:
            RunNotFoundError: No such run.
        """
        ...

    def runs(
        self,
        experiment: str | None = None,
        /,
        *,
        params: Mapping[str, ParameterValue] = ...,
        metrics: Iterable[MetricCondition] = ...,
        tags: Mapping[str, str] = ...,
    ) -> Iterator[RunRecord]:
        """Runs that fulfil every condition, newest first, read as it is consumed.

        Args:
            experiment: Of this experiment only; an unknown one has no runs.
            params: Parameters that must have these values.
            metrics: Conditions on last values; a metric that no run has finds none.
            tags: Tags that must have these values.

        Raises:
            InvalidNameError: The value of a parameter or a tag is none that a run could have, or a condition is none
                (by the call itself, before anything is read).
        """
        ...

    def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
        """Every point of one metric, in order of step, then of time, then of value; none for an unknown key.

        Raises:
            RunNotFoundError: No such run (at the first step of the iterator).
        """
        ...

    def files(self, run_id: str, /) -> Iterator[RunFile]:
        """The files of a run, in order of the paths' UTF-8 bytes.

        Raises:
            RunNotFoundError: No such run (at the first step of the iterator).
        """
        ...

    def open_file(self, run_id: str, path: str, /) -> BinaryIO:
        """A stream of one file of a run, to be closed by the caller.

        Raises:
            RunNotFoundError: No such run.
            ArtifactNotFoundError: The run has no such file.
        """
        ...
