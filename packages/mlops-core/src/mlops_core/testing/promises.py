"""What each port promises, read from its docstring, and which promise a contract test is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mlops_core.ports.artifact_store import ArtifactStore, ArtifactStoreCapability
from mlops_core.ports.experiment_tracker import ExperimentTracker, ExperimentTrackerCapability
from mlops_core.ports.model_registry import ModelRegistry, ModelRegistryCapability

if TYPE_CHECKING:
    import enum
    from collections.abc import Mapping

    from mlops_core.ports.backend import PortName

CHECKS: Final = ("fixture", "signatures", "capability", "state_machine")
"""Contract tests that begin with ``test_`` and one of these are about no single promise."""
_NAMED: Final = re.compile(r"^ *\* ``(\w+)``:", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortDescription:
    """What is said of a port in the compatibility table.

    Attributes:
        title: Its name for people.
        promises: The names of its promises, in the order of its docstring.
        capabilities: What an instance of it may declare.
    """

    title: str
    promises: tuple[str, ...]
    capabilities: type[enum.Flag]


def _described(title: str, protocol: type, capabilities: type[enum.Flag]) -> PortDescription:
    promises = tuple(_NAMED.findall(protocol.__doc__ or ""))
    return PortDescription(title=title, promises=promises, capabilities=capabilities)


PORTS: Final[Mapping[PortName, PortDescription]] = MappingProxyType(
    {
        "model_registry": _described("Model registry", ModelRegistry, ModelRegistryCapability),
        "artifact_store": _described("Artifact store", ArtifactStore, ArtifactStoreCapability),
        "experiment_tracker": _described("Experiment tracker", ExperimentTracker, ExperimentTrackerCapability),
    }
)
"""The ports, in the order of the table."""


def promise_of(test: str) -> str | None:
    """The promise that a contract test is about, by its name; ``None`` for the checks that are about none.

    Args:
        test: Such as ``"test_deleting_is_idempotent__of_what_was_never_there"``.
    """
    name = test.removeprefix("test_").split("__")[0]
    is_check = any(name == each or name.startswith(f"{each}_") for each in CHECKS)
    return None if is_check else name
