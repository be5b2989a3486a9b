"""Runs a Python file of feature definitions as a module of its own."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_core.errors import FeatureError
from mlops_core.features.feature import DEFINITIONS_PREFIX

if TYPE_CHECKING:
    from types import ModuleType


def run_file(path: str | Path) -> ModuleType:
    """Run the file anew and return it as a module.

    The module's name derives from the file's path, so the same file run again defines the same features again.

    Raises:
        FeatureError: There is no such file, or it failed.
    """
    file = Path(path).resolve()
    name = f"{DEFINITIONS_PREFIX}{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file) if file.is_file() else None
    if spec is None or spec.loader is None:
        why = "it is not a Python file" if file.is_file() else "no such file"
        raise FeatureError("cannot load feature definitions", where=str(file), why=why, hint="for example: features.py")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as exc:
        _put_back(name, before)
        if isinstance(exc, FeatureError):
            raise
        line = next(
            (each.lineno for each in reversed(traceback.extract_tb(exc.__traceback__)) if each.filename == str(file)), 0
        )
        raise FeatureError(
            "cannot load feature definitions",
            where=f"{file}:{line}" if line else str(file),
            why=f"{type(exc).__name__}: {exc}",
            hint=f"python {file} shows the whole error",
        ) from exc
    finally:
        sys.path.remove(str(file.parent))
    return module


def _put_back(name: str, module: ModuleType | None) -> None:
    if module is None:
        del sys.modules[name]
    else:
        sys.modules[name] = module
