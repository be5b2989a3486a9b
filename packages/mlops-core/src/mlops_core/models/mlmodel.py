"""The files beside the model by which MLflow loads a package: ``MLmodel`` and what recreates the environment.

Written by hand, without MLflow: ``mlflow.pyfunc.load_model(folder)`` and ``mlflow.sklearn.load_model(folder)`` read
the result. Nothing here is read back by this library, and the types that ``MLmodel`` asks to be trusted are trusted
by MLflow alone.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.json_values import canonical_json
from mlops_core.models.serializers import MODEL_FILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_core.json_values import JsonValue
    from mlops_core.models.serializers import SerializerName
    from mlops_core.signature import Signature

MLMODEL_FILE: Final = "MLmodel"
REQUIREMENTS_FILE: Final = "requirements.txt"
PYTHON_ENV_FILE: Final = "python_env.yaml"
_FORMAT_OF: Final = "3.17.2"
"""The version of MLflow whose format this is."""
_CREATED: Final = "1970-01-01 00:00:00.000000"
"""MLflow wants a time; the true one is in the version's record, so that equal content is an equal package."""

_ENFORCED: Final = {"float32": "float", "float64": "double", "string": "string"}
"""MLflow's names of the neutral types that it can enforce without refusing values that the model was trained on.

It turns away whole numbers and truth values as soon as one is missing, and categories always.
"""
_HANDED_ON: Final = "any"
"""MLflow wants the column to be there, and leaves its values to the model; a category reaches it as its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """The model file as ``MLmodel`` describes it.

    Attributes:
        data: Its bytes.
        serializer: What wrote it.
        untrusted_types: The types that skops does not build unless it is told to.
        sklearn_version: The installed version of scikit-learn; ``None`` if it is not installed.
    """

    data: bytes
    serializer: SerializerName
    untrusted_types: Sequence[str]
    sklearn_version: str | None


def environment_files(model: ModelFile, signature: Signature | None, requirements: Sequence[str]) -> dict[str, bytes]:
    """The files by name: ``MLmodel``, ``requirements.txt`` and ``python_env.yaml``.

    ``mlflow.pyfunc`` answers with ``predict``, as it does for models that MLflow itself logs: probabilities would
    come as two columns, of which some of its callers silently take the first.

    Args:
        model: The model file.
        signature: The columns that the model reads: MLflow refuses a table that lacks one, and drops all others.
        requirements: Pinned requirements.
    """
    python = ".".join(str(part) for part in sys.version_info[:3])
    description: dict[str, JsonValue] = {
        "flavors": {
            "python_function": {
                "env": {"virtualenv": PYTHON_ENV_FILE},
                "loader_module": "mlflow.sklearn",
                "model_path": MODEL_FILES[model.serializer],
                "predict_fn": "predict",
                "python_version": python,
            },
            "sklearn": {
                "code": None,
                "pickled_model": MODEL_FILES[model.serializer],
                "serialization_format": model.serializer,
                "sklearn_version": model.sklearn_version,
                "skops_trusted_types": list(model.untrusted_types),
            },
        },
        "mlflow_version": _FORMAT_OF,
        "model_size_bytes": len(model.data),
        "utc_time_created": _CREATED,
    }
    if signature is not None:
        description["signature"] = {"inputs": json.dumps(_inputs(signature)), "outputs": None, "params": None}
    identity = hashlib.sha256(hashlib.sha256(model.data).digest() + canonical_json(description))
    description["model_uuid"] = identity.hexdigest()[:32]
    environment: dict[str, JsonValue] = {
        "python": python,
        "build_dependencies": [],
        "dependencies": [f"-r {REQUIREMENTS_FILE}"],
    }
    return {
        MLMODEL_FILE: _yaml(description),
        PYTHON_ENV_FILE: _yaml(environment),
        REQUIREMENTS_FILE: "".join(f"{each}\n" for each in requirements).encode(),
    }


def _inputs(signature: Signature) -> list[dict[str, object]]:
    return [
        {"type": _ENFORCED.get(column.dtype, _HANDED_ON), "name": column.name, "required": True}
        for column in signature.features
    ]


def _yaml(value: Mapping[str, JsonValue]) -> bytes:
    """JSON is YAML, and has one spelling here."""
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()
