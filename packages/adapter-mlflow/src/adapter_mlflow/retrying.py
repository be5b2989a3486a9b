"""When a request is made again. Nobody else repeats one: the libraries below do not, and who calls this does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_core.errors import BackendUnavailableError

from adapter_mlflow._errors import MlflowError, ServerError, classify

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from mlops_core.stores.conditional_writes import Retries

    _Answer = TypeVar("_Answer")

_LONGEST_WAIT: Final = 10.0
"""Seconds of a pause that a server has asked for."""


def repeated(request: Callable[[], _Answer], retries: Retries) -> _Answer:
    """The answer of requests that may be made any number of times, while the server is unavailable.

    Raises:
        MlflowError: The server was unavailable each time, or something else is wrong.
    """
    began = retries.clock()
    attempt = 0
    while True:
        try:
            return request()
        except MlflowError as exc:
            attempt += 1
            if classify(exc) is not BackendUnavailableError or _is_enough(attempt, began, retries):
                raise
            _wait(exc, attempt, retries)


def made_once(
    request: Callable[[], _Answer], look: Callable[[], _Answer | None], retries: Retries
) -> tuple[_Answer, bool]:
    """What a request makes of which there shall be one: before the request is made again, it is looked for.

    Args:
        request: Makes it, and is not made again by itself.
        look: Finds what an earlier request has made after all.
        retries: How often and how fast, and for how long in all.

    Returns:
        What was made or found, and whether there may be another: of an earlier request that was looked for too early.

    Raises:
        MlflowError: The server was unavailable each time, or something else is wrong.
    """
    began = retries.clock()
    attempt = 0
    while True:
        try:
            return request(), attempt > 0
        except MlflowError as exc:
            if classify(exc) is not BackendUnavailableError:
                raise
            attempt += 1
            _wait(exc, attempt, retries)  # the server may still be carrying it out
            found = look()
            if found is not None:
                return found, False
            if _is_enough(attempt, began, retries):
                raise


def _is_enough(attempt: int, began: float, retries: Retries) -> bool:
    return attempt >= retries.attempts or retries.too_late(began)


def _wait(error: MlflowError, attempt: int, retries: Retries) -> None:
    retries.pause(retries.first_pause, attempt - 1)
    if isinstance(error, ServerError) and error.retry_after:
        retries.sleep(min(error.retry_after, _LONGEST_WAIT))
