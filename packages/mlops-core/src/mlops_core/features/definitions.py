"""Runs a Python file of feature definitions as a module of its own."""

from __future__ import annotations

import hashlib
import sys
import traceback
from contextlib import suppress
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING, Never

from mlops_core.errors import FeatureError
from mlops_core.features.feature import DEFINITIONS_PREFIX

if TYPE_CHECKING:
    from types import ModuleType


class _Uncached(SourceFileLoader):
    """Compiles the file each time.

    Python's cache compares sizes and whole seconds: a constant that is changed and run at once would be missed. Nor is
    a folder of ours left beside the caller's file.
    """

    def path_stats(self, path: object) -> Never:
        raise OSError(f"{path} is not to be cached")


def run_file(path: str | Path) -> ModuleType:
    """Run the file anew and return it as a module.

    The module's name derives from the file's path, so the same file run again defines the same features again.

    Raises:
        FeatureError: There is no such file, or it failed.
    """
    file = Path(path).resolve()
    name = f"{DEFINITIONS_PREFIX}{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    if not file.is_file():
        why = "no such file"
        raise FeatureError("cannot load feature definitions", where=str(file), why=why, hint="for example: features.py")
    loader = _Uncached(name, str(file))
    module = module_from_spec(ModuleSpec(name, loader, origin=str(file)))
    module.__file__ = str(file)
    before = sys.modules.get(name)
    sys.modules[name] = module
    sys.path.insert(0, str(file.parent))
    try:
        loader.exec_module(module)
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
        with suppress(ValueError):  # the file may have tidied up itself
            sys.path.remove(str(file.parent))
    return module


def _put_back(name: str, module: ModuleType | None) -> None:
    if module is None:
        del sys.modules[name]
    else:
        sys.modules[name] = module
