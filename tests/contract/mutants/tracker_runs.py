"""Mutants of the experiment tracker: what a run does with what it is given."""

from __future__ import annotations

import logging
import math
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from mlops_core.errors import ConflictError
from mlops_core.ports.run_values import history_order

from .registry_base import SECRET
from .tracker_base import RunMutant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from mlops_core.ports.experiment_tracker import MetricPoint, ParameterValue


class RunChangesPoints(RunMutant):
    """No bug: gives the points of a call to ``kept`` before they are stored."""

    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        with self.one_at_a_time:
            before = {key: list(points) for key, points in self.stored.points.items()}
            super().log_metrics(metrics, step=step, time=time)
            for key, points in self.stored.points.items():
                old = before.get(key, [])
                known = {history_order(each) for each in old}
                new = [each for each in points if history_order(each) not in known]
                self.stored.points[key] = self.kept(old, new) if new else old

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        """The points of a key, of which some were there before."""
        return sorted([*old, *new], key=history_order)


class PointsAreKeptTwice(RunChangesPoints):
    """Each point is stored twice."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        return super().kept(old, [*new, *new])


class PointsInOrderOfLogging(RunChangesPoints):
    """A history comes as it was logged."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        return [*old, *reversed(new)]


class OnePointOfAStep(RunChangesPoints):
    """A second point of a step takes the place of the first."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        by_step = {each.step: each for each in super().kept(old, new)}
        return [by_step[step] for step in sorted(by_step)]


class StepsAreCounted(RunChangesPoints):
    """Steps are counted by the tracker, whatever was given."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        numbered = [replace(each, step=len(old) + number) for number, each in enumerate(super().kept([], new))]
        return [*old, *numbered]


class StepsAreCutOff(RunChangesPoints):
    """A step has 32 bits."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        return super().kept(old, [replace(each, step=min(each.step, 2**31 - 1)) for each in new])


class TimesAreInSeconds(RunChangesPoints):
    """A time is cut to the second."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        return super().kept(old, [replace(each, time=each.time.replace(microsecond=0)) for each in new])


class TimesHaveNoZone(RunChangesPoints):
    """A time is naive."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        return super().kept(old, [replace(each, time=each.time.replace(tzinfo=None)) for each in new])


class NanPointsAreLost(RunChangesPoints):
    """A point that is NaN is left out."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        return super().kept(old, [each for each in new if not math.isnan(each.value)])


class InfinitePointsAreClipped(RunChangesPoints):
    """An infinite value is the largest double."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        largest = sys.float_info.max
        return super().kept(old, [replace(each, value=max(-largest, min(largest, each.value))) for each in new])


class ValuesAreRounded(RunChangesPoints):
    """A value has nine digits."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        return super().kept(old, [replace(each, value=float(f"{each.value:.9g}")) for each in new])


class ThousandPointsOfACall(RunChangesPoints):
    """A call stores a thousand points of a metric at most."""

    def kept(self, old: list[MetricPoint], new: list[MetricPoint]) -> list[MetricPoint]:
        return super().kept(old, new[:1_000])


class WrongPointsStopHalfWay(RunMutant):
    """Of points of which one is wrong, those before it are stored."""

    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        if hasattr(metrics, "items"):
            super().log_metrics(metrics, step=step, time=time)
            return
        for each in metrics:
            super().log_metrics([each])  # pyright: ignore[reportArgumentType]


class ParametersAreTruncated(RunMutant):
    """A parameter has at most 500 characters."""

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        super().log_params(params)
        self.stored.params = {key: text[:500] for key, text in self.stored.params.items()}


class ParametersAreStripped(RunMutant):
    """White space around a parameter is lost."""

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        super().log_params(params)
        self.stored.params = {key: text.strip() for key, text in self.stored.params.items()}


class ParametersAreOverwritten(RunMutant):
    """Another value of a parameter takes the place of the first."""

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        try:
            super().log_params(params)
        except ConflictError:
            if self.stored.status != "running":
                raise
            for key in params:
                self.stored.params.pop(key, None)
            super().log_params(params)


class ParametersAreWrittenTwiceAtMost(RunMutant):
    """The same value of a parameter again is a conflict too."""

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        if params.keys() & self.stored.params.keys():
            raise ConflictError("logged already", operation="log_params", subject=self.id, why="once", hint="once")
        super().log_params(params)


class ParametersStopHalfWay(RunMutant):
    """Of parameters of which one conflicts, those before it are stored."""

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        for key, value in params.items():
            super().log_params({key: value})


class TruthIsPrintedAsPythonDoes(RunMutant):
    """A truth value is ``True``."""

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        super().log_params({key: str(value) if isinstance(value, bool) else value for key, value in params.items()})


class FloatsArePrintedShort(RunMutant):
    """A number has six digits."""

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        super().log_params({key: f"{each:g}" if isinstance(each, float) else each for key, each in params.items()})


class KeysOfParametersAreLowered(RunMutant):
    """Parameters that differ by case only are one."""

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        super().log_params({key.lower() if key.isascii() else key: value for key, value in params.items()})


