"""How long `import mlops_core` and `mlops --help` take, as multiples of a bare interpreter's start in the same run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
MLOPS = Path(sys.executable).with_name("mlops")
COMMANDS: dict[str, tuple[list[str], float]] = {
    "bare interpreter": ([sys.executable, "-c", "pass"], 1.0),
    "import mlops_core": ([sys.executable, "-c", "import mlops_core"], 10.0),
    "mlops --help": ([str(MLOPS), "--help"], 25.0),
}


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, (command, _limit) in COMMANDS.items():
            taken[name].append(seconds(command))
    bare = statistics.median(taken["bare interpreter"])
    print(f"start-up, Python {sys.version.split()[0]}, median of {ROUNDS}")
    failed = False
    for name, (_command, limit) in COMMANDS.items():
        median = statistics.median(taken[name])
        ratio = median / bare
        failed |= ratio > limit
        print(f"  {name:20} {median * 1000:7.1f} ms  {ratio:5.1f} x bare (at most {limit:g})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
