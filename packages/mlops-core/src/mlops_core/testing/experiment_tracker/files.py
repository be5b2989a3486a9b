"""Promise ``files_round_trip``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops_core.errors import InvalidNameError
from mlops_core.testing.experiment_tracker.base import EXPERIMENT, ExperimentTrackerPart, contents

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.testing.subjects import TrackerUnderTest


class Files(ExperimentTrackerPart):
    """What happens to files."""

    def test_files_round_trip(self, subject: TrackerUnderTest, tmp_path: Path) -> None:
        """Contents and files of this machine come back by path, byte for byte, listed in order of the paths' bytes.

        If this fails: keep paths and bytes as they are: no text mode, no unquoting, no sorting by locale.
        """
        local = tmp_path / "local.bin"
        local.write_bytes(bytes(range(256)) * 1_200)
        files = {
            "model/weights.bin": local,
            "empty": b"",
            "notes/übrig, 数 (1).txt": b"kept\r\nas it is\x00\xff",
            "notes/Readme.txt": b"upper",
            "notes/readme.txt.bak": b"longer",
            "a-b": b"dash",
            "a.b/c": b"deep",
            "Z": b"before a",
        }
        with subject.tracker.start_run(EXPERIMENT) as run:
            run.log_files(files)
        expected = {path: each if isinstance(each, bytes) else each.read_bytes() for path, each in files.items()}
        found = contents(subject.another(), run.id)
        assert found == expected
        assert list(found) == sorted(expected, key=str.encode)
        assert {path: subject.back_door.file(run.id, path) for path in expected} == expected

    def test_files_round_trip__a_path_logged_again_is_replaced(self, tracker: ExperimentTracker) -> None:
        """The bytes of the last call count, also shorter ones; other files stay.

        If this fails: the vendor keeps the first file of a path, or appends.
        """
        with tracker.start_run(EXPERIMENT) as run:
            run.log_files({"a.txt": b"first and longer", "b.txt": b"stays"})
            run.flush()
            run.log_files({"a.txt": b"second"})
        assert contents(tracker, run.id) == {"a.txt": b"second", "b.txt": b"stays"}

    def test_files_round_trip__a_missing_file_of_this_machine_stores_nothing(
        self, tracker: ExperimentTracker, tmp_path: Path
    ) -> None:
        """A file that is not there, or is a folder, raises ``FileNotFoundError``, and no file of the call is stored.

        If this fails: check the whole call with ``mlops_core.ports.run_values.run_files`` before the first request.
        """
        with tracker.start_run(EXPERIMENT) as run:
            for missing in (tmp_path / "nope", tmp_path):
                with pytest.raises(FileNotFoundError) as caught:
                    run.log_files({"a.txt": b"a", "b.txt": missing})
                assert all(part in str(caught.value) for part in ("'b.txt'", str(missing), "why:", "next:"))
        assert list(tracker.files(run.id)) == []

    @pytest.mark.parametrize(("first", "second"), [("d", "d/e/f"), ("d/e/f", "d"), ("d/e/f", "d/e")])
    def test_files_round_trip__none_is_a_folder_of_another(
        self, tracker: ExperimentTracker, first: str, second: str
    ) -> None:
        """A path that is a folder of another, of one call or of two, refuses the whole call, named as it was given.

        If this fails: keep a ``mlops_core.ports.run_values.FilePaths`` with the run, and add each call's paths to it
        before the first request; ``run_files`` sees one call only.
        """
        with tracker.start_run(EXPERIMENT) as run:
            with pytest.raises(InvalidNameError):
                run.log_files({"c": b"", first: b"", second: b""})
            assert list(tracker.files(run.id)) == []
            run.log_files({first: b"first", "d.txt": b"", "dd/e/f": b""})
            with pytest.raises(InvalidNameError) as caught:
                run.log_files({"c": b"", second: b""})
            assert caught.value.what.startswith(repr(second))
            assert all([caught.value.why, caught.value.hint])
            run.log_files({first: b"again"})
        assert contents(tracker, run.id) == {first: b"again", "d.txt": b"", "dd/e/f": b""}

    def test_files_round_trip__of_their_own_run(self, tracker: ExperimentTracker) -> None:
        """Files of equal paths belong to their runs, and a run without files has none.

        If this fails: make the run's id a part of where its files lie.
        """
        runs = [tracker.start_run(EXPERIMENT) for _ in range(3)]
        for run, content in zip(runs, (b"one", b"two"), strict=False):
            run.log_files({"a.txt": content})
        for run in runs:
            run.finish()
        assert [contents(tracker, run.id) for run in runs] == [{"a.txt": b"one"}, {"a.txt": b"two"}, {}]
