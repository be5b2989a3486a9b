"""What each of the vendor's errors is called here: one table, by the vendor's own codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_core.errors import (
    AccessDeniedError,
    AliasNotFoundError,
    ArtifactNotFoundError,
    AuthenticationError,
    BackendError,
    BackendUnavailableError,
    ConflictError,
    ModelNotFoundError,
    RunNotFoundError,
    VersionNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from acme_vault import AcmeError

_KINDS: Final[Mapping[str, type[BackendError]]] = {
    "unreachable": BackendUnavailableError,
    "unauthorized": AuthenticationError,
    "forbidden": AccessDeniedError,
    "conflict": ConflictError,
    "missing-model": ModelNotFoundError,
    "missing-version": VersionNotFoundError,
    "missing-alias": AliasNotFoundError,
    "missing-run": RunNotFoundError,
    "missing-file": ArtifactNotFoundError,
}


def kind_of(error: AcmeError) -> type[BackendError]:
    """The class for an error of the vendor; one that is not in the table is still a backend's error, and no bug."""
    return _KINDS.get(error.code, BackendError)
