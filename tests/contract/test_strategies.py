"""The strategies draw what the ports take, and what they refuse."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from mlops_core.errors import InvalidNameError
from mlops_core.naming import check_alias, check_log_key, check_model_name, check_tags
from mlops_core.ports.run_values import metric_points, parameter_texts, run_files
from mlops_core.stores.keys import check_key
from mlops_core.stores.memory.model_registry import MemoryModelRegistry
from mlops_core.testing import strategies

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.experiment_tracker import MetricPoint, ParameterValue
    from mlops_core.testing import MemoryPackage

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@given(
    model=strategies.model_names(),
    alias=strategies.aliases(),
    tags=strategies.tags(),
    metrics=strategies.metrics(),
    package=strategies.packages(),
)
def test_what_is_drawn_can_be_registered(
    model: str, alias: str, tags: dict[str, str], metrics: dict[str, float], package: MemoryPackage
) -> None:
    registry = MemoryModelRegistry()
    made = registry.register(model, package, operation_id="a", tags=tags, metrics=metrics)
    registry.set_alias(model, alias, made.version)
    assert made.tags == tags


@given(params=strategies.parameters(), points=strategies.metric_points(), path=strategies.file_paths())
def test_what_is_drawn_can_be_logged(params: dict[str, ParameterValue], points: list[MetricPoint], path: str) -> None:
    assert parameter_texts(params).keys() == params.keys()
    assert len(metric_points(points, step=0, time=None, now=NOW)) == len(points)
    assert run_files({path: b""}) == {path: b""}


@given(key=strategies.keys(), other=strategies.keys())
def test_keys_can_be_held_side_by_side(key: str, other: str) -> None:
    check_key(key)
    assert not key.casefold().startswith("tmp/")
    assert all(len(part.encode()) <= 255 for part in key.split("/"))
    assert not other.startswith(f"{key}/")
    assert (unicodedata.normalize("NFC", key.casefold()) == unicodedata.normalize("NFC", other.casefold())) == (
        key == other
    )


@given(model=strategies.invalid_model_names(), alias=strategies.invalid_aliases(), tags=strategies.invalid_tags())
def test_what_is_invalid_cannot_be_registered(model: str, alias: str, tags: dict[str, str]) -> None:
    refused(lambda: check_model_name(model))
    refused(lambda: check_alias(alias))
    refused(lambda: check_tags(tags))


@given(
    key=strategies.invalid_log_keys(),
    path=strategies.invalid_file_paths(),
    parameter=strategies.invalid_parameter_values(),
    number=strategies.invalid_numbers(),
)
def test_what_is_invalid_cannot_be_logged(key: str, path: str, parameter: object, number: object) -> None:
    refused(lambda: check_log_key("a metric's name", key))
    refused(lambda: check_key(path))
    refused(lambda: run_files({path: b""}))
    refused(lambda: parameter_texts({"a": cast("ParameterValue", parameter)}))
    refused(lambda: metric_points({"a": cast("float", number)}, step=0, time=None, now=NOW))


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(InvalidNameError):
        call()
