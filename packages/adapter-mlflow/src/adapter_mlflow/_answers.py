"""Reading the answers of a server: what is not as MLflow answers is an error of the server's."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mlops_core.json_values import as_mappings

from adapter_mlflow._errors import UnexpectedAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_core.json_values import JsonValue

_Value = TypeVar("_Value")


def one(answer: Mapping[str, JsonValue], name: str, reader: Callable[[JsonValue], _Value]) -> _Value:
    """A part of an answer, read.

    Raises:
        UnexpectedAnswerError: It is not there, or not what MLflow answers.
    """
    try:
        return reader(answer[name])
    except (KeyError, TypeError, ValueError) as exc:
        raise UnexpectedAnswerError(f"the answer is none of MLflow's: {exc!r:.200}") from exc


def each(
    answer: Mapping[str, JsonValue], name: str, reader: Callable[[Mapping[str, JsonValue]], _Value]
) -> list[_Value]:
    """The parts of a list of an answer, read; MLflow leaves an empty list out.

    Raises:
        UnexpectedAnswerError: They are not what MLflow answers.
    """
    return one({name: [], **answer}, name, lambda listed: [reader(part) for part in as_mappings(listed)])
