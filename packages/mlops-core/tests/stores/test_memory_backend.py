"""The adapter ``memory``: what its contracts do not say."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

import pytest
from mlops_core.errors import ConfigurationError, IntegrityError, InvalidNameError
from mlops_core.ports.experiment_tracker import MetricCondition
from mlops_core.sessions import open_session
from mlops_core.settings import BackendSettings, Settings
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore
from mlops_core.stores.memory.backend import MemoryBackend
from mlops_core.stores.memory.experiment_tracker import MemoryExperimentTracker
from mlops_core.stores.memory.model_registry import MemoryModelRegistry
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.testing import make_package

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from mlops_core.manifest import Manifest
    from mlops_core.ports.experiment_tracker import Comparison
    from mlops_core.ports.model_registry import IfExists

_ODD_CLOCK = datetime(2026, 3, 29, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=45)))


def test_an_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown option 'path'") as caught:
        MemoryBackend("scratch", {"path": "x"}, base=tmp_path)
    assert all([caught.value.what, caught.value.where, caught.value.why, caught.value.hint])
    assert "'scratch'" in caught.value.where


def test_it_offers_every_port_the_same_objects_each_time_and_closes_twice(tmp_path: Path) -> None:
    backend = MemoryBackend("scratch", {}, base=tmp_path)
    assert (backend.name, backend.adapter) == ("scratch", "memory")
    assert backend.ports == {"model_registry", "artifact_store", "experiment_tracker"}
    assert backend.model_registry() is backend.model_registry()
    assert backend.artifact_store() is backend.artifact_store()
    assert backend.experiment_tracker() is backend.experiment_tracker()
    backend.close()
    backend.close()
    assert list(tmp_path.iterdir()) == []


def test_two_backends_share_nothing(tmp_path: Path) -> None:
    one, other = (MemoryBackend(name, {}, base=tmp_path) for name in ("one", "other"))
    one.model_registry().register("churn", make_package(), operation_id="a")
    one.artifact_store().put("a", b"1")
    one.experiment_tracker().start_run("churn")
    assert list(other.model_registry().models()) == []
    assert list(other.artifact_store().find()) == []
    assert list(other.experiment_tracker().runs()) == []


def test_the_entry_point_names_it() -> None:
    (found,) = [each for each in entry_points(group="mlops.backends") if each.name == "memory"]
    assert found.load() is MemoryBackend


def test_a_session_uses_it_for_every_port(tmp_path: Path) -> None:
    settings = Settings(
        use="scratch", backends={"scratch": BackendSettings(adapter="memory", options={})}, base=tmp_path
    )
    with open_session(settings=settings) as session:
        made = session.model_registry.register("churn", make_package(), operation_id="a")
        session.artifact_store.put("a", b"1")
        run = session.experiment_tracker.start_run("churn")
        assert session.model_registry.get("churn", made.version) == made
        assert session.artifact_store.get("a").data == b"1"
        assert session.experiment_tracker.get_run(run.id).experiment == "churn"
    assert list(tmp_path.iterdir()) == []


def test_times_are_utc_whatever_the_zone_of_the_clock() -> None:
    registry = MemoryModelRegistry(clock=lambda: _ODD_CLOCK)
    made = registry.register("churn", make_package(), operation_id="a")
    stored = MemoryArtifactStore(clock=lambda: _ODD_CLOCK).put("a", b"")
    tracker = MemoryExperimentTracker(clock=lambda: _ODD_CLOCK)
    with tracker.start_run("churn") as run:
        pass
    record = tracker.get_run(run.id)
    for time in [made.created_at, stored.modified_at, record.started_at, record.ended_at]:
        assert time == _ODD_CLOCK
        assert time is not None
        assert time.tzinfo is UTC


def test_a_clock_that_was_set_back_makes_no_run_end_before_it_began() -> None:
    clock = iter([_ODD_CLOCK, _ODD_CLOCK - timedelta(days=1)])
    tracker = MemoryExperimentTracker(clock=lambda: next(clock))
    with tracker.start_run("churn") as run:
        pass
    record = tracker.get_run(run.id)
    assert record.ended_at == record.started_at


def test_what_it_gives_and_takes_is_no_handle_on_what_it_holds() -> None:
    registry, tracker = MemoryModelRegistry(), MemoryExperimentTracker()
    tags, metrics = {"team": "x"}, {"auc": 0.5}
    made = registry.register("churn", make_package(), operation_id="a", tags=tags, metrics=metrics)
    run = tracker.start_run("churn", tags=tags)
    run.log_params({"depth": 3})
    tags.clear()
    metrics.clear()
    for given in [made.tags, made.metrics, registry.get("churn", made.version).tags, tracker.get_run(run.id).params]:
        cast("dict[str, object]", given).clear()
    found, record = registry.get("churn", made.version), tracker.get_run(run.id)
    assert (found.tags, found.metrics) == ({"team": "x"}, {"auc": 0.5})
    assert (record.tags, record.params) == ({"team": "x"}, {"depth": "3"})


def test_a_package_that_comes_from_the_registry_itself_can_be_registered() -> None:
    registry = MemoryModelRegistry()
    first = registry.register("churn", make_package(), operation_id="a")

    class Held:
        manifest: Manifest = first.manifest

        def open(self, path: str, /) -> BinaryIO:
            return registry.open(first, path)

        def local_path(self, path: str, /) -> Path | None:
            return None

    copied: list[str] = []
    copying = threading.Thread(
        target=lambda: copied.append(registry.register("copy", Held(), operation_id="b").digest), daemon=True
    )
    copying.start()
    copying.join(timeout=10)
    assert copied == [first.digest]


def test_a_registration_called_again_gives_its_own_version() -> None:
    registry = MemoryModelRegistry()
    first = registry.register("churn", make_package(), operation_id="a", if_exists="new")
    registry.register("churn", make_package(), operation_id="b", if_exists="new")
    again = registry.register("churn", make_package(), operation_id="a", if_exists="new")
    assert (again.version, again.reused) == (first.version, False)
    assert len(list(registry.versions("churn"))) == 2


@pytest.mark.parametrize("comparison", ["=", "!=", "", "like"])
def test_a_comparison_that_is_none_is_refused(comparison: str) -> None:
    condition = MetricCondition(key="auc", comparison=cast("Comparison", comparison), value=0.5)
    with pytest.raises(InvalidNameError, match="'auc'") as caught:
        MemoryExperimentTracker().runs(metrics=[condition])
    assert repr(comparison) in caught.value.why


@pytest.mark.parametrize("registry", [MemoryModelRegistry(), StoreModelRegistry(MemoryArtifactStore(), backend="home")])
class TestInputThatEveryRegistryChecks:
    def test_if_exists_is_one_of_two_words(self, registry: MemoryModelRegistry | StoreModelRegistry) -> None:
        with pytest.raises(InvalidNameError, match="cannot register") as caught:
            registry.register("churn", make_package(), operation_id="a", if_exists=cast("IfExists", "retrun"))
        assert "'retrun'" in caught.value.why

    def test_a_manifest_that_cannot_be_written_is_told(
        self, registry: MemoryModelRegistry | StoreModelRegistry
    ) -> None:
        package = make_package()
        for manifest in [
            replace(package.manifest, framework="\ud800"),
            replace(package.manifest, parameters={"rate": float("nan")}),
            replace(package.manifest, model_file="../evil"),
        ]:
            with pytest.raises(IntegrityError, match="manifest"):
                registry.register("churn", replace(package, manifest=manifest), operation_id="a")
        assert list(registry.models()) == []
