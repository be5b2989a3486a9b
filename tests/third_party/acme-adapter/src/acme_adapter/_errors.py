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

HINTS: Final[Mapping[type[BackendError], str]] = {
    BackendUnavailableError: "look whether the vault's file is there and nobody keeps it locked, then call again",
    AuthenticationError: "ask whoever keeps the vault for a token, and put it where the option 'token' says",
    AccessDeniedError: "ask whoever keeps the vault for a token that may do this",
    ConflictError: "look at what is there, then decide",
    ModelNotFoundError: "mlops ls shows the models",
    VersionNotFoundError: "mlops ls <model> shows its versions",
    AliasNotFoundError: "mlops show <model> shows its aliases; set_alias makes one",
    RunNotFoundError: "list the runs with runs()",
    ArtifactNotFoundError: "list the files with files()",
    BackendError: "look up the vault's words in its manual",
}
"""What to do next, by class."""


def kind_of(error: AcmeError) -> type[BackendError]:
    """The class for an error of the vendor; one that is not in the table is still a backend's error, and no bug."""
    return _KINDS.get(error.code, BackendError)
