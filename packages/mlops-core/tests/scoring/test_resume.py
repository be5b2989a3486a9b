"""A run that is killed goes on where it stopped, and ends with the same bytes; nothing half-written has a name."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from mlops_core.errors import ScoringError
from mlops_core.scoring import Chain, Link, Predict, Table, Verdict, check

from . import killed_run
from .standins import Doubles, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OUTPUTS = ("scores.parquet", "rejects.parquet")


def files(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    killed_run.write_input(folder)
    killed_run.score(folder)
    return files(folder)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    killed_run.write_input(folder)
    command = [sys.executable, str(Path(killed_run.__file__)), str(folder), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def check_after_the_kill(folder: Path, undisturbed: Mapping[str, bytes]) -> int:
    for name in OUTPUTS:
        if (folder / name).exists():
            assert (folder / name).read_bytes() == undisturbed[name], "a name belongs to a whole file only"
    result = killed_run.score(folder)
    for name in OUTPUTS:
        assert (folder / name).read_bytes() == undisturbed[name]
    assert {path.name for path in folder.iterdir()} == {"in.parquet", *OUTPUTS}, "nothing else is left"
    return result.resumed_parts


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_run_killed_at_any_moment(seed: int, tmp_path: Path, undisturbed: Mapping[str, bytes]) -> None:
    with start(tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(random.Random(seed).uniform(0.0, 0.5))
        process.kill()

    check_after_the_kill(tmp_path, undisturbed)


@pytest.mark.parametrize(
    ("sync", "parts"),
    [
        (0, 0),  # the first part is written, and has no name
        (1, 1),  # it has its name
        (2 * killed_run.PARTS - 2, killed_run.PARTS - 1),
        (2 * killed_run.PARTS, killed_run.PARTS),  # the rejects are written, and have no name
        (2 * killed_run.PARTS + 2, killed_run.PARTS),  # the rejects stand, the scores have no name
        (killed_run.SYNCS - 1, killed_run.PARTS),  # both stand, the parts are still there
    ],
)
def test_a_run_killed_at_a_step(sync: int, parts: int, tmp_path: Path, undisturbed: Mapping[str, bytes]) -> None:
    with start(tmp_path, str(sync)) as process:
        assert process.wait() == -signal.SIGKILL

    assert check_after_the_kill(tmp_path, undisturbed) == parts


class Stop(Exception):  # noqa: N818 - it is no error: it stands for the end of a process
    pass


def interrupted(folder: Path, *, after: int) -> None:
    """Leave the parts of a run behind."""
    done: list[int] = []

    def stop(rows: int, _: int | None) -> None:
        done.append(rows)
        if len(done) == after:
            raise Stop

    with pytest.raises(Stop):
        killed_run.score(folder, stop)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A folder with an input and five parts."""
    killed_run.write_input(tmp_path)
    interrupted(tmp_path, after=5)
    return tmp_path


def parts_folder(folder: Path) -> Path:
    (found,) = (folder / ".scores.parquet.parts").iterdir()
    return found


def test_the_same_run_goes_on(stopped: Path, undisturbed: Mapping[str, bytes]) -> None:
    progress: list[int] = []

    result = killed_run.score(stopped, lambda rows, _: progress.append(rows))

    assert result.resumed_parts == 5
    assert progress[0] == 5 * killed_run.BATCH_ROWS
    assert files(stopped)["scores.parquet"] == undisturbed["scores.parquet"]


def test_parts_of_another_input_are_removed(stopped: Path) -> None:
    path = stopped / "in.parquet"
    frame = pl.read_parquet(path)
    frame.reverse().write_parquet(path)

    result = killed_run.score(stopped)

    assert result.resumed_parts == 0
    assert not list(stopped.glob(".*"))


def test_parts_of_another_chain_are_removed(stopped: Path) -> None:
    chain = Chain(check("has x", "x IS NULL"), check("is large", pl.col("x") > 40), Predict(killed_run.Squares()))

    result = chain.run(
        stopped / "in.parquet", key="id", out=stopped / "scores.parquet", batch_rows=killed_run.BATCH_ROWS
    )

    assert result.resumed_parts == 0


def cut_off(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:100])


def without_a_row(part: Path) -> None:
    pl.read_parquet(part).head(-1).write_parquet(part)


