"""Run in a process of its own: prints the digest of the canonical dump of every pickled object in a file."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any

from mlops_core.models.canonical_skops import canonical_skops

if __name__ == "__main__":
    objects: dict[str, Any] = pickle.loads(Path(sys.argv[1]).read_bytes())
    digests = {name: hashlib.sha256(canonical_skops(each)).hexdigest() for name, each in objects.items()}
    sys.stdout.write(json.dumps(digests))
