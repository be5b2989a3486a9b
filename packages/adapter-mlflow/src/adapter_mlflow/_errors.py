"""What a server answers, and what a connection does, in the core's terms."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mlops_core.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    AuthenticationError,
    BackendError,
    BackendUnavailableError,
    NotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_MISSING: Final = 404
_DOES_NOT_EXIST: Final = "RESOURCE_DOES_NOT_EXIST"
_TRY_AGAIN: Final = frozenset({408, 425, 429})
_SERVER_ERRORS: Final = 500
_LOST_RACES: Final = ("UniqueViolation", "UNIQUE constraint failed", "Duplicate entry", "duplicate key")
"""What databases say to the second of two who insert the same row; MLflow passes it on as a bad request."""
_OTHER_VALUE: Final = "Changing param values is not allowed"
_HINTS: Final[Mapping[type[BackendError], str]] = {
    AccessDeniedError: "ask whoever runs the server: loading needs READ, registering EDIT, deleting MANAGE; where users"
    " have no permission by default, the server says the same of what is not there",
    AlreadyExistsError: "choose another name",
    AuthenticationError: "check token, or username and password",
    BackendError: "look at what the server says; tracking_uri must be the address of an MLflow server",
    BackendUnavailableError: "check tracking_uri and the network, then make the same call again",
    NotFoundError: "look at what is there, for example with mlops ls",
}
_HINTS_OF_CODES: Final = {"FEATURE_DISABLED": "leave the option workspace out: this server has no workspaces"}


class MlflowError(Exception):
    """Something went wrong between this client and the server. The text holds no secret.

    Attributes:
        hint: What to do next, where that is not what its kind of error asks for; else ``""``.
    """

    def __init__(self, text: str, *, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class ServerError(MlflowError):
    """The server answered with an error.

    Attributes:
        status: The HTTP status.
        code: MLflow's own code, such as ``RESOURCE_DOES_NOT_EXIST``; ``""`` for what did not come from MLflow.
        text: What it said, redacted, without the statements of its database.
        retry_after: Seconds after which it wants to be asked again; ``None`` if it did not say.
    """

    def __init__(self, status: int, code: str, text: str, *, retry_after: float | None = None) -> None:
        said = f"{code or 'HTTP'} ({status})"
        if status == _MISSING and not code:
            text = f"{text}, and not from MLflow: something else answers there"
        super().__init__(f"{said}: {text}" if text else said, hint=_HINTS_OF_CODES.get(code, ""))
        self.status = status
        self.code = code
        self.text = text
        self.retry_after = retry_after


class UnreachableError(MlflowError):
    """No whole answer came."""


class UnexpectedAnswerError(MlflowError):
    """The server, or somebody in between, answered something that is no answer of MLflow."""


def classify(error: Exception) -> type[BackendError] | None:
    """The class for an error of the server or of the connection; ``None`` for what is neither."""
    if isinstance(error, UnreachableError):
        return BackendUnavailableError
    if not isinstance(error, ServerError):
        return BackendError if isinstance(error, MlflowError) else None
    if error.status == _UNAUTHORIZED or error.code == "UNAUTHENTICATED":
        return AuthenticationError
    if error.status == _FORBIDDEN or error.code == "PERMISSION_DENIED":
        return AccessDeniedError
    if error.code in _HINTS_OF_CODES:  # whatever its status, it will say so again
        return BackendError
    if error.status in _TRY_AGAIN or error.status >= _SERVER_ERRORS or lost_race(error):
        return BackendUnavailableError
    if is_missing(error):
        return NotFoundError
    return AlreadyExistsError if already_exists(error) else BackendError


def is_missing(error: Exception) -> bool:
    """Whether MLflow said that what was asked for is not there; a 404 alone may be any other server's."""
    return isinstance(error, ServerError) and error.code == _DOES_NOT_EXIST


def file_is_missing(error: ServerError) -> bool:
    """Whether a file is not there: for those, MLflow hands on what stores and gateways say."""
    return error.status == _MISSING and error.code in {"", "NOT_FOUND", _DOES_NOT_EXIST}


def missing_file(name: str) -> ServerError:
    """The error for a file that is not there, whoever has said so."""
    return ServerError(_MISSING, _DOES_NOT_EXIST, f"no file {name!r}")


def already_exists(error: Exception) -> bool:
    """Whether the server said that what was to be created is there already."""
    return isinstance(error, ServerError) and error.code == "RESOURCE_ALREADY_EXISTS"


def lost_race(error: Exception) -> bool:
    """Whether somebody else inserted the same row at the same moment: the same request again will update it."""
    if not isinstance(error, ServerError) or already_exists(error):  # what is there already stays there
        return False
    return any(each in error.text for each in _LOST_RACES)


def refuses_other_value(error: Exception) -> bool:
    """Whether the server said that a parameter of a run has another value already."""
    return isinstance(error, ServerError) and _OTHER_VALUE in error.text


@contextmanager
def telling(operation: str, *, subject: str, backend: str, what: str = "") -> Generator[None]:
    """Turn the errors of this module into the core's, with the original as cause.

    Args:
        operation: The port's method.
        subject: What it was applied to.
        backend: The configured name.
        what: What failed, if it fails; by default the method and the subject.
    """
    try:
        yield
    except MlflowError as exc:
        kind = classify(exc) or BackendError
        what = what or f"{operation} of {subject!r:.200} failed"
        hint = exc.hint or _HINTS.get(kind, "")
        raise kind(what, operation=operation, subject=subject, backend=backend, why=str(exc), hint=hint) from exc
