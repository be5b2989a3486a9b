from __future__ import annotations

import pickle
import re

import pytest
from mlops_core import errors
from mlops_core.errors import (
    BackendError,
    BackendUnavailableError,
    ConfigurationError,
    MlopsError,
    ModelNotFoundError,
    NotFoundError,
    near_matches,
    translating_errors,
)


def every_error() -> list[type[MlopsError]]:
    found: list[type[MlopsError]] = [MlopsError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return [kind for kind in found if kind.__module__ == errors.__name__]


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = set(re.findall(r"\b(\w+Error)\b", errors.__doc__ or ""))
    assert drawn == {kind.__name__ for kind in every_error()}


def test_a_message_has_its_four_parts_in_order() -> None:
    error = ModelNotFoundError(
        "cannot resolve 'churn'",
        operation="resolve",
        subject="churn",
        backend="prod",
        why="no such model",
        hint="mlops ls",
    )
    assert str(error).splitlines() == [
        "cannot resolve 'churn'",
        "  where: backend 'prod'",
        "  why:   no such model",
        "  next:  mlops ls",
    ]


def test_parts_that_are_not_known_are_left_out() -> None:
    assert str(MlopsError("it failed")) == "it failed"


@pytest.mark.parametrize("kind", every_error())
def test_every_error_survives_a_process_boundary(kind: type[MlopsError]) -> None:
    error = kind("it failed", why="because", hint="try again")
    copy: object = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert copy.__dict__ == error.__dict__


def test_only_an_unavailable_backend_may_be_asked_again() -> None:
    retryable = {kind for kind in every_error() if issubclass(kind, BackendError) and kind.retryable}
    assert retryable == {BackendUnavailableError}


def classify(exc: Exception) -> type[BackendError] | None:
    return BackendUnavailableError if isinstance(exc, OSError) else None


def test_a_vendors_error_arrives_as_ours_with_the_original_as_its_cause() -> None:
    original = OSError("connection reset")
    with (
        pytest.raises(BackendUnavailableError) as caught,
        translating_errors(classify, what="cannot list", operation="models", subject="*", backend="prod"),
    ):
        raise original
    assert caught.value.__cause__ is original
    assert (caught.value.operation, caught.value.subject, caught.value.backend) == ("models", "*", "prod")
    assert "connection reset" in str(caught.value)


@pytest.mark.parametrize("ours", [KeyError("a bug of ours"), ConfigurationError("already ours")])
def test_what_is_not_the_vendors_passes_untouched(ours: Exception) -> None:
    with (
        pytest.raises(type(ours)) as caught,
        translating_errors(classify, what="cannot list", operation="models", subject="*", backend="prod"),
    ):
        raise ours
    assert caught.value is ours
    assert ours.__cause__ is None


@pytest.mark.parametrize(
    ("hint", "said"),
    [("look here", "look here"), ({BackendUnavailableError: "wait"}, "wait"), ({NotFoundError: "no"}, "")],
)
def test_what_to_do_next_may_depend_on_what_it_is(hint: str | dict[type[BackendError], str], said: str) -> None:
    with (
        pytest.raises(BackendUnavailableError) as caught,
        translating_errors(classify, what="cannot list", operation="models", subject="*", backend="prod", hint=hint),
    ):
        raise ConnectionError
    assert caught.value.hint == said


def test_near_matches_suggest_or_list() -> None:
    assert near_matches("dely", ["delay", "weather"]) == "did you mean 'delay'?"
    assert near_matches("xyz", ["b", "a"]) == "known: a, b"
    assert near_matches("xyz", []) == ""
