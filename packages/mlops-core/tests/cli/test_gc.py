"""``mlops gc``."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from mlops_core.sessions import open_session

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Mlops, Register


def leave_behind(project: Path, *, days: int) -> Path:
    """A folder whose registration was killed some days ago."""
    folder = project / ".mlops" / "packages" / "churn" / "killed.1"
    folder.mkdir(parents=True)
    (folder / "model.txt").write_bytes(b"never registered")
    then = time.time() - days * 86_400
    os.utime(folder / "model.txt", (then, then))
    return folder


def test_gc_removes_what_was_left_behind_and_nothing_else(mlops: Mlops, register: Register, project: Path) -> None:
    register("churn", "a")
    young, old = leave_behind(project, days=0), None
    assert mlops("gc").out == ""
    young.rename(young.with_name("young.1"))
    old = leave_behind(project, days=2)
    outcome = mlops("gc", "--dry-run")
    assert outcome.out.splitlines()[-1] == "would remove 1 objects, 16 B"
    assert old.exists()
    data = mlops("gc", "--json").data
    assert (data["objects"], data["bytes"], data["dry_run"], data["backend"]) == (1, 16, False, "home")
    assert data["removed"] == [
        {"what": "packages/churn/killed.1/", "why": "no version names it", "objects": 1, "bytes": 16}
    ]
    assert not old.exists()
    assert young.with_name("young.1").exists()
    assert mlops("gc").err == "backend 'home' holds nothing that nobody needs, but for what is younger than 1 day\n"
    assert mlops("resolve", "churn").code == 0


def test_gc_removes_what_a_killed_end_of_a_run_has_left(mlops: Mlops, project: Path) -> None:
    with open_session() as session:
        run = session.experiment_tracker.start_run("e")
        for step in range(2):
            run.log_metrics({"loss": 1.0}, step=step)
            run.flush()
        live = project / ".mlops" / "runs" / run.id / "metrics" / "live" / "00000001.json"
        data = live.read_bytes()
        run.finish()
    live.parent.mkdir(exist_ok=True)
    live.write_bytes(data)
    removed = mlops("gc", "--json").data["removed"]
    assert removed == [
        {
            "what": f"runs/{run.id}/metrics/live/",
            "why": "the end of the run was killed",
            "objects": 1,
            "bytes": len(data),
        }
    ]
    assert not live.exists()
    with open_session() as session:
        assert [each.step for each in session.experiment_tracker.metric_history(run.id, "loss")] == [0, 1]


def test_gc_says_what_it_could_not_judge(mlops: Mlops, register: Register, project: Path) -> None:
    register("churn", "a")
    leave_behind(project, days=2)
    (project / ".mlops/models/churn/head.json").write_bytes(b"{")
    outcome = mlops("gc")
    assert (outcome.code, outcome.out) == (0, "")
    assert "left alone: models/churn/" in outcome.err


def test_gc_of_a_backend_that_is_no_store_is_not_supported(mlops: Mlops, project: Path) -> None:
    (project / "mlops.toml").write_text('use = "scratch"\n[backends.scratch]\nadapter = "memory"\n')
    outcome = mlops("gc")
    assert outcome.code == 4
    assert "'memory' leaves nothing" in outcome.err


def test_gc_of_an_empty_backend_makes_nothing(mlops: Mlops, project: Path) -> None:
    assert mlops("gc").code == 0
    assert not (project / ".mlops").exists()
