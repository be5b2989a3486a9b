"""A process of the crowd: registers versions and moves aliases, several threads at once.

Writes a line for each version that it has made: number, operation id, content.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError

from adapter_mlflow import MlflowPorts, MlflowSettings
from mlops_core.testing import make_package

EACH = 3


def main(url: str, workspace: str, process: str, threads: int) -> None:
    """Register and move."""
    settings = MlflowSettings(tracking_uri=url, workspace=workspace, read_timeout=120.0)
    ports = [MlflowPorts(settings, backend="team") for _ in range(threads)]
    barrier = Barrier(threads)

    def work(thread: int) -> list[str]:
        try:
            return made_by(thread)
        except BrokenBarrierError:
            return []  # another one has failed, and that is the error to tell
        except BaseException:
            barrier.abort()
            raise

    def made_by(thread: int) -> list[str]:
        registry = ports[thread].registry
        made: list[str] = []
        for each in range(EACH):
            content = f"{process}-{thread}-{each}"
            barrier.wait(120)
            version = registry.register("churn", make_package(content), operation_id=content)
            registry.set_alias("churn", f"round-{each}", version.version)  # new for all of them
            registry.set_alias("churn", f"own-{content}", version.version)
            registry.set_tags("churn", version.version, {"by": content})
            made.append(f"{version.version} {version.operation_id} {content}")
        return made

    with ThreadPoolExecutor(threads) as pool:
        for lines in pool.map(work, range(threads)):
            sys.stdout.write("".join(f"{each}\n" for each in lines))
    for each in ports:
        each.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
