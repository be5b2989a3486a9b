"""The contract of the factory on the adapters ``memory`` and ``local``, and on factories that break it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mlops_core.errors import ConfigurationError
from mlops_core.secret import Secret
from mlops_core.stores.local import LocalBackend
from mlops_core.stores.memory.backend import MemoryBackend
from mlops_core.testing import BackendContract, BackendUnderTest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.ports.backend import PortName
    from mlops_core.stores.memory.model_registry import MemoryModelRegistry


class TestMemoryBackend(BackendContract):
    contract_version = 1
    backend = "memory"

    @pytest.fixture
    def fresh_backend(self, tmp_path: Path) -> Callable[[], BackendUnderTest]:
        return lambda: BackendUnderTest(open=MemoryBackend, adapter="memory", options={}, base=tmp_path)


class TestLocalBackend(BackendContract):
    contract_version = 1
    backend = "local"

    @pytest.fixture
    def fresh_backend(self, tmp_path: Path) -> Callable[[], BackendUnderTest]:
        return lambda: BackendUnderTest(open=LocalBackend, adapter="local", options={"path": ".mlops"}, base=tmp_path)


class ForgetsItsName(MemoryBackend):
    @property
    def name(self) -> str:
        return "memory"


class OffersTooMuch(MemoryBackend):
    def artifact_store(self) -> Any:
        return self.model_registry()


class OffersNothing(MemoryBackend):
    @property
    def ports(self) -> frozenset[PortName]:
        return frozenset()


class MakesPortsAnew(MemoryBackend):
    def model_registry(self) -> MemoryModelRegistry:
        return MemoryBackend("anew", {}, base=None).model_registry()  # pyright: ignore[reportArgumentType]


class ClosesOnce(MemoryBackend):
    def close(self) -> None:
        assert vars(self).setdefault("closed", self) is self
        vars(self)["closed"] = None


class MakesItsFolder(MemoryBackend):
    def __init__(self, name: str, options: Any, /, *, base: Path) -> None:
        super().__init__(name, options, base=base)
        (base / "made").mkdir(exist_ok=True)


class ReadsASecret(MemoryBackend):
    def __init__(self, name: str, options: Any, /, *, base: Path) -> None:
        super().__init__(name, options, base=base)
        Secret(env="PATH").reveal()


class TakesAnyOption(MemoryBackend):
    def __init__(self, name: str, options: Any, /, *, base: Path) -> None:
        super().__init__(name, {}, base=base)


class SaysNothing(LocalBackend):
    def __init__(self, name: str, options: Any, /, *, base: Path) -> None:
        if options.keys() - {"path"}:
            raise ConfigurationError("no", where=f"backend {name!r}", hint="read the manual")
        super().__init__(name, options, base=base)


class HasNoStore:
    def __init__(self, name: str, options: Any, /, *, base: Path) -> None:
        self._memory = MemoryBackend(name, options, base=base)
        self.model_registry, self.experiment_tracker = self._memory.model_registry, self._memory.experiment_tracker
        self.name, self.adapter, self.ports, self.close = name, "memory", self._memory.ports, self._memory.close

    def artifact_store(self, kind: str) -> ArtifactStore:
        raise NotImplementedError(kind)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (ForgetsItsName, "test_the_configured_name_is_kept"),
        (OffersTooMuch, "test_ports_name_what_is_offered"),
        (OffersNothing, "test_ports_name_what_is_offered"),
        (MakesPortsAnew, "test_each_port_is_one_object"),
        (ClosesOnce, "test_closing_may_be_repeated"),
        (MakesItsFolder, "test_opening_makes_no_request"),
        (ReadsASecret, "test_opening_makes_no_request"),
        (TakesAnyOption, "test_an_unknown_option_is_refused"),
        (SaysNothing, "test_a_misspelt_option_is_suggested"),
        (HasNoStore, "test_signatures_are_those_of_the_factory"),
    ],
)
def test_a_broken_factory_is_found(broken: Any, test: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"path": ".mlops"} if issubclass(broken, LocalBackend) else {}
    subject = BackendUnderTest(open=broken, adapter="memory", options=options, base=tmp_path)
    more = {"monkeypatch": monkeypatch} if test == "test_opening_makes_no_request" else {}
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(TestMemoryBackend(), test)(subject, **more)
