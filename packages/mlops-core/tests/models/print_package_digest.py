"""Run in a process of its own: prints the digests of the packages of pickled models."""

from __future__ import annotations

import json
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

from mlops_core.models import write_package

if __name__ == "__main__":
    models: list[Any] = pickle.loads(Path(sys.argv[1]).read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        digests = [write_package(each, Path(folder) / str(at)).manifest.digest for at, each in enumerate(models)]
    sys.stdout.write(json.dumps(digests))
