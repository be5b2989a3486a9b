"""Calls that have to be refused before any request, whatever they are applied to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from hypothesis import strategies as st

from mlops_core.ports.experiment_tracker import MetricPoint
from mlops_core.testing import strategies
from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hypothesis.strategies import SearchStrategy

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.ports.experiment_tracker import ParameterValue, Run
    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.packages import Printer

_Subject = TypeVar("_Subject")
_RIGHT: Final = MetricPoint(key="right", value=1.0, step=0, time=datetime(2026, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, repr=False)
class WrongCall(Generic[_Subject]):
    """A call of one method: how it reads, and how it is made on a subject."""

    text: str
    make: Callable[[_Subject], object]

    def __repr__(self) -> str:
        return f"<{self.text:.200}>"

    def _repr_pretty_(self, printer: Printer, cycle: bool, /) -> None:  # noqa: FBT001 (hypothesis calls it)
        del cycle
        printer.text(repr(self))


@dataclass(frozen=True, slots=True)
class VersionIn:
    """A version of a registry, by that registry's number; it may be one that is not there."""

    registry: ModelRegistry
    model: str
    number: int


def wrong_registry_calls() -> SearchStrategy[WrongCall[VersionIn]]:
    """Names, aliases and tags outside the grammar."""

    def register(model: str) -> WrongCall[VersionIn]:
        return WrongCall(
            f"register({model!r})", lambda to: to.registry.register(model, make_package(), operation_id="wrong")
        )

    def register_tags(tags: dict[str, str]) -> WrongCall[VersionIn]:
        def make(to: VersionIn) -> object:
            return to.registry.register(to.model, make_package(), operation_id="wrong", tags=tags)

        return WrongCall(f"register(tags={tags})", make)

    def set_alias(alias: str) -> WrongCall[VersionIn]:
        return WrongCall(f"set_alias({alias!r})", lambda to: to.registry.set_alias(to.model, alias, to.number))

    def set_tags(tags: dict[str, str]) -> WrongCall[VersionIn]:
        return WrongCall(f"set_tags({tags})", lambda to: to.registry.set_tags(to.model, to.number, {**tags}))

    return st.one_of(
        strategies.invalid_model_names().map(register),
        strategies.invalid_tags().map(register_tags),
        strategies.invalid_aliases().map(set_alias),
        strategies.invalid_tags().map(set_tags),
    )


def wrong_store_calls() -> SearchStrategy[WrongCall[ArtifactStore]]:
    """Keys outside the grammar."""

    def calls(key: str) -> tuple[WrongCall[ArtifactStore], ...]:
        return (
            WrongCall(f"put({key!r})", lambda store: store.put(key, b"")),
            WrongCall(f"get({key!r})", lambda store: store.get(key)),
            WrongCall(f"open({key!r})", lambda store: store.open(key)),
            WrongCall(f"stat({key!r})", lambda store: store.stat(key)),
            WrongCall(f"delete({key!r})", lambda store: store.delete(key)),
        )

    return st.tuples(strategies.invalid_keys(), st.integers(0, 4)).map(lambda each: calls(each[0])[each[1]])


def wrong_run_calls() -> SearchStrategy[WrongCall[Run]]:
    """Parameters, points, tags and files of which one cannot be kept; nothing of such a call is."""

    def log_params(params: Mapping[str, object]) -> WrongCall[Run]:
        wrong = cast("Mapping[str, ParameterValue]", params)
        return WrongCall(f"log_params({params})", lambda run: run.log_params(wrong))

    def log_metrics(wrong: MetricPoint) -> WrongCall[Run]:
        return WrongCall(f"log_metrics({wrong})", lambda run: run.log_metrics([_RIGHT, wrong]))

    def set_tags(tags: dict[str, str]) -> WrongCall[Run]:
        return WrongCall(f"set_tags({tags})", lambda run: run.set_tags({**tags}))

    def log_files(path: str) -> WrongCall[Run]:
        return WrongCall(f"log_files({path!r})", lambda run: run.log_files({"right": b"", path: b""}))

    keys, values = strategies.invalid_log_keys(), strategies.invalid_parameter_values()
    params = keys.map(lambda key: {"right": 1, key: 1}) | values.map(lambda value: {"right": 1, "wrong": value})
    points = st.one_of(
        keys.map(lambda key: replace(_RIGHT, key=key)),
        strategies.invalid_numbers().map(lambda value: replace(_RIGHT, value=value)),
        st.sampled_from((-1, 2**53, True, 1.5)).map(lambda step: replace(_RIGHT, step=step)),
        st.just(replace(_RIGHT, time=_RIGHT.time.replace(tzinfo=None))),
    )
    return st.one_of(
        params.map(log_params),
        points.map(log_metrics),
        strategies.invalid_tags().map(set_tags),
        strategies.invalid_file_paths().map(log_files),
    )
