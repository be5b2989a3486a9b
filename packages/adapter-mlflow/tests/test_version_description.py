"""What MLflow's page of a version shows of its record."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from adapter_mlflow.version_description import LONGEST, description_of
from mlops_core.ports.registration_values import Registration, checked_registration
from mlops_core.testing import make_package

from .registry_places import place_on

if TYPE_CHECKING:
    from tests.servers.mlflow_servers import MlflowServer

PACKAGE = make_package("a model")
MANY = {f"a-metric-with-a-long-name-{number:04}": number / 7 for number in range(1_000)}


def asked(**more: Any) -> Registration:
    options: dict[str, Any] = {"tags": {}, "metrics": {}, "run": None, "commit": None, "origin": None, **more}
    return checked_registration("churn", PACKAGE.manifest, operation_id="op", if_exists="new", **options)


def test_it_is_a_table_of_metrics_and_where_the_model_came_from() -> None:
    described = description_of(asked(metrics={"loss": math.nan, "auc": 0.75}, commit="a1b2c3", run="ab" * 16))
    assert described == (
        f"| metric | value |\n|---|---|\n| `auc` | 0.75 |\n| `loss` | nan |\n\ncommit `a1b2c3`, run `{'ab' * 16}`"
    )


def test_it_says_nothing_where_there_is_nothing_to_say() -> None:
    assert description_of(asked()) == ""
    assert description_of(asked(metrics={"auc": 0.75})) == "| metric | value |\n|---|---|\n| `auc` | 0.75 |"
    assert description_of(asked(commit="a`<b>\n# x")) == ""


def test_what_does_not_fit_is_counted() -> None:
    described = description_of(asked(metrics=MANY, commit="c" * 255, run="r" * 255))
    assert 4_500 < len(described) <= LONGEST
    rows = described.count("\n| `a-metric")
    assert f"and {1_000 - rows} more" in described
    assert description_of(asked(commit="c" * 256)) == ""


@pytest.mark.enable_socket
def test_mlflow_shows_it(mlflow_on_sqlite: MlflowServer) -> None:
    with place_on(mlflow_on_sqlite) as place:
        place.registry.register("churn", PACKAGE, operation_id="op", metrics={"auc": 0.75}, commit="a1b2c3")
        place.registry.register("churn", PACKAGE, operation_id="plain", if_exists="new")
        place.registry.register("churn", PACKAGE, operation_id="many", if_exists="new", metrics=MANY)
        many, plain, first = place.rest.pages("model-versions/search", "model_versions", filter="name = 'churn'")
    assert "| `auc` | 0.75 |" in first["description"]
    assert plain.get("description", "") == ""
    assert len(many["description"]) <= LONGEST
