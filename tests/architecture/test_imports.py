"""What is loaded when: counted in a fresh interpreter, never timed (the timing is benchmarks/bench_start.py)."""

from __future__ import annotations

import subprocess
import sys

import mlops_core
import pytest

HEAVY = [
    "pydantic", "pydantic_settings", "polars", "pandas", "pyarrow", "numpy", "sklearn", "skops", "narwhals", "typer", "rich",
    "stamina", "filelock", "platformdirs", "mlflow", "wandb", "boto3", "botocore",
]  # fmt: skip


def loaded_by(code: str) -> set[str]:
    probe = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines())


def test_importing_the_core_loads_nothing_heavy() -> None:
    loaded = loaded_by("import mlops_core")
    assert loaded.isdisjoint(HEAVY)
    assert {name for name in loaded if name.startswith("mlops_core")} == {"mlops_core"}


def test_the_vocabulary_needs_the_standard_library_only() -> None:
    code = "import mlops_core.errors, mlops_core.naming, mlops_core.manifest, mlops_core.ports.model_registry"
    assert loaded_by(code).isdisjoint(HEAVY)


def test_defining_features_loads_no_frame_library() -> None:
    code = "from mlops_core import feature, window, Source, FeatureGroup, FeatureFactory"
    assert loaded_by(code).isdisjoint(HEAVY)


def test_the_help_of_the_command_loads_no_settings_and_no_frames() -> None:
    code = "from mlops_core.cli import main\nsys.argv = ['mlops', '--help']\ntry: main()\nexcept SystemExit: pass"
    allowed = {"typer", "rich"}
    assert loaded_by(code).isdisjoint(set(HEAVY) - allowed)


@pytest.mark.parametrize("name", [name for name in mlops_core.__all__ if name != "__version__"])
def test_every_public_name_is_there_and_belongs_to_the_core(name: str) -> None:
    value = getattr(mlops_core, name)
    assert value.__module__.startswith("mlops_core.")
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(mlops_core, "nonsense")  # noqa: B009


def test_every_module_can_be_imported_first() -> None:
    import pkgutil

    names = [each.name for each in pkgutil.walk_packages(mlops_core.__path__, "mlops_core.")]
    assert len(names) > 20
    code = "\n".join(
        f"for name in [n for n in sys.modules if n.startswith('mlops_core')]: del sys.modules[name]\nimport {name}"
        for name in names
    )
    loaded_by(code)


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert mlops_core.__version__ == version("mlops-core")
