"""The pages that records point at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_mlflow.pages import Pages
from mlops_core.testing import make_package

from .registry_places import place_on

if TYPE_CHECKING:
    from tests.servers.mlflow_servers import MlflowServer


def test_a_workspace_is_part_of_each_page_as_in_links_of_mlflow_itself() -> None:
    pages = Pages("https://mlflow.example.com", "risk team")
    assert pages.model("Fraud Model") == "https://mlflow.example.com/#/models/Fraud%20Model?workspace=risk%20team"
    assert pages.version("a", 3) == "https://mlflow.example.com/#/models/a/versions/3?workspace=risk%20team"
    assert pages.run("7", "r") == "https://mlflow.example.com/#/experiments/7/runs/r?workspace=risk%20team"
    assert Pages("http://127.0.0.1:5000").model("a") == "http://127.0.0.1:5000/#/models/a"


@pytest.mark.enable_socket
def test_records_point_into_the_workspace(mlflow_on_sqlite: MlflowServer) -> None:
    with place_on(mlflow_on_sqlite) as place:
        version = place.registry.register("churn", make_package("a"), operation_id="op")
        with place.ports.tracker.start_run("churn") as run:
            record = place.ports.tracker.get_run(run.id)
        (model,) = place.registry.models()
        here = f"?workspace={place.rest.workspace}"
        assert [str(each).endswith(here) for each in (version.url, record.url, model.url)] == [True] * 3
