"""Keys on a file system to which names that differ by case or by normal form are the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from mlops_core.errors import ArtifactNotFoundError, ConflictError, InvalidNameError
from mlops_core.stores.file_names import folded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_core.stores.files import FileArtifactStore


@pytest.fixture
def folding(store: FileArtifactStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> FileArtifactStore:
    """A store in which ``Race`` was put, and every path with ``race`` leads there too, though no folder lists it.

    So do file systems that fold names; a hard link and a link to a folder do the same here.
    """
    listdir = os.listdir

    def listed(folder: Path) -> list[str]:
        return [name for name in listdir(folder) if name not in {"race", "TMP"}]

    store.put("Race", b"1")
    store.put("x/Race/a", b"2")
    (root / "TMP").symlink_to(root / "tmp")
    (root / "race").hardlink_to(root / "Race")
    (root / "x" / "race").symlink_to(root / "x" / "Race")
    monkeypatch.setattr(os, "listdir", listed)
    return store


@pytest.mark.parametrize("key", ["race", "x/race/a"])
def test_another_spelling_is_missing_for_who_reads(folding: FileArtifactStore, key: str) -> None:
    calls: list[Callable[[], object]] = [lambda: folding.get(key), lambda: folding.open(key), lambda: folding.stat(key)]
    for call in calls:
        with pytest.raises(ArtifactNotFoundError):
            call()
    assert list(folding.find("x/race/")) == []
    assert list(folding.folders("x/race/")) == []


@pytest.mark.parametrize("key", ["race", "x/race/a", "x/race/new"])
def test_another_spelling_is_refused_and_changes_nothing(folding: FileArtifactStore, root: Path, key: str) -> None:
    etag = folding.stat("Race").etag
    for put in (lambda: folding.put(key, b"3"), lambda: folding.put(key, b"3", if_absent=True)):
        with pytest.raises(InvalidNameError, match="spelled otherwise"):
            put()
    with pytest.raises(ConflictError):
        folding.put(key, b"3", if_match=etag)
    folding.delete(key)
    assert folding.get("Race").data == b"1"
    assert folding.get("x/Race/a").data == b"2"
    assert [path.name for path in (root / "x" / "Race").iterdir()] == ["a"]


def test_the_right_spelling_works_as_everywhere(folding: FileArtifactStore) -> None:
    etag = folding.put("Race", b"3").etag
    folding.put("Race", b"4", if_match=etag)
    folding.put("x/Race/b", b"5", if_absent=True)
    assert [info.key for info in folding.find("x/Race/")] == ["x/Race/a", "x/Race/b"]
    assert list(folding.folders("x/")) == ["Race"]
    folding.delete("Race")
    with pytest.raises(ArtifactNotFoundError):
        folding.get("Race")


def test_twins_take_turns_at_one_lock() -> None:
    assert folded("Race/\u00c9") == folded("race/e\u0301") == folded("RACE/E\u0301")
    assert folded("race") != folded("races")
