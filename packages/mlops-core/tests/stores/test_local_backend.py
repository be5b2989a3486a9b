"""The adapter ``local``: its options, and what it offers."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import ConfigurationError
from mlops_core.stores.local import LocalBackend

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.ports.backend import OptionValue


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "missing"),
        ({"path": 3}, "not a path"),
        ({"path": " "}, "not a path"),
        ({"path": ["a"]}, "not a path"),
        ({"path": "a\0b"}, "not a path"),
        ({"pth": "x"}, "did you mean 'path'?"),
        ({"path": "x", "bucket": "y"}, "unknown option 'bucket'"),
    ],
)
def test_wrong_options_are_refused_before_the_disk_is_touched(
    tmp_path: Path, options: dict[str, OptionValue], told: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        LocalBackend("home", options, base=tmp_path)
    assert told in str(caught.value)
    assert all([caught.value.what, caught.value.where, caught.value.why, caught.value.hint])
    assert "'home'" in caught.value.where
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_is_taken_against_the_base_and_nothing_is_made_before_the_first_write(tmp_path: Path) -> None:
    backend = LocalBackend("home", {"path": ".mlops"}, base=tmp_path)
    assert list(backend.model_registry().models()) == []
    assert list(backend.experiment_tracker().runs()) == []
    assert list(tmp_path.iterdir()) == []
    backend.artifact_store().put("a", b"1")
    assert (tmp_path / ".mlops" / "a").read_bytes() == b"1"


def test_an_absolute_path_stays_as_it_is(tmp_path: Path) -> None:
    backend = LocalBackend("home", {"path": str(tmp_path / "x")}, base=tmp_path / "elsewhere")
    assert backend.artifact_store().root == tmp_path / "x"


def test_it_offers_every_port_the_same_objects_each_time_and_closes_twice(tmp_path: Path) -> None:
    backend = LocalBackend("home", {"path": "x"}, base=tmp_path)
    assert (backend.name, backend.adapter) == ("home", "local")
    assert backend.ports == {"model_registry", "artifact_store", "experiment_tracker"}
    assert backend.model_registry() is backend.model_registry()
    assert backend.artifact_store() is backend.artifact_store()
    assert backend.experiment_tracker() is backend.experiment_tracker()
    backend.close()
    backend.close()


def test_the_entry_point_names_it() -> None:
    (found,) = [each for each in entry_points(group="mlops.backends") if each.name == "local"]
    assert found.load() is LocalBackend
