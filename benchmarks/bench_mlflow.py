"""An MLflow server: registering and loading the same models with this library and with MLflow's own calls.

The server is real: two workers, on SQLite or with ``--postgres`` on PostgreSQL, artifacts proxied into a folder; it is
started and ended here, on this host. Both sides work in one process and on one run, by turns, and the best of each is
compared, so that a busy machine wrongs neither. Every model that is loaded is asked, and its answers are compared. No
estimator is kept between two loads. Requests are counted by a proxy, and times are taken without it.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import platform
import shutil
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

# MLflow looks at these when it is imported.
os.environ.update(DO_NOT_TRACK="true", MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false")
os.environ.update(MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true")

import mlflow as mlflow_sdk
import numpy as np
import requests as requests_sdk
import skops.io
from adapter_mlflow import MlflowSettings
from adapter_mlflow._client import MlflowRestClient
from mlops_core import open_session
from mlops_core.models import loading as loading_module
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

mlflow, skops_io, loading_of_ours = cast("Any", mlflow_sdk), cast("Any", skops.io), cast("Any", loading_module)
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the servers that the tests start

from tests.servers.http_proxy import HttpProxy  # noqa: E402
from tests.servers.mlflow_servers import mlflow_server  # noqa: E402
from tests.servers.postgres import has_postgres, postgres  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from mlops_core import Session

ROWS, COLUMNS, TREES = 2_000, 20, 100
IN_A_ROW = 20
FOREST_TYPES = ["sklearn.tree._tree.Tree"]
"""MLflow's default refuses to log a forest with skops 0.16 unless it is given these."""
AIMS = {
    "register": 3.0,
    "register, requirements inferred": 30.0,
    "warm load": 10.0,
    "warm load of a forest": 1.5,
    "the same but for deserialising": 10.0,
    "requests one after the other": 3.0,
}
"""The least that MLflow's seconds divided by ours should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Fitted models, and the rows that they are asked about."""

    rows: Any
    regression: Any
    forest: Any
    requirements: Sequence[str]

    @classmethod
    def fitted(cls) -> Models:
        chance = np.random.default_rng(0)
        rows = chance.normal(size=(ROWS, COLUMNS))
        labels = rows[:, 0] + rows[:, 1] * rows[:, 2] + chance.normal(size=ROWS) > 0
        return cls(
            rows=rows,
            regression=cast("Any", LogisticRegression(max_iter=200)).fit(rows, labels),
            forest=cast("Any", RandomForestClassifier(TREES, random_state=0)).fit(rows, labels),
            requirements=[f"{name}=={version(name)}" for name in ("scikit-learn", "skops", "numpy", "scipy")],
        )


class Sides:
    """Both ways to do the same, on one server and in one run.

    Args:
        session: Ours.
        run: The run's id.
        models: The models.
    """

    def __init__(self, session: Session, run: str, models: Models) -> None:
        self.session = session
        self.run = run
        self.models = models
        self._client: Any = mlflow.MlflowClient()

    def register(self, name: str, model: object) -> None:
        made = self.session.register(name, model, run=self.run, if_exists="new")
        assert not made.reused

    def log(self, name: str, model: object, **more: Any) -> None:
        with redirect_stderr(StringIO()):  # it tells each version
            mlflow.sklearn.log_model(model, name="model", registered_model_name=name, **more)

    def load(self, name: str) -> Any:
        return self.session.load(f"{name}@champion").estimator

    def load_with_mlflow(self, name: str) -> Any:
        return mlflow.sklearn.load_model(f"models:/{name}@champion")

    def champion(self, name: str) -> None:
        newest = self._client.search_model_versions(f"name = '{name}'", order_by=["version_number DESC"], max_results=1)
        self._client.set_registered_model_alias(name, "champion", newest[0].version)


