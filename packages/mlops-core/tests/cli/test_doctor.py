"""The doctor tries what is configured for real, leaves nothing behind, and has a fix for each failure."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from mlops_core.errors import AccessDeniedError, BackendUnavailableError, IntegrityError
from mlops_core.operations.round_trips import try_registry, try_store, try_tracker
from mlops_core.sessions import open_session
from mlops_core.stores.files import FileArtifactStore
from mlops_core.stores.registry import StoreModelRegistry
from mlops_core.stores.tracker import StoreExperimentTracker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo
    from mlops_core.ports.experiment_tracker import MetricPoint
    from mlops_core.ports.model_registry import PinnedVersion

    from conftest import Mlops

CANARY = "canary-91bd"


def findings(mlops: Mlops, code: int) -> dict[str, dict[str, str]]:
    outcome = mlops("doctor", "--json")
    assert outcome.code == code, outcome
    assert outcome.data["schema"] == 1
    assert outcome.data["ok"] is (code == 0)
    return {each["check"]: each for each in outcome.data["findings"]}


def test_the_default_works_and_leaves_no_model(mlops: Mlops) -> None:
    found = findings(mlops, 0)
    assert {each["state"] for each in found.values()} == {"ok"}
    ports = {"model_registry (home)", "artifact_store (home)", "experiment_tracker (home)"}
    assert {"settings", "backends.home"} | ports <= set(found)
    assert mlops("ls", "--json").data["models"] == []
    with open_session() as session:
        assert [each.key for each in session.artifact_store.find("mlops-doctor")] == []
        (run,) = session.experiment_tracker.runs()
    assert (run.experiment.startswith("mlops-doctor-"), run.status) == (True, "finished")  # no port deletes a run


def test_findings_are_lines_on_stdout_and_the_verdict_is_talk(mlops: Mlops) -> None:
    outcome = mlops("doctor")
    assert all(line.startswith("ok ") for line in outcome.out.splitlines())
    assert outcome.err == "everything works\n"


def test_it_can_run_again_and_again(mlops: Mlops) -> None:
    for _ in range(3):
        findings(mlops, 0)


def test_wrong_settings_are_the_first_finding(mlops: Mlops, project: Path) -> None:
    (project / "mlops.toml").write_text("us = 1\n")
    found = findings(mlops, 1)
    assert set(found) == {"settings"}
    assert found["settings"]["fix"] == "did you mean 'use'?"


def test_a_missing_adapter_has_the_line_that_installs_it(mlops: Mlops, project: Path) -> None:
    (project / "mlops.toml").write_text('use = "prod"\n[backends.prod]\nadapter = "nowhere"\n')
    found = findings(mlops, 1)
    assert found["backends.prod"]["fix"] == "install its wheel: pip install adapter_nowhere-<version>-py3-none-any.whl"
    assert set(found) == {"settings", "backends.prod"}


def test_a_backend_that_cannot_be_opened_is_said_once(mlops: Mlops, project: Path) -> None:
    (project / "mlops.toml").write_text('use = "loc"\n[backends.loc]\nadapter = "local"\npaht = "x"\n')
    found = findings(mlops, 1)
    assert set(found) == {"settings", "backends.loc"}
    assert found["backends.loc"]["state"] == "failed"
    assert "unknown option 'paht'" in found["backends.loc"]["detail"]
    assert found["backends.loc"]["fix"] == "did you mean 'path'?"


def test_a_backend_that_cannot_be_opened_leaves_the_others_to_be_tried(mlops: Mlops, project: Path) -> None:
    text = '[use]\nmodel_registry = "a"\nartifact_store = "b"\nexperiment_tracker = "b"\n'
    text += '[backends.a]\nadapter = "local"\npath = "x"\n[backends.b]\nadapter = "local"\n'
    (project / "mlops.toml").write_text(text)
    found = findings(mlops, 1)
    assert {name: each["state"] for name, each in found.items()} == {
        "settings": "ok",
        "backends.a": "ok",
        "backends.b": "failed",
        "model_registry (a)": "ok",
    }


def test_a_backend_that_is_not_used_only_warns(mlops: Mlops, project: Path) -> None:
    text = '[backends.home]\nadapter = "local"\npath = "x"\n[backends.prod]\nadapter = "nowhere"\n'
    (project / "mlops.toml").write_text(text)
    assert findings(mlops, 0)["backends.prod"]["state"] == "warning"


def test_secrets_are_present_or_missing_and_never_shown(
    mlops: Mlops, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '[backends.home]\nadapter = "local"\npath = "x"\n[backends.b]\nadapter = "local"\npath = "y"\n'
    (project / "mlops.toml").write_text(text + 'token = { env = "A_TOKEN" }\npassword = { env = "B_PASSWORD" }\n')
    monkeypatch.setenv("A_TOKEN", CANARY)
    monkeypatch.delenv("B_PASSWORD", raising=False)
    found = findings(mlops, 1)
    assert found["backends.b.token"]["state"] == "ok"
    assert found["backends.b.password"]["state"] == "failed"
    assert "B_PASSWORD" in found["backends.b.password"]["detail"]
    assert CANARY not in str(found)
    assert CANARY not in mlops("doctor").out


def test_variables_that_nobody_reads_are_said(mlops: Mlops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_USEE", CANARY)
    found = findings(mlops, 0)
    assert "MLOPS_USEE" in found["environment"]["detail"]
    assert CANARY not in str(found)


class ForgetfulStore(FileArtifactStore):
    """Gives back other bytes than it was given."""

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        artifact = super().get(key, start=start, stop=stop)
        return type(artifact)(info=artifact.info, data=artifact.data.replace(b"doctor", b"doktor"))


def test_a_store_that_changes_bytes_is_caught_and_cleaned(tmp_path: Path) -> None:
    store = ForgetfulStore(tmp_path, backend="home")
    with pytest.raises(IntegrityError, match="what was read is not what was written"):
        try_store(store, prefix="probe", probe_id="1")
    assert list(store.find("probe")) == []


class RefusingStore(FileArtifactStore):
    """Its credentials may neither write nor delete."""

    def put(self, key: str, data: bytes | BinaryIO, /, **_: Any) -> ArtifactInfo:
        raise AccessDeniedError("may not put", operation="put", subject=key, backend="home")

    def delete(self, key: str, /) -> None:
        raise AccessDeniedError("may not delete", operation="delete", subject=key, backend="home")


def test_the_step_that_failed_is_told_and_not_the_cleaning_up(tmp_path: Path) -> None:
    with pytest.raises(AccessDeniedError, match="may not put"):
        try_store(RefusingStore(tmp_path, backend="home"), prefix="probe", probe_id="1")


class FlippingRegistry(StoreModelRegistry):
    """Gives back other bytes than it was given."""

    def open(self, version: PinnedVersion, path: str, /) -> BinaryIO:
        with super().open(version, path) as stream:
            return io.BytesIO(stream.read().replace(b"doctor", b"doktor"))


class DownRegistry(StoreModelRegistry):
    """Goes away after the registration."""

    def set_alias(self, *_: object, **__: object) -> None:
        raise BackendUnavailableError("gone")


@pytest.mark.parametrize(
    ("kind", "error"), [(FlippingRegistry, IntegrityError), (DownRegistry, BackendUnavailableError)]
)
def test_a_registry_that_fails_is_caught_and_cleaned(
    tmp_path: Path, kind: type[StoreModelRegistry], error: type[Exception]
) -> None:
    registry = kind(FileArtifactStore(tmp_path, backend="home"), backend="home")
    with pytest.raises(error):
        try_registry(registry, model="probe", probe_id="1")
    assert list(registry.models()) == []


class ForgetfulTracker(StoreExperimentTracker):
    """Gives back other bytes than it was given."""

    def open_file(self, run_id: str, path: str, /) -> BinaryIO:
        with super().open_file(run_id, path) as stream:
            return io.BytesIO(stream.read().replace(b"doctor", b"doktor"))


def test_a_tracker_that_changes_bytes_is_caught(tmp_path: Path) -> None:
    tracker = ForgetfulTracker(FileArtifactStore(tmp_path, backend="home"), backend="home")
    with pytest.raises(IntegrityError, match="the file that was read is another"):
        try_tracker(tracker, experiment="probe", probe_id="1")


def test_a_tracker_that_loses_a_point_is_caught_and_the_run_ends_as_failed(tmp_path: Path) -> None:
    class Losing(StoreExperimentTracker):
        def metric_history(self, run_id: str, key: str, /) -> Iterator[MetricPoint]:
            yield from list(super().metric_history(run_id, key))[1:]

    tracker = Losing(FileArtifactStore(tmp_path, backend="home"), backend="home")
    with pytest.raises(IntegrityError, match="the metric is another"):
        try_tracker(tracker, experiment="probe", probe_id="1")
    assert [each.status for each in tracker.runs("probe")] == ["failed"]
