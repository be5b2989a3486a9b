from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from mlops_core.errors import SignatureMismatchError
from mlops_core.operations.commit import commit_of
from mlops_core.operations.fitted import check_fitted
from mlops_core.signature import FeatureColumn, Signature
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from pathlib import Path

ROWS = pl.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0]})


def signature(*names: str) -> Signature:
    return Signature(features=tuple(FeatureColumn(name=name, dtype="float64", feature=name) for name in names))


def fitted(model: Any) -> Any:
    return model.fit(ROWS, [0, 1])


@pytest.mark.parametrize("model", [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())])
def test_an_unfitted_estimator_is_refused(model: object) -> None:
    with pytest.raises(SignatureMismatchError, match="not fitted") as caught:
        check_fitted(model, None)
    assert "fit" in caught.value.hint


@pytest.mark.parametrize("names", [("a",), ("b", "a"), ("a", "c"), ("a", "b", "c")])
def test_an_estimator_fitted_on_other_columns_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(SignatureMismatchError, match="other columns") as caught:
        check_fitted(fitted(make_pipeline(StandardScaler(), LogisticRegression())), signature(*names))
    assert "fitted on a, b" in caught.value.why


def test_what_was_fitted_on_the_datasets_columns_passes() -> None:
    check_fitted(fitted(LogisticRegression()), signature("a", "b"))
    check_fitted(LogisticRegression().fit(ROWS.to_numpy(), [0, 1]), signature("x", "y"))
    check_fitted(object(), signature("x"))


def test_the_commit_of_a_checkout_says_when_files_differ(tmp_path: Path) -> None:
    assert commit_of(tmp_path / "nowhere") is None

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        command = ["git", *identity, "-C", str(tmp_path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    assert commit_of(tmp_path) is None
    (tmp_path / "features.py").write_text("x = 1\n")
    git("add", "features.py")
    git("commit", "-qm", "first")
    assert commit_of(tmp_path) == git("rev-parse", "HEAD")
    (tmp_path / "features.py").write_text("x = 2\n")
    assert commit_of(tmp_path) == git("rev-parse", "HEAD") + "+changes"
