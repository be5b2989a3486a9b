"""Versions that were made or changed with the vendor's own tools are refused in words, never half read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import vaults
from mlops_core.errors import IntegrityError
from mlops_core.testing import make_package

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("notes", ["", "a good model", "[]", '{"manifest": 7}', '{"manifest": "{}"}'])
def test_a_version_without_a_package_is_told(notes: str, tmp_path: Path) -> None:
    registry = vaults.registry_of(vaults.empty_vault(tmp_path))
    made = registry.native.create_version("churn", {}, notes=notes, checksum="", external_id="", tags={})
    with pytest.raises(IntegrityError):
        registry.get("churn", made.number)


def test_a_version_whose_checksum_is_not_its_manifests_is_told(tmp_path: Path) -> None:
    registry = vaults.registry_of(vaults.empty_vault(tmp_path))
    ours = registry.register("churn", make_package(), operation_id="1")
    notes = registry.native.get_version("churn", ours.version).notes
    made = registry.native.create_version("churn", {}, notes=notes, checksum="0" * 64, external_id="", tags={})
    with pytest.raises(IntegrityError, match="contradicts itself"):
        registry.get("churn", made.number)
