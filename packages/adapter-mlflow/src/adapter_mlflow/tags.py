"""Tags of runs and of versions: the names that both or several modules know, and which tags are the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_core.json_values import as_mappings, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.json_values import JsonValue

OPERATION_ID: Final = "mlops.operation_id"
"""The call that made a run or a version: by it one is looked for whose creation was not answered."""
DIGEST: Final = "mlops.digest"
"""The digest of a version's package."""
RUN: Final = "mlops.run"
"""The run that made a version, as the caller named it."""
CARRIER: Final = "mlops.carrier"
"""The model whose versions have their files below this run, which is no attempt at anything."""
_VENDORS: Final = ("mlflow.", "mlops.")


def users_own(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that are neither MLflow's nor ours."""
    return {key: value for key, value in tags.items() if not key.startswith(_VENDORS)}


def pairs(value: JsonValue) -> dict[str, str]:
    """Read the tags, or the parameters, of an answer.

    Raises:
        KeyError, TypeError: They are none.
    """
    return {as_text(each["key"]): as_text(each.get("value", "")) for each in as_mappings(value)}
