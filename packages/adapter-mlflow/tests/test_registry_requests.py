"""What each call of the registry costs, counted on the wire. Counts of files include ``package.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_mlflow.recent_looks import SECONDS
from mlops_core.models.cache import PackageCache
from mlops_core.stores.conditional_writes import Retries
from mlops_core.testing import make_package

from .registry_places import Place, by_hand, place_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapter_mlflow import MlflowModelRegistry
    from mlops_core.ports.model_registry import IfExists

    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket
FILES = 3


@pytest.fixture
def place(mlflow_on_sqlite: MlflowServer) -> Iterator[Place]:
    with place_on(mlflow_on_sqlite) as made:
        yield made


def register(
    registry: MlflowModelRegistry, content: str, operation_id: str = "", *, if_exists: IfExists = "return"
) -> None:
    registry.register("churn", make_package(content), operation_id=operation_id or content, if_exists=if_exists)


class TestRegistering:
    """A package of n files."""

    def test_the_first_on_a_server_costs_n_and_four(self, place: Place) -> None:
        assert place.count(lambda: register(place.registry, "first")) == FILES + 4

    def test_a_further_model_costs_less(self, place: Place) -> None:
        register(place.registry, "first")
        package = make_package("other")
        assert place.count(lambda: place.registry.register("fraud", package, operation_id="other")) == FILES + 2

    def test_a_known_model_costs_n_and_one(self, place: Place) -> None:
        register(place.registry, "first")
        assert place.count(lambda: register(place.registry, "second")) == FILES + 1
        assert place.count(lambda: register(place.registry, "first", "op-2", if_exists="new")) == FILES + 1
        assert [each.version for each in place.registry.versions("churn")] == [3, 2, 1]

    def test_in_a_process_that_is_new_at_most_n_and_three(self, place: Place) -> None:
        register(place.registry, "first")
        assert place.count(lambda: register(place.cold(), "second")) == FILES + 3
        assert place.count(lambda: register(place.cold(), "first", "op", if_exists="new")) == FILES + 3
        assert place.count(lambda: register(place.cold(), "first", "return")) == 3
        assert len({each["run_id"] for each in versions(place)}) == 1, "one run carries the files of a model"

    def test_of_a_model_with_many_versions_one_more(self, place: Place) -> None:
        for each in range(21):
            register(place.registry, f"{each}")
        assert place.count(lambda: register(place.cold(), "new")) == FILES + 4
        cold = place.cold()
        assert cold.register("churn", make_package("0"), operation_id="again").version == 1, "an old one is found too"
        again = place.cold().register("churn", make_package("other"), operation_id="0")
        assert (again.version, again.reused) == (23, False)
        lost = place.cold().register("churn", make_package("0"), operation_id="0", if_exists="new")
        assert (lost.version, lost.reused) == (1, False), "the same call as long ago"

    def test_with_the_run_that_made_it_n_and_three_at_most(self, place: Place) -> None:
        run = place.ports.tracker.start_run("churn")
        package = make_package("first")
        cold = place.cold()
        assert place.count(lambda: cold.register("churn", package, operation_id="op", run=run.id)) == FILES + 2
        (made,) = versions(place)
        assert made["run_id"] == run.id
        run.finish()

    @pytest.mark.parametrize("experiment_is_there", [True, False])
    def test_of_a_model_that_mlflow_has_made_alone(self, place: Place, experiment_is_there: bool) -> None:
        if experiment_is_there:
            place.rest.tell("experiments/create", name="mlops")
        place.rest.tell("registered-models/create", name="churn")
        expected = FILES + 7 - int(experiment_is_there)
        assert place.count(lambda: register(place.registry, "first")) == expected

    @pytest.mark.parametrize("experiment_is_there", [True, False])
    def test_of_a_model_with_versions_of_mlflows_alone(self, place: Place, experiment_is_there: bool) -> None:
        if experiment_is_there:
            place.rest.tell("experiments/create", name="mlops")
        by_hand(place, {"MLmodel": b"flavors: {keras: {}}"}, "churn")
        expected = FILES + 6 - int(experiment_is_there)
        assert place.count(lambda: register(place.registry, "first")) == expected

    def test_of_a_model_whose_versions_were_deleted(self, place: Place) -> None:
        register(place.registry, "first")
        place.registry.delete_version("churn", 1)
        assert place.count(lambda: register(place.cold(), "second")) == FILES + 5
        place.registry.delete_version("churn", 2)
        assert place.count(lambda: register(place.registry, "third")) == FILES + 1

    def test_what_is_there_already_costs_two(self, place: Place) -> None:
        register(place.registry, "first")
        assert place.count(lambda: register(place.registry, "first", "other")) == 2

    def test_many_files(self, place: Place) -> None:
        register(place.registry, "first")
        more = {f"part_{each}": b"x" for each in range(40)}
        package = make_package("many", **more)
        assert place.count(lambda: place.registry.register("churn", package, operation_id="many")) == FILES + 40 + 1


def test_aliases_cost_one(place: Place) -> None:
    register(place.registry, "first")
    assert place.count(lambda: place.registry.set_alias("churn", "champion", 1)) == 1
    assert place.count(lambda: place.registry.set_alias("churn", "champion", 1)) == 1
    assert place.count(lambda: place.registry.resolve("churn", "champion")) == 1
    assert place.count(lambda: place.registry.delete_alias("churn", "champion")) == 1
    cold = place.cold()
    assert place.count(lambda: cold.set_alias("churn", "champion", 1)) == 2  # it might be a prompt's name
    assert place.count(lambda: cold.set_alias("churn", "champion", 1)) == 1


def test_loading(place: Place, tmp_path: Path) -> None:
    register(place.registry, "first")
    place.registry.set_alias("churn", "champion", 1)
    cache = PackageCache(tmp_path / "cache", 1 << 30)

    def load() -> None:
        registry = place.cold()
        cache.fetch(registry, registry.resolve("churn", "champion"))

    assert place.count(load) <= FILES + 1
    assert place.count(load) == 1
    pin = place.registry.resolve("churn", "champion")
    assert place.count(lambda: cache.fetch(place.cold(), pin)) == 0
    elsewhere = PackageCache(tmp_path / "elsewhere", 1 << 30)
    assert place.count(lambda: elsewhere.fetch(place.cold(), pin)) == FILES


def test_a_look_counts_for_a_minute(place: Place) -> None:
    register(place.registry, "first")
    seconds = 0.0
    registry = place.another(retries=Retries(clock=lambda: seconds)).registry
    record = registry.get("churn", 1)
    seconds = SECONDS + 1
    assert place.count(lambda: registry.open(record, "model.bin").close()) == 2
    registry.get("churn", 1)
    seconds += SECONDS - 1
    assert place.count(lambda: registry.open(record, "model.bin").close()) == 1
    assert place.count(lambda: registry.open(record, "model.bin").close()) == 2, "once for each file"


def test_reading(place: Place) -> None:
    for each in range(5):
        register(place.registry, f"{each}")
    assert place.count(lambda: place.cold().get("churn", 1)) == 1
    assert place.count(lambda: place.cold().latest("churn")) == 1
    assert place.count(lambda: list(place.cold().versions("churn"))) == 2
    assert place.count(lambda: list(place.cold().models())) == 1


def test_what_cannot_be_costs_nothing(place: Place) -> None:
    for name in ("", " ", "a/b", "a:b", "a\0b", "\ud800", "x" * 257, "..", "."):
        with pytest.raises(LookupError, match="no model"):
            place.registry.resolve(name, "champion")
        with pytest.raises(LookupError, match="no model"):
            place.registry.get(name, 1)
    assert place.proxy.requests == 0


def versions(place: Place) -> list[dict[str, object]]:
    return list(place.rest.pages("model-versions/search", "model_versions", filter="name = 'churn'"))
