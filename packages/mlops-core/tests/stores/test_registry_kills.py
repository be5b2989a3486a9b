"""``kill -9`` at every step of every call that writes, beside another process that goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).with_name("killed_calls.py")
_SEEDS = os.environ.get("MLOPS_TEST_KILL_SEEDS", "2")


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is forked or killed by a signal there")
@pytest.mark.parametrize(
    ("call", "steps"),
    # Fewer steps than these would mean that the script has lost sight of some.
    [("register", 20), ("set_alias", 5), ("delete_version", 20), ("delete_model", 20), ("collect_garbage", 40)],
)
def test_a_kill_at_any_step_leaves_old_or_new_and_nothing_that_gc_does_not_reclaim(
    tmp_path: Path, call: str, steps: int
) -> None:
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), str(tmp_path), call, _SEEDS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    reached, kills = map(int, done.stdout.split())
    assert reached >= steps * int(_SEEDS)
    assert kills > reached / 2