@pytest.mark.parametrize("damage", [cut_off, without_a_row])
def test_a_damaged_part_is_judged_again(
    damage: Callable[[Path], None], stopped: Path, undisturbed: Mapping[str, bytes]
) -> None:
    damage(parts_folder(stopped) / "000003.parquet")

    result = killed_run.score(stopped)

    assert result.resumed_parts == 3
    assert files(stopped)["scores.parquet"] == undisturbed["scores.parquet"]


def test_a_check_in_python_is_never_resumed(tmp_path: Path) -> None:
    # The function may be another one by now: only its name could be compared.
    def even(column: pl.Series) -> pl.Series:
        return column % 2 == 0

    def run(*, after: int) -> int:
        chain = Chain(check("is even", pl.col("x").map_batches(even, return_dtype=pl.Boolean)))
        calls: list[int] = []

        def stop(rows: int, _: int | None) -> None:
            calls.append(rows)
            if len(calls) == after:
                raise Stop

        return chain.run(
            table([1, 2, 3, 4]), out=tmp_path / "scores.parquet", batch_rows=1, progress=stop
        ).resumed_parts

    with pytest.raises(Stop):
        run(after=2)
    assert run(after=9) == 0


class Moody:
    """A handler whose identity is given."""

    name = "Moody"
    reasons = ()

    def __init__(self, identity: str | None) -> None:
        self.identity = identity

    def bind(self, table: Table, /) -> Link:
        return Link(schema=table.schema, handle=lambda batch: Verdict(batch=batch), start=lambda: self.identity)


@pytest.mark.parametrize(
    ("before", "after", "resumed"), [("a", "a", 2), ("a", "b", 0), (None, None, 0), ("a", None, 0)]
)
def test_a_run_goes_on_only_if_every_handler_is_what_it_was(
    before: str | None, after: str | None, resumed: int, tmp_path: Path
) -> None:
    calls: list[int] = []

    def stop_once(rows: int, _: int | None) -> None:
        calls.append(rows)
        if len(calls) == 2:
            raise Stop

    rows = table([1, 2, 3, 4])
    out = tmp_path / "scores.parquet"
    with pytest.raises(Stop):
        Chain(Moody(before)).run(rows, out=out, batch_rows=1, progress=stop_once)

    assert Chain(Moody(after)).run(rows, out=out, batch_rows=1, progress=stop_once).resumed_parts == resumed


def test_an_input_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    source, out = tmp_path / "in.parquet", tmp_path / "scores.parquet"
    table([1, 2, 3]).write_parquet(source)

    def touch(*_: object) -> None:
        os.utime(source, (1, 1))

    with pytest.raises(ScoringError, match="changed while"):
        Chain(Predict(Doubles())).run(source, out=out, progress=touch)
    assert not out.exists()


def test_a_second_run_on_one_output_is_refused_and_the_first_one_ends_well(tmp_path: Path) -> None:
    chain, out = Chain(Predict(Doubles())), tmp_path / "scores.parquet"
    refusals: list[str] = []

    def second(*_: object) -> None:
        with pytest.raises(ScoringError) as caught:
            chain.run(table([7]), out=out)
        refusals.append(caught.value.what)

    first = chain.run(table([1, 2]), out=out, batch_rows=1, progress=second)

    assert refusals == ["another run is writing this output"] * 2
    assert first.scores["prediction"].to_list() == [2.0, 4.0]
    assert [path.name for path in tmp_path.iterdir()] == ["scores.parquet"]


def test_a_full_disk_leaves_nothing_under_a_final_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    out = tmp_path / "scores.parquet"
    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(ScoringError) as caught:
        Chain(Predict(Doubles())).run(table([1]), out=out)

    assert "No space left" in caught.value.why
    assert not out.exists()


def test_parts_behind_a_link_are_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "mine").mkdir(parents=True)
    (tmp_path / ".out.parquet.parts").symlink_to(elsewhere)
    with pytest.raises(ScoringError, match="parts cannot be kept there") as caught:
        Chain(check("is there", "x IS NOT NULL")).run(table([1]), out=tmp_path / "out.parquet")
    assert caught.value.hint
    assert (elsewhere / "mine").is_dir()


def test_a_strangers_file_among_the_parts_is_left_alone(tmp_path: Path) -> None:
    parts = tmp_path / ".out.parquet.parts"
    parts.mkdir()
    (parts / ".DS_Store").write_text("mine")
    result = Chain(check("is there", "x IS NOT NULL")).run(table([1]), out=tmp_path / "out.parquet")
    assert result.scored == 1
