"""The SDK's exceptions in the core's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from mlops_core.errors import (
    AccessDeniedError,
    ArtifactNotFoundError,
    AuthenticationError,
    BackendError,
    BackendUnavailableError,
    ConflictError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNKNOWN_CALLER: Final = frozenset(
    {
        "AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId",
        "InvalidToken", "MissingAuthenticationToken", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
        "TokenRefreshRequired", "UnrecognizedClientException",
    }
)  # fmt: skip
_TRY_AGAIN: Final = frozenset(
    {
        "ConditionalRequestConflict", "ConcurrentModification", "InternalError", "OperationAborted", "RequestTimeout",
        "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests",
    }
)  # fmt: skip
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})
_CHANGED: Final = frozenset({"PreconditionFailed", "412"})
_UNREACHED: Final = frozenset(
    {
        "ConnectTimeoutError", "ConnectionClosedError", "ConnectionError", "EndpointConnectionError", "HTTPClientError",
        "IncompleteReadError", "ProtocolError", "ProxyConnectionError", "ReadTimeoutError", "ResponseStreamingError",
    }
)  # fmt: skip
_WITHOUT_CREDENTIALS: Final = frozenset(
    {"CredentialRetrievalError", "NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError"}
)
_HINTS: Final[Mapping[type[BackendError], str]] = {
    AccessDeniedError: "allow the credentials to list, get, put and delete objects of this bucket, below this prefix",
    ArtifactNotFoundError: "endpoint_url must be the address of an S3 service",
    AuthenticationError: "check access_key_id and secret_access_key, the profile, or what the SDK finds by itself",
    BackendError: "look at what the service says; endpoint_url and region must be the bucket's",
    BackendUnavailableError: "check endpoint_url and the network, then make the same call again",
    ConflictError: "the object was replaced while it was being read: read it again",
}
_TRY_AGAIN_STATUS: Final = frozenset({408, 409, 429})
"""Time-out, conflict with an operation under way (nothing that this adapter asks for conflicts otherwise), too many."""
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_SERVER_ERRORS: Final = 500


class UnexpectedAnswerError(Exception):
    """The service, or somebody in between, answered something that is no answer of S3."""


class PartsExhaustedError(Exception):
    """A stream is longer than all the parts of one upload."""


def error_code(error: BaseException) -> str:
    """The service's code of an error, such as ``NoSuchKey``; ``""`` for what did not come from the service."""
    return str(_part(error, "Error").get("Code", ""))


def http_status(error: BaseException) -> int:
    """The HTTP status that came with an error; 0 for what did not come from the service."""
    status = _part(error, "ResponseMetadata").get("HTTPStatusCode", 0)
    return status if isinstance(status, int) else 0


def classify(error: Exception) -> type[BackendError] | None:
    """The class for an exception of the SDK; ``None`` for what is none."""
    if isinstance(error, (PartsExhaustedError, UnexpectedAnswerError)):
        return BackendError
    code = error_code(error)
    if code:
        return _of_the_service(code, http_status(error))
    names = {each.__name__ for each in type(error).__mro__ if each.__module__.startswith(("botocore.", "urllib3."))}
    if names & _UNREACHED or isinstance(error, (ConnectionError, TimeoutError)):
        return BackendUnavailableError
    if names & _WITHOUT_CREDENTIALS:
        return AuthenticationError
    return BackendError if names else None


def _of_the_service(code: str, status: int) -> type[BackendError]:
    if code in _TRY_AGAIN or status in _TRY_AGAIN_STATUS or status >= _SERVER_ERRORS:
        return BackendUnavailableError
    if code in _UNKNOWN_CALLER or status == _UNAUTHORIZED:
        return AuthenticationError
    if code == "AccessDenied" or status == _FORBIDDEN:
        return AccessDeniedError
    if code in _CHANGED:
        return ConflictError
    return ArtifactNotFoundError if code in _MISSING else BackendError


def is_missing(error: BaseException) -> bool:
    """Whether the service said that there is no such object; a missing bucket is something else."""
    return error_code(error) in _MISSING


def hint_for(error: BaseException, *, bucket: str) -> str | Mapping[type[BackendError], str]:
    """What to do about an error of the service, by its code or else by its class."""
    if isinstance(error, PartsExhaustedError):
        return "set a larger part_size = ..., in bytes"
    code = error_code(error)
    if code == "NoSuchBucket":
        return f"create the bucket {bucket!r}, or correct bucket = ..."
    if code in {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}:
        return "set region = ... to the bucket's region"
    if code in {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}:
        return "get new temporary credentials, session_token among them: log in again"
    if code == "RequestTimeTooSkewed":
        return "set this machine's clock"
    return _HINTS


def _part(error: BaseException, name: str) -> Mapping[str, Any]:
    response = getattr(error, "response", None)
    found = cast("dict[str, Any]", response).get(name) if isinstance(response, dict) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
