"""Adapters are found by entry point, loaded only when configured, and every way in which that fails says what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlops_core.backends import describe_adapters, installed_adapters, open_backend
from mlops_core.errors import AdapterNotFoundError, ConfigurationError
from mlops_core.settings import BackendSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ADAPTER = """
class Backend:
    ports = frozenset()
    def __init__(self, name, options, /, *, base):
        self.name, self.options, self.base = name, options, base
        {body}
"""


def install(site: Path, distribution: str, *, adapter: str, module: str, code: str) -> None:
    """Make a distribution as pip would leave it: metadata with an entry point, and a module."""
    info = site / f"{distribution.replace('-', '_')}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[mlops.backends]\n{adapter} = {module}:Backend\n")
    (site / f"{module}.py").write_text(code)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    installed_adapters.cache_clear()
    yield folder
    installed_adapters.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith("stranger"):
            del sys.modules[name]


def settings_with(adapter: str) -> Settings:
    backends = {"prod": BackendSettings(adapter=adapter, options={"bucket": "b"})}
    return Settings(use="prod", backends=backends, base=Path("/base"))


def test_an_installed_adapter_is_opened_with_its_options_and_base(site: Path) -> None:
    install(site, "adapter-stranger", adapter="stranger", module="stranger_good", code=ADAPTER.format(body="pass"))
    opened = open_backend("prod", settings_with("stranger"))
    assert (opened.name, getattr(opened, "options", None), getattr(opened, "base", None)) == (
        "prod",
        {"bucket": "b"},
        Path("/base"),
    )
    assert describe_adapters()["stranger"] == "adapter-stranger 1.2"


def test_what_is_not_configured_is_not_loaded(site: Path) -> None:
    install(site, "adapter-stranger", adapter="stranger", module="stranger_good", code=ADAPTER.format(body="pass"))
    install(site, "adapter-bomb", adapter="bomb", module="stranger_bomb", code="raise RuntimeError('loaded')")
    open_backend("prod", settings_with("stranger"))
    assert "stranger_bomb" not in sys.modules


def test_an_unknown_adapter_lists_the_installed_ones_and_the_line_that_installs_it(site: Path) -> None:
    install(site, "adapter-stranger", adapter="stranger", module="stranger_good", code="")
    with pytest.raises(AdapterNotFoundError, match="'strangr' is not installed") as caught:
        open_backend("prod", settings_with("strangr"))
    assert "stranger" in caught.value.why
    assert "did you mean 'stranger'?" in caught.value.hint
    assert "pip install adapter_strangr-" in caught.value.hint
    assert "backends.prod" in caught.value.where


def test_a_missing_sdk_is_not_a_missing_adapter(site: Path) -> None:
    install(site, "adapter-stranger", adapter="stranger", module="stranger_sdk", code="import vendor_sdk_xyz")
    with pytest.raises(AdapterNotFoundError, match="is installed, a library that it needs is not") as caught:
        open_backend("prod", settings_with("stranger"))
    assert "'vendor_sdk_xyz'" in caught.value.why
    assert "adapter-stranger" in caught.value.hint
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_missing_sdk_shows_when_the_backend_opens_too(site: Path) -> None:
    code = ADAPTER.format(body="import vendor_sdk_xyz")
    install(site, "adapter-stranger", adapter="stranger", module="stranger_late", code=code)
    with pytest.raises(AdapterNotFoundError, match="a library that it needs is not"):
        open_backend("prod", settings_with("stranger"))


@pytest.mark.parametrize("code", ["Other = 1", "from os import no_such_name"])
def test_a_broken_adapter_says_so(site: Path, code: str) -> None:
    install(site, "adapter-stranger", adapter="stranger", module="stranger_broken", code=code)
    with pytest.raises(AdapterNotFoundError, match="is installed and cannot be loaded") as caught:
        open_backend("prod", settings_with("stranger"))
    assert caught.value.why
    assert "the wheel of adapter-stranger" in caught.value.hint


def test_an_adapter_whose_own_module_is_gone_is_broken_not_missing_a_library(site: Path) -> None:
    install(site, "adapter-stranger", adapter="stranger", module="stranger_gone", code="")
    (site / "stranger_gone.py").unlink()
    with pytest.raises(AdapterNotFoundError, match="cannot be loaded"):
        open_backend("prod", settings_with("stranger"))


def test_two_distributions_with_one_name_are_both_named(site: Path) -> None:
    install(site, "adapter-stranger", adapter="stranger", module="stranger_one", code="")
    install(site, "other-stranger", adapter="stranger", module="stranger_two", code="")
    with pytest.raises(ConfigurationError, match="two adapters") as caught:
        open_backend("prod", settings_with("stranger"))
    assert "adapter-stranger 1.2 and other-stranger 1.2" in caught.value.why


def test_an_adapters_own_error_passes_through(site: Path) -> None:
    code = ADAPTER.format(body="raise ValueError('mine')")
    install(site, "adapter-stranger", adapter="stranger", module="stranger_refuses", code=code)
    with pytest.raises(ValueError, match="mine"):
        open_backend("prod", settings_with("stranger"))


def test_the_core_ships_one_adapter() -> None:
    installed_adapters.cache_clear()
    assert "local" in installed_adapters()


def test_an_unknown_backend_names_its_neighbours() -> None:
    with pytest.raises(ConfigurationError, match="no backend 'prd'") as caught:
        open_backend("prd", settings_with("stranger"), adapters={})
    assert "'prod'" in caught.value.hint
