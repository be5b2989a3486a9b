"""A loaded model goes to another process as the folder of its package."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlops_core.errors import IntegrityError, UntrustedModelError
from mlops_core.models import LoadedModel, PackageCache, TrustPolicy, load_model, load_package, write_package
from mlops_core.scoring import Chain, Predict
from mlops_core.signature import FeatureColumn, Signature
from sklearn.linear_model import LogisticRegression

from . import fitted, run_pickled_chain
from .shelf import Shelf

if TYPE_CHECKING:
    from mlops_core.manifest import FolderPackage

TABLE = fitted.POLARS.select("a", "b", "c", "d")
TRUST = TrustPolicy(extra_types=("somewhere.Kind",))


@pytest.fixture
def package(tmp_path: Path) -> FolderPackage:
    columns = tuple(FeatureColumn(name=each, dtype="float64", feature=each) for each in TABLE.columns)
    fit: Any = LogisticRegression().fit(TABLE, fitted.LABELS)
    return write_package(fit, tmp_path / "package", signature=Signature(features=columns))


def sent(model: LoadedModel) -> LoadedModel:
    return pickle.loads(pickle.dumps(model))


def test_a_chain_predicts_the_same_in_another_process(
    package: FolderPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf()
    version = shelf.put(package)
    TABLE.write_parquet(tmp_path / "table.parquet")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    cache = PackageCache(Path("cache"), 1 << 40)  # a path that means another folder there
    model = load_model(shelf.port, version, cache=cache, trust=TrustPolicy())
    ran = subprocess.run(
        [sys.executable, run_pickled_chain.__file__, tmp_path / "table.parquet"],
        input=pickle.dumps(Chain(Predict(model))),
        capture_output=True,
        check=True,
        cwd=tmp_path / "elsewhere",
    )
    assert json.loads(ran.stdout) == model.predictions(TABLE)["probability"].to_list()


def test_the_version_travels_and_the_estimator_does_not(package: FolderPackage) -> None:
    model = load_package(package, trust=TrustPolicy())
    assert model.predictions(TABLE).equals(sent(model).predictions(TABLE))  # the lock and the estimator stay here
    assert sent(model).version == model.version
    assert sent(model).manifest == model.manifest
    assert b"LogisticRegression" not in pickle.dumps(model)


def test_a_package_that_has_changed_is_refused_by_the_other_process(package: FolderPackage) -> None:
    data = pickle.dumps(load_package(package, trust=TrustPolicy()))
    (package.folder / "model.skops").write_bytes(b"other")
    with pytest.raises(IntegrityError, match="not the file that was registered"):
        pickle.loads(data)


@pytest.mark.parametrize("allowed", [True, False])
def test_what_the_caller_trusts_travels(tmp_path: Path, allowed: bool) -> None:
    unsafe = write_package([1.0], tmp_path / "unsafe", serializer="pickle")
    there = sent(load_package(unsafe, trust=TRUST, allow_unsafe=allowed))
    if allowed:
        assert there.estimator == [1.0]
    else:
        with pytest.raises(UntrustedModelError, match="can run any code"):
            _ = there.estimator
    assert pickle.loads(pickle.dumps(TRUST)) == TRUST
    assert sent(there).__reduce__()[1][2] == TRUST
