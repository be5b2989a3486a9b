"""Failures of the store below a registry or a tracker, told as failures of the call that needed the store."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mlops_core.errors import AccessDeniedError, AuthenticationError, BackendError, BackendUnavailableError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

_HINTS: Final[Mapping[type[BackendError], str]] = {
    BackendUnavailableError: "check that the backend can be reached, then make the same call again",
    AuthenticationError: "check the credentials in the backend's settings",
    AccessDeniedError: "ask for the right to read and write what this backend holds",
    BackendError: "look at what the backend itself says about it",
}


@contextmanager
def telling_store_errors(operation: str, *, subject: str, backend: str) -> Generator[None]:
    """Say of a store's failure which call of the port above it failed; the vendor's exception stays the cause.

    What the call itself has raised goes through, and so does an error of another backend, such as the one that a
    package is copied from. In a generator the ``with`` belongs inside, around the iteration.

    Args:
        operation: The method of the port above.
        subject: What the method was applied to.
        backend: The configured name of the backend.
    """
    try:
        yield
    except BackendError as exc:
        kind = next((each for each in _HINTS if isinstance(exc, each)), BackendError)
        of_the_store = kind is not BackendError or type(exc) is BackendError
        of_the_call = exc.operation == operation and exc.__cause__ is None
        if not of_the_store or of_the_call or exc.backend not in {"", backend}:
            raise
        raise kind(
            f"{operation} of {subject!r} did not get through" if subject else f"{operation} did not get through",
            operation=operation,
            subject=subject,
            backend=backend,
            why=": ".join(part for part in (exc.what, exc.why) if part),
            hint=exc.hint or _HINTS[kind],
        ) from exc.__cause__ or exc
