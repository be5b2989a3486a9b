"""A project in a folder of its own, the command run in it, and models registered without any ML library."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

import pytest
from mlops_core.cli import main
from mlops_core.manifest import MANIFEST_FILE, Manifest, PackageFile
from mlops_core.sessions import open_session
from mlops_core.signature import FeatureColumn, InputColumn, Signature

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_core.ports.model_registry import ModelVersion


@dataclass(frozen=True)
class Outcome:
    """What one call of the command returned and printed."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.out))


class Mlops(Protocol):
    def __call__(self, *arguments: str) -> Outcome: ...


class Register(Protocol):
    def __call__(self, model: str, content: str, /, **metrics: float) -> ModelVersion: ...


@dataclass(frozen=True)
class TextPackage:
    """A package of one file with this text."""

    content: bytes

    @property
    def manifest(self) -> Manifest:
        sha256 = hashlib.sha256(self.content).hexdigest()
        delay = FeatureColumn(name="delay", dtype="float64", feature="delay", rule="mean over 7d")
        return Manifest(
            framework="text",
            model_file="model.txt",
            serializer="text",
            files=(PackageFile(path="model.txt", size=len(self.content), sha256=sha256),),
            signature=Signature(inputs=(InputColumn(name="origin", dtype="string"),), features=(delay,), label="late"),
            parameters={"depth": 3},
            requirements=("text==1",),
        )

    def open(self, path: str, /) -> BinaryIO:
        return io.BytesIO(self.manifest.to_bytes() if path == MANIFEST_FILE else self.content)

    def local_path(self, _path: str, /) -> Path | None:
        return None


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in [each for each in os.environ if each.startswith("MLOPS_")]:
        monkeypatch.delenv(name)
    return folder


@pytest.fixture
def mlops(project: Path, capsys: pytest.CaptureFixture[str]) -> Mlops:
    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        code = main(arguments)
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return run


@pytest.fixture
def register(project: Path) -> Register:
    def run(model: str, content: str, /, **metrics: float) -> ModelVersion:
        with open_session() as session:
            package = TextPackage(content.encode())
            operation_id = hashlib.sha256(f"{model} {content}".encode()).hexdigest()
            tags = {"team": "ops"}
            return session.model_registry.register(
                model, package, operation_id=operation_id, metrics=metrics, tags=tags
            )

    return run
