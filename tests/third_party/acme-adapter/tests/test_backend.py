"""From ``mlops.toml`` to the ports: options, the entry point, and what is not offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import vaults
from acme_adapter.backend import AcmeBackend
from acme_adapter.settings import AcmeSettings
from acme_vault import create_vault
from mlops_core import open_session
from mlops_core.errors import AccessDeniedError, AuthenticationError, ConfigurationError, UnsupportedOperationError
from mlops_core.secret import Secret
from mlops_core.testing import BackendContract, BackendUnderTest, make_package

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.ports.backend import OptionValue

GOOD: dict[str, OptionValue] = {"path": "models.vault", "token": Secret(env="ACME_TOKEN")}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"token": GOOD["token"]}, "the option 'path' is missing"),
        ({**GOOD, "path": 7}, "the option 'path' cannot be used"),
        ({**GOOD, "path": " "}, "the option 'path' is not a path"),
        ({"path": GOOD["path"]}, "the option 'token' is missing"),
        ({**GOOD, "token": vaults.TOKEN}, "must say where a secret is kept"),
        ({**GOOD, "pth": "models.vault"}, "did you mean 'path'"),
    ],
)
def test_wrong_options_are_refused_with_the_way_out(options: dict[str, OptionValue], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        AcmeBackend("vault", options, base=tmp_path)
    assert caught.value.where
    assert vaults.TOKEN not in str(caught.value)


def test_a_relative_path_is_taken_against_the_folder_of_the_settings(tmp_path: Path) -> None:
    assert AcmeSettings.read("vault", GOOD, base=tmp_path).path == tmp_path / "models.vault"


class TestAcmeBackend(BackendContract):
    contract_version = 1
    backend = "acme"

    @pytest.fixture
    def fresh_backend(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], BackendUnderTest]:
        monkeypatch.setenv("ACME_TOKEN", vaults.TOKEN)
        return lambda: BackendUnderTest(open=AcmeBackend, adapter="acme", options=GOOD, base=tmp_path)


def test_a_token_that_is_not_there_is_a_matter_of_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_TOKEN", raising=False)
    with pytest.raises(ConfigurationError, match="ACME_TOKEN"):
        AcmeBackend("vault", GOOD, base=tmp_path).model_registry()


def test_a_token_that_may_read_only_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_vault(tmp_path / "models.vault", {"reader": "read"})
    monkeypatch.setenv("ACME_TOKEN", "reader")
    registry = AcmeBackend("vault", GOOD, base=tmp_path).model_registry()
    assert list(registry.models()) == []
    with pytest.raises(AccessDeniedError, match="may read only"):
        registry.register("churn", make_package(), operation_id="1")


def test_an_unknown_token_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_vault(tmp_path / "models.vault", {})
    monkeypatch.setenv("ACME_TOKEN", "nobody")
    tracker = AcmeBackend("vault", GOOD, base=tmp_path).experiment_tracker()
    with pytest.raises(AuthenticationError, match="unknown"):
        tracker.start_run("churn")


def test_a_session_finds_the_adapter_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_vault(tmp_path / "models.vault", {vaults.TOKEN: "write"})
    monkeypatch.setenv("ACME_TOKEN", vaults.TOKEN)
    config = tmp_path / "mlops.toml"
    config.write_text(
        'use = "vault"\n[backends.vault]\nadapter = "acme"\npath = "models.vault"\ntoken = { env = "ACME_TOKEN" }\n'
        '[backends.home]\nadapter = "local"\npath = ".mlops"\n'
    )
    with open_session(config=config) as session:
        made = session.model_registry.register("churn", make_package(), operation_id="1")
        assert made.version == 0
        assert session.model_registry.latest("churn").digest == made.digest
        with session.experiment_tracker.start_run("churn") as run:
            run.log_metrics({"auc": 0.8})
        assert session.experiment_tracker.get_run(run.id).metrics == {"auc": 0.8}
        with pytest.raises(UnsupportedOperationError) as caught:
            assert session.artifact_store
    assert 'artifact_store = "home"' in caught.value.hint
