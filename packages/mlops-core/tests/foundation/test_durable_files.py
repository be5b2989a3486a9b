from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from mlops_core.durable_files import sync_file, sync_folder, write_durably

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_synced_with_all_of_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def record(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr("mlops_core.durable_files.sync_file", record)
    write_durably(tmp_path / "file", [b"one", b"two"])
    assert sizes == [6]
    assert (tmp_path / "file").read_bytes() == b"onetwo"


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    write_durably(tmp_path / "file", [b"first"])
    with pytest.raises(FileExistsError):
        write_durably(tmp_path / "file", [b"second"])
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_sync_that_fails_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        sync_file(1 << 20)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")
