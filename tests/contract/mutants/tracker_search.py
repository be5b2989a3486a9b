"""Mutants of the experiment tracker: which runs are found, and in which order."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from mlops_core.errors import NotFoundError

from .tracker_base import TrackerMutant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_core.ports.experiment_tracker import RunRecord

    from .tracker_base import Asked


class RunsOldestFirst(TrackerMutant):
    """Runs are found in the order in which they were started."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        return reversed(list(super().found(experiment, asked)))


class OnePageOfRuns(TrackerMutant):
    """Only the first page of runs is found."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        return islice(super().found(experiment, asked), 20)


class ConditionsOfThePageOnly(TrackerMutant):
    """Conditions are looked at on the newest runs only."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        page = {
            each.id for each in islice(super().found(experiment, asked._replace(params={}, metrics=[], tags={})), 4)
        }
        return (each for each in super().found(experiment, asked) if each.id in page)


class TagsAreFoundByPart(TrackerMutant):
    """A tag is found by a part of its value."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        for each in super().found(experiment, asked._replace(tags={})):
            if all(value in each.tags.get(key, "") and key in each.tags for key, value in asked.tags.items()):
                yield each


class ParametersAreFoundWithoutCase(TrackerMutant):
    """A parameter is found whatever the case of its value."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        list(super().found(experiment, asked))
        for each in super().found(experiment, asked._replace(params={})):
            if all(each.params.get(key, "").lower() == str(value).lower() for key, value in asked.params.items()):
                yield each


class PercentStandsForAnything(TrackerMutant):
    """``%`` in the value of a tag stands for any text."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        literal = {key: value for key, value in asked.tags.items() if "%" not in value}
        for each in super().found(experiment, asked._replace(tags=literal)):
            if asked.tags.keys() <= each.tags.keys():
                yield each


class ExperimentIsFoundByItsBeginning(TrackerMutant):
    """The runs of experiments whose names begin alike are found."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        found = super().found(None, asked)
        return (each for each in found if experiment is None or each.experiment.startswith(experiment))


class UnknownExperimentFails(TrackerMutant):
    """Looking into an experiment that is not there is an error."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        found = super().found(experiment, asked)
        if experiment is not None and experiment not in {each.experiment for each in self.state.runs.values()}:
            raise NotFoundError(f"no experiment {experiment!r}", operation="runs", subject=experiment)
        return found


class OneMetricConditionIsEnough(TrackerMutant):
    """Only the first condition on metrics has to hold."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        list(super().found(experiment, asked))
        return super().found(experiment, asked._replace(metrics=asked.metrics[:1]))


class AnyPointFulfilsACondition(TrackerMutant):
    """A condition holds if any value of the metric fulfils it."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        exact = {each.id for each in super().found(experiment, asked)}
        for each in super().found(experiment, asked._replace(metrics=[])):
            points = self.state.runs[each.id].points
            best = all(
                any(point.value >= one.value for point in points.get(one.key, [])) for one in asked.metrics
            ) and all(one.comparison == ">=" for one in asked.metrics)
            if each.id in exact or best:
                yield each


class StrictlyLessIsLess(TrackerMutant):
    """``<`` takes what is equal."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        wider = [replace(each, comparison="<=") if each.comparison == "<" else each for each in asked.metrics]
        return super().found(experiment, asked._replace(metrics=wider))


class RunWithoutTheMetricIsFound(TrackerMutant):
    """A metric that a run does not have counts as 0."""

    def found(self, experiment: str | None, asked: Asked) -> Iterator[RunRecord]:
        exact = {each.id for each in super().found(experiment, asked)}
        for each in super().found(experiment, asked._replace(metrics=[])):
            missing = [one for one in asked.metrics if one.key not in each.metrics]
            if each.id in exact or (missing and all(one.comparison in {"<", "<="} for one in asked.metrics)):
                yield each
