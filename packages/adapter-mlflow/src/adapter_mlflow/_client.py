"""The one place that knows how MLflow is asked: its REST API, its artifacts, and when a request is made again."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from mlops_core.errors import AdapterNotFoundError
from mlops_core.json_values import as_text
from mlops_core.stores.conditional_writes import Retries

from adapter_mlflow._answers import one
from adapter_mlflow._direct_files import DirectPlaces
from adapter_mlflow._errors import ServerError, UnexpectedAnswerError
from adapter_mlflow._served_files import ServedFiles, is_served
from adapter_mlflow.redaction import without_credentials
from adapter_mlflow.retrying import repeated
from adapter_mlflow.thread_lock import ThreadLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeVar

    from mlops_core.json_values import JsonValue
    from requests import Response

    from adapter_mlflow._artifact_entry import ArtifactEntry
    from adapter_mlflow._http import Http
    from adapter_mlflow.settings import MlflowSettings

    _Answer = TypeVar("_Answer")

_API: Final = "/api/2.0/mlflow/"
_FIRST_ERROR: Final = 400
_LONGEST_TEXT: Final = 500


class MlflowRestClient:
    """Requests to one server. It may be used from several threads; connections are made on first use.

    A request that may be made twice is made again while the server is unavailable. One that creates something is not:
    whoever calls has to look first, see :func:`adapter_mlflow.retrying.made_once`.

    Args:
        settings: How the server is asked.
        address: Its address; by default that of tracking.
        retries: How often and how fast.
    """

    def __init__(self, settings: MlflowSettings, *, address: str | None = None, retries: Retries | None = None) -> None:
        self._settings = settings
        self._address = address or settings.addresses[0]
        self._retries = retries or Retries()
        self._lock = ThreadLock()
        self._http: Http | None = None
        self._direct = DirectPlaces(self._address)
        self._opened_by = os.getpid()

    @property
    def address(self) -> str:
        """The server's address."""
        return self._address

    def call(
        self, method: str, path: str, values: Mapping[str, JsonValue], /, *, creates: bool = False
    ) -> Mapping[str, JsonValue]:
        """Call a method of the REST API.

        Args:
            method: ``GET``, ``POST``, ``PATCH`` or ``DELETE``.
            path: Such as ``runs/create``.
            values: The query of a ``GET``, or else the body.
            creates: Whether a second such request would make a second thing; it is not made again here.

        Returns:
            The answer, an object of JSON.

        Raises:
            MlflowError: It failed.
        """
        if method == "GET":
            query = {key: str(value) for key, value in values.items()}
            return self.asked(method, _API + path, query=query, creates=creates)
        body = json.dumps(values, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"}
        return self.asked(method, _API + path, body=body, headers=headers, creates=creates)

    def pages(self, method: str, path: str, values: Mapping[str, JsonValue], /) -> Iterator[Mapping[str, JsonValue]]:
        """The answers of a call that answers in pages, one request each."""
        token = ""
        while True:
            answer = self.call(method, path, {**values, "page_token": token} if token else values)
            yield answer
            token = one({"next_page_token": "", **answer}, "next_page_token", as_text)
            if not token:
                return

    def put_artifact(self, root: str, name: str, content: bytes | Path, /) -> None:
        """Store a file below a root; what was there under its name is replaced.

        Args:
            root: The address of a run's files, or of a folder of them.
            name: The path below it.
            content: Its bytes, or where they are.
        """
        if isinstance(content, Path):
            self.put_artifact_stream(root, name, lambda: content.open("rb"), size=content.stat().st_size)
        else:
            self.put_artifact_stream(root, name, lambda: io.BytesIO(content), size=len(content))

    def put_artifact_stream(self, root: str, name: str, opened: Callable[[], BinaryIO], /, *, size: int) -> None:
        """Store a file from a stream, which is opened anew whenever the request has to be made again."""
        if is_served(root):
            ServedFiles(self, root).put(name, opened, size=size)
        else:
            self._direct.at(root).put(name, opened)

    def get_artifact(self, root: str, name: str, /) -> BinaryIO:
        """A stream of a file below a root, to be closed.

        Its errors are those of this module, also while it is read.
        """
        return ServedFiles(self, root).get(name) if is_served(root) else self._direct.at(root).get(name)

    def list_artifacts(self, root: str, folder: str = "", /) -> Iterable[ArtifactEntry]:
        """The files and folders right below a root, or below one of its folders; one request."""
        return ServedFiles(self, root).list(folder) if is_served(root) else self._direct.at(root).list(folder)

    def native(self, registry_address: str, /) -> Any:
        """MLflow's own client of the same server. It takes its credentials from the environment."""
        return _native(self._address, registry_address)

    def close(self) -> None:
        """Close the connections; the next call makes others."""
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()
        self._direct.forget()

    def asked(self, method: str, path: str, /, *, creates: bool = False, **more: Any) -> Mapping[str, JsonValue]:
        """The answer to a request, an object of JSON."""

        def request() -> Mapping[str, JsonValue]:
            return _object(self.sent(method, path, **more))

        return request() if creates else self.trying(request)

    def trying(self, request: Callable[[], _Answer]) -> _Answer:
        """The answer of requests that are made again while the server is unavailable."""
        return repeated(request, self._retries)

    def sent(self, method: str, path: str, **more: Any) -> Response:
        """The answer to one request, which is not made again.

        Args:
            method: The method of HTTP.
            path: What follows the server's address.
            more: See :meth:`adapter_mlflow._http.Http.send`.

        Raises:
            MlflowError: No whole answer came, or it is one of an error.
        """
        answer = self._connected().send(method, f"{self._address}{path}", **more)
        if answer.status_code >= _FIRST_ERROR:
            with answer:
                raise self._error(answer)
        return answer

    def _error(self, answer: Response) -> ServerError:
        code, text = "", ""
        try:
            value = json.loads(answer.content)
            code, text = str(value["error_code"]), str(value["message"])
        except Exception:  # noqa: BLE001 (whatever is wrong with a page of somebody in between, the status counts)
            text = answer.reason or ""
        return ServerError(answer.status_code, code, self._redacted(text), retry_after=_seconds(answer))

    def _redacted(self, text: str) -> str:
        text = text.partition("[SQL:")[0].strip()  # the server tells its database's statements, with their values
        text = without_credentials(text, self._settings)
        return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."

    def _connected(self) -> Http:
        with self._lock:
            # A forked process would read the answers to its parent's requests from connections that both have.
            if self._http is None or self._opened_by != os.getpid():
                self._http, self._opened_by = _open(self._settings), os.getpid()
            return self._http


def _object(answer: Response) -> Mapping[str, JsonValue]:
    try:
        value = json.loads(answer.content)
    except ValueError:
        kind = answer.headers.get("Content-Type", "an unknown type")
        raise UnexpectedAnswerError(f"the answer is no JSON but {kind}: something else answers there") from None
    if not isinstance(value, dict):
        raise UnexpectedAnswerError("the answer is no object of JSON: something else answers there")
    return cast("dict[str, JsonValue]", value)


def _seconds(answer: Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def _open(settings: MlflowSettings) -> Http:
    try:
        from adapter_mlflow._http import Http
    except ModuleNotFoundError as exc:
        raise _without_the_sdk(exc) from exc
    return Http(settings)


def _native(tracking: str, registry: str) -> Any:
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError as exc:
        raise _without_the_sdk(exc) from exc
    return MlflowClient(tracking_uri=tracking, registry_uri=registry)


def _without_the_sdk(error: ModuleNotFoundError) -> AdapterNotFoundError:
    why = f"the module {error.name!r} is not installed"
    return AdapterNotFoundError("the adapter 'mlflow' needs mlflow-skinny", why=why, hint="pip install mlflow-skinny")
