"""A model is taken out of a bucket without this library: the SDK, ``sha256sum`` and MLflow are enough."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest
from mlops_core.models.package import write_package
from mlops_core.signature import FeatureColumn, Signature
from mlops_core.stores.registry import StoreModelRegistry
from sklearn.ensemble import HistGradientBoostingClassifier

from .s3_subjects import BUCKET

if TYPE_CHECKING:
    from pathlib import Path

    from .s3_subjects import S3Server

pytestmark = [pytest.mark.enable_socket, pytest.mark.xdist_group("s3-without-us")]

# Run in an environment of its own: what MLflow does to a process stays there, and it sends nothing anywhere.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_ENABLE_ASYNC_LOGGING": "false"}

PULL = """
import sys, boto3, pathlib
endpoint, key, secret, bucket, prefix, folder = sys.argv[1:]
client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1",
                      aws_access_key_id=key, aws_secret_access_key=secret)
for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
    for each in page["Contents"]:
        path = pathlib.Path(folder, each["Key"].removeprefix(prefix))
        path.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, each["Key"], str(path))
assert not any(name.startswith(("mlops_core", "adapter_s3")) for name in sys.modules)
"""
PREDICT = """
import json, sys, mlflow.pyfunc, pandas
folder, table = sys.argv[1:]
model = mlflow.pyfunc.load_model(folder)
assert not any(name.startswith(("mlops_core", "adapter_s3")) for name in sys.modules)
print(json.dumps(model.predict(pandas.read_parquet(table)).tolist()))
"""


def run(program: str, *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, *arguments],
        cwd=cwd,
        env={"HOME": str(cwd), "PATH": "/usr/bin:/bin", **QUIET},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def checked(folder: Path) -> tuple[int, str]:
    command = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def table() -> Any:
    random = np.random.default_rng(5)
    return pd.DataFrame({"distance": random.uniform(size=300), "hour": random.uniform(size=300)})


@pytest.fixture(scope="module")
def fitted(table: Any) -> Any:
    late = (table["distance"] + table["hour"] > 1).astype(int)
    classifier: Any = HistGradientBoostingClassifier(max_iter=20, random_state=0)
    return classifier.fit(table, late)


@pytest.fixture(scope="module")
def pulled(fitted: Any, ministack_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a registered version, as the SDK alone has copied it."""
    folder = tmp_path_factory.mktemp("without-us")
    columns = tuple(FeatureColumn(name=name, dtype="float64", feature=name) for name in ("distance", "hour"))
    package = write_package(fitted, folder / "package", signature=Signature(features=columns))
    prefix = f"teams/risk-{uuid4().hex}"
    registry = StoreModelRegistry(ministack_server.store(prefix), backend="lake")
    version = registry.register("late-flight", package, operation_id="first")
    assert version.version == 1
    copy = folder / "copy"
    where = [ministack_server.url, *(ministack_server.folder.joinpath(each).read_text() for each in ("key", "secret"))]
    run(PULL, *where, BUCKET, f"{prefix}/packages/late-flight/", str(copy), cwd=folder)
    (only,) = copy.iterdir()
    return only


def test_what_was_pulled_is_the_package_and_its_checksums(pulled: Path) -> None:
    files = {path.relative_to(pulled).as_posix() for path in pulled.rglob("*") if path.is_file()}
    named = {each["path"] for each in json.loads((pulled / "package.json").read_bytes())["files"]}
    assert files == named | {"package.json", "SHA256SUMS"}


def test_mlflow_loads_the_folder_and_predicts_the_same(pulled: Path, fitted: Any, table: Any, tmp_path: Path) -> None:
    table.to_parquet(tmp_path / "table.parquet")
    predicted = json.loads(run(PREDICT, str(pulled), str(tmp_path / "table.parquet"), cwd=tmp_path))
    assert predicted == fitted.predict(table).tolist()
    assert set(predicted) == {0, 1}


def test_sha256sum_checks_the_folder(pulled: Path) -> None:
    assert checked(pulled) == (0, "")


@pytest.mark.parametrize("name", ["model.skops", "package.json", "MLmodel"])
def test_sha256sum_finds_a_flipped_byte(pulled: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(pulled, tmp_path / "copy")
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    assert checked(copy) == (1, f"{name}: FAILED\n")


def test_sha256sum_finds_a_missing_file(pulled: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(pulled, tmp_path / "copy")
    (copy / "requirements.txt").unlink()
    assert checked(copy)[0] == 1
