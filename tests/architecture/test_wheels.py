"""What is built from the workspace: whole, alone, and ours."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.parent for path in (ROOT / "packages").glob("*/pyproject.toml"))


@pytest.fixture(scope="module", params=PACKAGES, ids=lambda path: path.name)
def package_and_wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    package: Path = request.param
    folder = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "build",
        "--quiet",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(package),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return package, next(folder.glob("*.whl"))


def test_every_source_file_is_in_the_wheel_and_nothing_else(package_and_wheel: tuple[Path, Path]) -> None:
    package, wheel = package_and_wheel
    sources = {
        path.relative_to(package / "src").as_posix()
        for path in (package / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == sources
    assert any(name.endswith("py.typed") for name in packed)


def test_the_wheel_imports_without_the_source_tree(package_and_wheel: tuple[Path, Path]) -> None:
    package, wheel = package_and_wheel
    module = package.name.replace("-", "_")
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); import {module}; print({module}.__file__)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert wheel.name in done.stdout


def test_the_wheel_says_what_it_needs(package_and_wheel: tuple[Path, Path]) -> None:
    _, wheel = package_and_wheel
    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert len(needed) <= 6, "base dependencies stay few"
    assert all(">=" in line for line in needed), "every dependency has a lower bound"
