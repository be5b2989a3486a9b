"""A store's failures, told as failures of the call that needed the store."""

from __future__ import annotations

import pytest
from mlops_core.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    AuthenticationError,
    BackendError,
    BackendUnavailableError,
    IntegrityError,
    MlopsError,
)
from mlops_core.stores.store_errors import telling_store_errors

VENDOR = ConnectionResetError("reset by peer")


def told(error: MlopsError, cause: Exception | None = VENDOR) -> MlopsError:
    with pytest.raises(MlopsError) as caught, telling_store_errors("get", subject="churn:3", backend="home"):
        raise error from cause
    return caught.value


@pytest.mark.parametrize("kind", [BackendUnavailableError, AuthenticationError, AccessDeniedError, BackendError])
def test_it_names_the_call_and_keeps_the_vendors_words_and_exception(kind: type[BackendError]) -> None:
    error = told(kind("cannot read 'k'", operation="get", subject="k", backend="home", why="reset by peer"))
    assert isinstance(error, BackendError)
    assert type(error) is kind
    assert (error.operation, error.subject, error.backend) == ("get", "churn:3", "home")
    assert (error.what, error.why) == ("get of 'churn:3' did not get through", "cannot read 'k': reset by peer")
    assert error.hint
    assert error.__cause__ is VENDOR


def test_the_stores_own_hint_is_kept() -> None:
    assert told(BackendError("disk full", hint="make room")).hint == "make room"


def test_an_error_of_a_store_without_a_cause_becomes_the_cause() -> None:
    error = BackendUnavailableError("the lock is held", operation="put", backend="home")
    assert told(error, None).__cause__ is error


def test_a_subclass_of_an_adapter_is_told_as_its_class_of_ours() -> None:
    class ThrottledError(BackendUnavailableError):
        pass

    assert type(told(ThrottledError("slow down"))) is BackendUnavailableError


@pytest.mark.parametrize(
    "error",
    [
        AlreadyExistsError("it is there", backend="home"),
        IntegrityError("damaged"),
        BackendUnavailableError("the source is away", operation="open", subject="k", backend="another"),
    ],
)
def test_what_is_no_failure_of_this_store_goes_through(error: MlopsError) -> None:
    assert told(error) is error


def test_what_the_call_itself_has_said_goes_through() -> None:
    error = BackendUnavailableError("other writers were faster", operation="get", subject="churn", backend="home")
    assert told(error, None) is error