@contextmanager
def sides(url: str, folder: Path, models: Models) -> Generator[Sides]:
    """Both sides, as their users set them up."""
    folder.mkdir(exist_ok=True)
    (folder / "mlops.toml").write_text(
        f'use = "prod"\n[backends.prod]\nadapter = "mlflow"\ntracking_uri = "{url}"\n[cache]\npath = "cache"\n'
    )
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment("bench")
    with open_session(config=folder / "mlops.toml") as session, mlflow.start_run() as run:
        yield Sides(session, run.info.run_id, models)


def seconds_of(action: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def by_turns(rounds: int, ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """The best seconds of each; the first round of each is not counted."""
    ours()
    theirs()
    taken = [(seconds_of(ours), seconds_of(theirs)) for _ in range(rounds)]
    return min(each for each, _ in taken), min(each for _, each in taken)


class Results:
    """Prints each comparison, and remembers which missed its aim."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def show(self, name: str, ours: float, theirs: float, *, against: str = "MLflow") -> None:
        ratio, aim = theirs / ours, AIMS[name]
        times = f"ours {1000 * ours:8.1f} ms  {against:6} {1000 * theirs:8.1f} ms"
        print(f"  {name:34} {times}  {ratio:6.1f} x (aim {aim:g})", flush=True)
        if ratio < aim:
            self.missed.append(name)


def registering(at: Sides, rounds: int, results: Results) -> None:
    model, requirements = at.models.regression, at.models.requirements

    def ours() -> None:
        at.register("ours", model)

    fast = by_turns(rounds, ours, lambda: at.log("theirs", model, pip_requirements=requirements))
    results.show("register", *fast)
    # Its time is a subprocess of its own, not the server: fewer rounds tell it well enough.
    results.show("register, requirements inferred", *by_turns(max(1, rounds // 3), ours, lambda: at.log("slow", model)))


def loading(at: Sides, rounds: int, results: Results) -> None:
    models = at.models
    at.register("our-forest", models.forest)
    at.log("forest", models.forest, pip_requirements=models.requirements, skops_trusted_types=FOREST_TYPES)
    for name in ("ours", "theirs", "our-forest", "forest"):
        at.champion(name)
    for model, mine, other in ((models.regression, "ours", "theirs"), (models.forest, "our-forest", "forest")):
        expected = model.predict_proba(models.rows)
        for loaded in (at.load(mine), at.load_with_mlflow(other), at.load_with_mlflow(mine)):
            assert loaded is not model
            assert np.array_equal(loaded.predict_proba(models.rows), expected)
    results.show("warm load", *by_turns(rounds, lambda: at.load("ours"), lambda: at.load_with_mlflow("theirs")))
    with deserialising() as spent:

        def measured(load: Callable[[], object]) -> tuple[float, float]:
            before = spent.seconds
            taken = seconds_of(load)
            return taken, taken - (spent.seconds - before)

        both = [
            (measured(lambda: at.load("our-forest")), measured(lambda: at.load_with_mlflow("forest")))
            for _ in range(rounds)
        ]
    for number, row in enumerate(("warm load of a forest", "the same but for deserialising")):
        results.show(row, min(mine[number] for mine, _ in both), min(other[number] for _, other in both))


def one_after_the_other(url: str, rounds: int, results: Results) -> None:
    """The same requests as this adapter sends them, and as a session of ``requests`` does, which MLflow's client uses.

    Without a pause between them: after one of a tenth of a second the system acknowledges at once for a while.
    """
    query = {"name": "ours", "alias": "champion"}
    client = MlflowRestClient(MlflowSettings(tracking_uri=url))
    with requests_sdk.Session() as session:

        def ours() -> object:
            return client.call("GET", "registered-models/alias", query)

        def plain() -> object:
            return session.get(f"{url}/api/2.0/mlflow/registered-models/alias", params=query, timeout=60).json()

        assert ours() == plain()
        taken = by_turns(rounds, lambda: [ours() for _ in range(IN_A_ROW)], lambda: [plain() for _ in range(IN_A_ROW)])
    client.close()
    results.show("requests one after the other", *(each / IN_A_ROW for each in taken), against="plain")


@dataclass(slots=True)
class Spent:
    """Seconds so far."""

    seconds: float = 0.0


@contextmanager
def deserialising() -> Generator[Spent]:
    """The seconds that both sides spend in making an estimator out of bytes, measured where they do it."""
    spent = Spent()

    def timed(original: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **more: object) -> object:
            began = time.perf_counter()
            try:
                return original(*arguments, **more)
            finally:
                spent.seconds += time.perf_counter() - began

        return call

    ours, theirs = loading_of_ours.deserialize, skops_io.load
    loading_of_ours.deserialize, skops_io.load = timed(ours), timed(theirs)
    try:
        yield spent
    finally:
        loading_of_ours.deserialize, skops_io.load = ours, theirs


def requests(url: str, folder: Path, models: Models) -> None:
    """Requests of each step, as both sides make them after a first time."""
    with HttpProxy(url) as proxy, sides(proxy.url, folder, models) as at:
        requirements = models.requirements

        def counted(action: Callable[[], object]) -> int:
            before = proxy.requests
            action()
            return proxy.requests - before

        first = counted(lambda: at.register("new", models.regression))
        again = counted(lambda: at.register("new", models.regression))
        at.champion("new")
        alias = counted(lambda: at.session.model_registry.set_alias("new", "champion", 2))
        cold, warm = counted(lambda: at.load("new")), counted(lambda: at.load("new"))
        pinned = at.session.load("new@champion").version
        none = counted(lambda: at.session.load(pinned).estimator)
        files = len(at.session.load(pinned).manifest.files) + 1
        print(f"  requests of ours, {files} files with package.json: register {first} at first, {again} again;")
        print(f"    alias {alias}; load {cold} cold, {warm} warm, {none} by digest")
        first = counted(lambda: at.log("newer", models.regression, pip_requirements=requirements))
        again = counted(lambda: at.log("newer", models.regression, pip_requirements=requirements))
        at.champion("newer")
        cold, warm = counted(lambda: at.load_with_mlflow("newer")), counted(lambda: at.load_with_mlflow("newer"))
        print(f"  requests of MLflow's: register {first} at first, {again} again; load {cold} cold, {warm} warm")
        with at.session.experiment_tracker.start_run("bench") as run:
            run.log_params({"warm": "up"})
            points = counted(lambda: (run.log_metrics({f"m{n}": float(n) for n in range(1_000)}), run.flush()))
        print(f"  requests of ours for 1,000 points of metrics: {points}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--postgres", action="store_true", help="the server on PostgreSQL instead of SQLite")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each comparison (default: 9)")
    asked = parser.parse_args()
    if asked.postgres and not has_postgres():
        parser.error("PostgreSQL is not installed")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # MLflow warns of its own defaults
    folder = Path(tempfile.mkdtemp(prefix="bench-mlflow-"))
    results = Results()
    try:
        with ExitStack() as stack:
            database = stack.enter_context(postgres(folder)) if asked.postgres else None
            server = stack.enter_context(mlflow_server(folder, database=database))
            where = "PostgreSQL" if asked.postgres else "SQLite"
            python = sys.version.split()[0]
            print(
                f"MLflow {version('mlflow')} on {where}, two workers; scikit-learn {version('scikit-learn')}, "
                f"skops {version('skops')}, Python {python}, {platform.system()}, {os.cpu_count()} cores"
            )
            models = Models.fitted()
            with sides(server.url, folder / "timed", models) as at:
                registering(at, asked.rounds, results)
                loading(at, asked.rounds, results)
                one_after_the_other(server.url, asked.rounds, results)
            requests(server.url, folder / "counted", models)
    finally:
        shutil.rmtree(folder)
    for missed in results.missed:
        print(f"MISSED: {missed!r}")
    return 1 if results.missed else 0


if __name__ == "__main__":
    sys.exit(main())
