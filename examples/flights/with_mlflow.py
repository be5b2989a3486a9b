"""Run a command with an MLflow server: the one that MLOPS_DEMO_MLFLOW_URI names, or one of its own.

    python with_mlflow.py mlops train late-flight

A named server is used as it is. Else one is started on a free port of this host, on SQLite; it and all that the command
has stored are gone when the command ends. What MLflow's own client sees of a command that succeeded is printed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from with_server import free_port, run_with, running

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ADDRESS = "MLOPS_BACKENDS__MLFLOW__TRACKING_URI"
PATIENCE = 180.0
"""Seconds until a server must answer: it loads most of what it has been installed with."""
MODEL = "late-flight"
ALIAS = "champion"
QUIET = {"DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}


@contextmanager
def environment() -> Generator[Mapping[str, str]]:
    """The variables that the command needs beside those that are set."""
    if address := os.environ.get("MLOPS_DEMO_MLFLOW_URI"):
        yield {ADDRESS: address}
        return
    with tempfile.TemporaryDirectory(prefix="with-mlflow-") as folder, server(Path(folder)) as address:
        yield {**QUIET, ADDRESS: address}


@contextmanager
def server(folder: Path) -> Generator[str]:
    """A server that keeps everything in a folder; gives its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    what = [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    with running(
        [sys.executable, "-m", "mlflow", "server", *where, *what],
        log=folder / "server.log",
        ready=lambda: answers(address),
        patience=PATIENCE,
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
        **QUIET,
    ):
        yield address


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as answer:  # noqa: S310 (the address is http)
            return answer.status == 200  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


def show(variables: Mapping[str, str]) -> None:
    """Print what MLflow's own client sees of the version that the command has promoted.

    Other versions and models of a server are left alone: MLflow's loader runs whatever a model asks for.
    """
    address = variables[ADDRESS]
    os.environ.update(QUIET, MLFLOW_TRACKING_URI=address)  # MLflow looks at them when it is imported
    import mlflow.sklearn as mlflow_sklearn
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = cast("Any", MlflowClient())
    print(f"\nMLflow's own client, at {address}:")
    try:
        version = client.get_model_version_by_alias(MODEL, ALIAS)
    except MlflowException as exc:
        print(f"  no {MODEL}@{ALIAS}: {exc}")
        return
    print(f"  {MODEL}, version {version.version}, {' and '.join(sorted(version.aliases))}")
    run = client.get_run(version.run_id).data
    for kind, values in (("parameter", run.params), ("metric", run.metrics), ("tag", version.tags)):
        for key, value in sorted(values.items()):
            print(f"    {kind:9} {key} = {value!s:.80}")
    model = f"models:/{MODEL}@{ALIAS}"
    with tempfile.TemporaryDirectory() as folder:
        loaded = cast("Any", mlflow_sklearn).load_model(model, dst_path=folder)
    print(f"  mlflow.sklearn.load_model({model!r}) is a {type(loaded).__name__}")


if __name__ == "__main__":
    sys.exit(run_with(environment, afterwards=show))
