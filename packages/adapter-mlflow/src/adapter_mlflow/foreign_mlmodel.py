"""What the file ``MLmodel`` of others says of a model: whoever may write there may have written anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import yaml
from mlops_core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MLMODEL: Final = "MLmodel"
_PICKLES: Final = frozenset({"pickle", "cloudpickle"})


class _Loader(yaml.SafeLoader):
    """Reads plain values. Merged mappings are refused: MLflow writes none, and ten lines of them fill any memory."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leave ``<<`` as it is, which no value is made of then."""


def flavors_of(data: bytes, *, where: str) -> Mapping[str, Any]:
    """The flavors that a file describes.

    Args:
        data: Its content.
        where: The backend and the version, for messages.

    Raises:
        IntegrityError: It describes no model.
    """
    try:
        flavors = dict(yaml.load(data, _Loader)["flavors"])  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as exc:
        why = f"{type(exc).__name__}: {exc}"
        raise IntegrityError(f"{MLMODEL!r} describes no model", where=where, why=why[:300]) from exc
    return cast("dict[str, Any]", flavors)


def model_of(flavors: Mapping[str, Any], paths: Collection[str]) -> tuple[str, str, str]:
    """Framework, model file and serializer; what this library cannot load is told by a serializer it does not know.

    Only texts are looked at: of other values a few lines can describe more than any memory holds.
    """
    sklearn = flavors.get("sklearn")
    if isinstance(sklearn, dict):
        described = cast("dict[str, object]", sklearn)
        file, form = described.get("pickled_model"), described.get("serialization_format")
        if isinstance(file, str) and isinstance(form, str) and file in paths:
            return "sklearn", file, "pickle" if form in _PICKLES else form
    named = sorted(each for each in cast("Mapping[object, object]", flavors) if isinstance(each, str))
    framework = next((each for each in named if each != "python_function"), "python_function")
    return framework, MLMODEL, f"mlflow.{framework}"
