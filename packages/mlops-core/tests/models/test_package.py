from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from mlops_core.errors import ConfigurationError, IntegrityError
from mlops_core.manifest import FolderPackage
from mlops_core.models import TrustPolicy, load_package, write_package
from mlops_core.models.requirements import pinned_requirements
from mlops_core.signature import FeatureColumn, Signature
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from . import fitted, print_package_digest
from .fitted import LABELS, NUMBERS

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURE = Signature(
    features=(
        FeatureColumn(name="a", dtype="float64", feature="a"),
        FeatureColumn(name="b", dtype="int32", feature="b"),
        FeatureColumn(name="c", dtype="string", feature="c"),
        FeatureColumn(name="d", dtype='enum["x", "y"]', feature="d"),
        FeatureColumn(name="e", dtype="bool", feature="e"),
    ),
    label="late",
    label_dtype="bool",
)


def model() -> Any:
    return LogisticRegression(C=0.5).fit(NUMBERS, LABELS)


def test_a_package_holds_the_model_and_all_that_recreates_its_environment(tmp_path: Path) -> None:
    package = write_package(model(), tmp_path / "package", signature=SIGNATURE, dataset_digest="d" * 64)
    assert sorted(each.name for each in package.folder.iterdir()) == [
        "MLmodel",
        "model.skops",
        "package.json",
        "python_env.yaml",
        "requirements.txt",
    ]
    package.verify()
    manifest = FolderPackage.read(package.folder).manifest
    assert manifest == package.manifest
    assert (manifest.framework, manifest.model_file, manifest.serializer) == ("sklearn", "model.skops", "skops")
    assert manifest.signature == SIGNATURE
    assert manifest.dataset_digest == "d" * 64
    assert manifest.parameters["C"] == 0.5
    assert [each.partition("==")[0] for each in manifest.requirements] == ["numpy", "scikit-learn", "scipy", "skops"]
    assert (package.folder / "requirements.txt").read_text().splitlines() == list(manifest.requirements)


def test_the_same_fitted_model_is_the_same_package_in_any_process(tmp_path: Path) -> None:
    fitted_model, _ = fitted.fitted_models()["boosting_with_categories"]
    pipeline = make_pipeline(SelectKBest(f_classif, k=2), LogisticRegression()).fit(NUMBERS, LABELS)
    here = [write_package(each, tmp_path / str(at)).manifest.digest for at, each in enumerate((fitted_model, pipeline))]
    again = [
        write_package(each, tmp_path / f"{at}-again").manifest.digest
        for at, each in enumerate((fitted_model, pipeline))
    ]
    assert here == again
    pickled = tmp_path / "models.pkl"
    pickled.write_bytes(pickle.dumps([fitted_model, pipeline]))
    command = [sys.executable, str(print_package_digest.__file__), str(pickled)]
    output = subprocess.run(command, check=True, capture_output=True, timeout=120).stdout
    assert json.loads(output) == here


def test_mlmodel_is_what_mlflow_reads(tmp_path: Path) -> None:
    forest, _ = fitted.fitted_models()["random_forest"]
    package = write_package(forest, tmp_path / "package", signature=SIGNATURE)
    described: Any = json.loads((package.folder / "MLmodel").read_bytes())  # YAML, of which JSON is a part
    assert described["flavors"]["python_function"]["model_path"] == "model.skops"
    assert described["flavors"]["python_function"]["predict_fn"] == "predict"
    assert described["flavors"]["sklearn"]["serialization_format"] == "skops"
    assert "sklearn.tree._tree.Tree" in described["flavors"]["sklearn"]["skops_trusted_types"]
    assert len(described["model_uuid"]) == 32
    assert json.loads(described["signature"]["inputs"]) == [
        {"type": "double", "name": "a", "required": True},
        {"type": "any", "name": "b", "required": True},
        {"type": "string", "name": "c", "required": True},
        {"type": "any", "name": "d", "required": True},
        {"type": "any", "name": "e", "required": True},
    ]


def test_mlmodel_has_no_signature_without_a_dataset(tmp_path: Path) -> None:
    package = write_package(model(), tmp_path / "package")
    assert "signature" not in json.loads((package.folder / "MLmodel").read_bytes())


def test_other_content_is_another_package(tmp_path: Path) -> None:
    digests = {
        write_package(model(), tmp_path / "plain").manifest.digest,
        write_package(model(), tmp_path / "signed", signature=SIGNATURE).manifest.digest,
        write_package(model(), tmp_path / "data", dataset_digest="e" * 64).manifest.digest,
        write_package(model(), tmp_path / "pickle", serializer="pickle").manifest.digest,
    }
    assert len(digests) == 4


def test_pickle_is_an_explicit_choice_on_both_sides(tmp_path: Path) -> None:
    package = write_package(model(), tmp_path / "package", serializer="pickle")
    assert package.manifest.model_file == "model.pkl"
    described: Any = json.loads((package.folder / "MLmodel").read_bytes())
    assert described["flavors"]["sklearn"]["serialization_format"] == "pickle"
    loaded = load_package(package, trust=TrustPolicy(), allow_unsafe=True)
    assert loaded.predict(NUMBERS).tolist() == model().predict(NUMBERS).tolist()


def test_a_model_of_another_kind_is_named_so(tmp_path: Path) -> None:
    package = write_package({"weights": [1.0, 2.0]}, tmp_path / "package")
    assert package.manifest.framework == "python"
    assert package.manifest.parameters == {}


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="not empty") as caught:
        write_package(model(), tmp_path)
    assert caught.value.where == str(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    def local(table: object) -> object:
        return table

    with pytest.raises(ConfigurationError, match="skops cannot write"):
        write_package([local], tmp_path / "package")
    with pytest.raises(ConfigurationError, match="no serializer is called 'onnx'"):
        write_package(model(), tmp_path / "package", serializer="onnx")
    assert not (tmp_path / "package").exists()


FILL_THE_DISK = """
import resource, signal, sys
from pathlib import Path
from mlops_core.models import write_package
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
try:
    write_package(bytes(10_000), Path(sys.argv[1]), serializer="pickle")
except OSError as exc:
    print(type(exc).__name__)
"""


def test_a_full_disk_leaves_no_package(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL_THE_DISK, str(tmp_path / "package")]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert output.strip() == "OSError"
    assert not (tmp_path / "package").exists()


def test_requirements_name_distributions_and_leave_out_what_is_none() -> None:
    names = [each.partition("==")[0] for each in pinned_requirements({"sklearn", "polars", "json", "no_such_module"})]
    assert names == ["polars", "scikit-learn"]


@pytest.mark.parametrize("path", ["MLmodel", "model.skops", "package.json", "requirements.txt"])
def test_any_flipped_byte_is_an_integrity_error(tmp_path: Path, path: str) -> None:
    package = write_package(model(), tmp_path / "package")
    data = bytearray((package.folder / path).read_bytes())
    for position in (0, len(data) // 2, len(data) - 1):
        changed = bytearray(data)
        changed[position] ^= 1
        (package.folder / path).write_bytes(changed)
        with pytest.raises(IntegrityError):
            load_package(package, trust=TrustPolicy())
    (package.folder / path).write_bytes(data)
    assert load_package(package, trust=TrustPolicy()).predict(NUMBERS).shape == (len(NUMBERS),)