class RunTagsAreReplaced(RunMutant):
    """Setting tags removes those that were not given."""

    def set_tags(self, tags: Mapping[str, str | None], /) -> None:
        super().set_tags(tags)
        self.stored.tags = {key: value for key, value in tags.items() if value is not None}


class RunTagsAreNotRemoved(RunMutant):
    """``None`` is no value, so nothing is done."""

    def set_tags(self, tags: Mapping[str, str | None], /) -> None:
        super().set_tags({key: value for key, value in tags.items() if value is not None})


class EndedRunTakesNoTags(RunMutant):
    """A run that has ended cannot be tagged."""

    def set_tags(self, tags: Mapping[str, str | None], /) -> None:
        self._check_running("set_tags")
        super().set_tags(tags)


class EndedRunTakesMetrics(RunMutant):
    """A run that has ended takes points."""

    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        status, self.stored.status = self.stored.status, "running"
        try:
            super().log_metrics(metrics, step=step, time=time)
        finally:
            self.stored.status = status


class EndedRunForgetsWhatItIsGiven(RunMutant):
    """A run that has ended takes parameters, and forgets them."""

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        try:
            super().log_params(params)
        except ConflictError:
            if self.stored.status == "running":
                raise


class FilesAreFlattened(RunMutant):
    """Files are kept under the last part of their paths."""

    def log_files(self, files: Mapping[str, bytes | Path], /) -> None:
        super().log_files(files)
        for path in files:
            self.stored.files[path.rpartition("/")[2]] = self.stored.files.pop(path)


class FilesAreNotReplaced(RunMutant):
    """A path that is there already stays as it is."""

    def log_files(self, files: Mapping[str, bytes | Path], /) -> None:
        before = dict(self.stored.files)
        super().log_files(files)
        self.stored.files.update(before)


class FilesAreText(RunMutant):
    """Files have the line ends of this machine."""

    def log_files(self, files: Mapping[str, bytes | Path], /) -> None:
        super().log_files(files)
        self.stored.files = {path: data.replace(b"\r\n", b"\n") for path, data in self.stored.files.items()}


class FilesStopHalfWay(RunMutant):
    """Of files of which one is missing, those before it are stored."""

    def log_files(self, files: Mapping[str, bytes | Path], /) -> None:
        for path, content in files.items():
            super().log_files({path: content})


class EveryRunIsFinished(RunMutant):
    """A run through which an exception went is finished like any other."""

    def finish(self, status: Literal["finished", "failed"] = "finished", /) -> None:
        del status
        super().finish()


class LeavingDoesNotEnd(RunMutant):
    """A run whose ``with`` was left goes on."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            super().__exit__(kind, error, trace)


class ExceptionIsSwallowed(RunMutant):
    """An exception ends at the ``with``."""

    def __exit__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        super().__exit__(kind, error, trace)
        return True


class EndingTwiceChangesTheEnd(RunMutant):
    """The last end counts."""

    def finish(self, status: Literal["finished", "failed"] = "finished", /) -> None:
        super().finish(status)
        self.stored.status = status


class FlushStoresNothing(RunMutant):
    """Points are kept back until the run ends."""

    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        shown = self.stored.points
        self.stored.points = self.__dict__.setdefault("kept_back", {})
        super().log_metrics(metrics, step=step, time=time)
        self.stored.points = shown

    def finish(self, status: Literal["finished", "failed"] = "finished", /) -> None:
        if self.stored.status == "running":
            self.stored.points.update(self.__dict__.get("kept_back", {}))
        super().finish(status)


class EndingLosesTheRest(RunMutant):
    """What was not flushed when a run ends is lost."""

    def log_metrics(
        self, metrics: Mapping[str, float] | Iterable[MetricPoint], /, *, step: int = 0, time: datetime | None = None
    ) -> None:
        shown = dict(self.stored.points)
        super().log_metrics(metrics, step=step, time=time)
        self.__dict__["all"], self.stored.points = self.stored.points, shown

    def flush(self) -> None:
        self.stored.points = self.__dict__.get("all", self.stored.points)


class RunWritesTheEnvironment(RunMutant):
    """The run is told to child processes through the environment."""

    def log_params(self, params: Mapping[str, ParameterValue], /) -> None:
        os.environ["ACME_RUN"] = self.id
        super().log_params(params)


class RunSetsUpLogging(RunMutant):
    """Everybody's logging gets a handler."""

    def flush(self) -> None:
        logging.getLogger().addHandler(logging.NullHandler())
        super().flush()


class RunPrintsItsLink(RunMutant):
    """Where the run can be seen is printed at its end."""

    def finish(self, status: Literal["finished", "failed"] = "finished", /) -> None:
        super().finish(status)
        sys.stdout.write(f"view run {self.id}\n")


class RunSecretInRepr(RunMutant):
    """What the tracker was opened with is shown in the run's ``repr``."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key={SECRET!r})"


class RunKeywordIsRenamed(RunMutant):
    """``time`` is called ``timestamp``."""

    def log_metrics(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        metrics: Mapping[str, float] | Iterable[MetricPoint],
        /,
        *,
        step: int = 0,
        timestamp: datetime | None = None,
    ) -> None:
        super().log_metrics(metrics, step=step, time=timestamp)
