"""The one place that knows how MLflow is asked: its REST API, its artifacts, and when a request is made again."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from urllib.parse import quote

from mlops_core.errors import AdapterNotFoundError, BackendUnavailableError, ConfigurationError
from mlops_core.json_values import as_text
from mlops_core.stores.conditional_writes import Retries

from adapter_mlflow._answers import each, one
from adapter_mlflow._errors import ServerError, UnexpectedAnswerError, UnreachableError, classify, lost_race

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeVar

    from mlops_core.json_values import JsonValue
    from requests import Response

    from adapter_mlflow._http import Http
    from adapter_mlflow.settings import MlflowSettings

    _Answer = TypeVar("_Answer")

_API: Final = "/api/2.0/mlflow/"
_ARTIFACTS: Final = "/api/2.0/mlflow-artifacts/artifacts"
_PROXIED: Final = "mlflow-artifacts:"
_PARTIAL: Final = 206
_FIRST_ERROR: Final = 400
_TOO_MANY: Final = 429
_LONGEST_TEXT: Final = 500
_LONGEST_PAUSE: Final = 10.0
_DEADLINE: Final = 60.0
"""Seconds after whose end a request is not made again."""
_SMALL: Final = 1 << 20
"""Bytes up to which a file is read or sent as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactEntry:
    """A file or a folder of a listing; its path is relative to the root that was asked about."""

    path: str
    size: int
    is_folder: bool


class MlflowRestClient:
    """Requests to one server. It may be used from several threads; connections are made on first use.

    A request that may be made twice is made again while the server is unavailable. One that creates something is made
    again only if it is certain that it was not carried out: whoever calls has to look first.

    Args:
        settings: How the server is asked.
        address: Its address; by default that of tracking.
        retries: How often and how fast.
    """

    def __init__(self, settings: MlflowSettings, *, address: str | None = None, retries: Retries | None = None) -> None:
        self._settings = settings
        self._address = address or settings.addresses[0]
        self._retries = retries or Retries()
        self._lock = threading.Lock()
        self._http: Http | None = None
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
            creates: Whether a second such request would make a second thing.

        Returns:
            The answer, an object of JSON.

        Raises:
            MlflowError: It failed.
        """
        url = f"{self._address}{_API}{path}"
        if method == "GET":
            query = {key: str(value) for key, value in values.items()}
            return self._trying(lambda: _object(self._sent(method, url, query=query)), creates=creates)
        body = json.dumps(values, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"}
        return self._trying(lambda: _object(self._sent(method, url, body=body, headers=headers)), creates=creates)

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
        url = self._artifact(root, name)

        def put() -> None:
            with opened() as stream:
                self._sent("PUT", url, body=_Body(stream, size) if size > _SMALL else stream.read())

        self._trying(put)

    def get_artifact(self, root: str, name: str, /) -> BinaryIO:
        """A stream of a file below a root, to be closed; a broken connection is taken up where it broke.

        Its errors are those of this module, also while it is read.
        """
        from adapter_mlflow._artifact_stream import ArtifactStream

        url = self._artifact(root, name)

        def begin() -> BinaryIO:
            answer = self._sent("GET", url, stream=True)
            if int(answer.headers.get("Content-Length", _SMALL + 1)) <= _SMALL:
                return io.BytesIO(_content(answer, url))
            return io.BufferedReader(ArtifactStream(answer, url, self._resumed), _SMALL)

        return self._trying(begin)

    def list_artifacts(self, root: str, folder: str = "", /) -> Iterable[ArtifactEntry]:
        """The files and folders right below a root, or below one of its folders; one request."""
        place = _place(root)
        query = {"path": f"{place}/{folder}" if folder else place}
        url = f"{self._address}{_ARTIFACTS}"
        answer = self._trying(lambda: _object(self._sent("GET", url, query=query)))
        prefix = f"{folder}/" if folder else ""
        return each(answer, "files", lambda found: _entry(found, prefix))

    def native(self, registry_address: str, /) -> Any:
        """MLflow's own client of the same server. It takes its credentials from the environment."""
        return _native(self._address, registry_address)

    def close(self) -> None:
        """Close the connections; the next call makes others."""
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    def _resumed(self, url: str, start: int) -> Response:
        return self._trying(lambda: self._range(url, start))

    def _range(self, url: str, start: int) -> Response:
        answer = self._sent("GET", url, headers={"Range": f"bytes={start}-"}, stream=True)
        if answer.status_code != _PARTIAL or not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            answer.close()
            raise UnexpectedAnswerError("a part of the file was asked for, and something else came")
        return answer

    def _trying(self, request: Callable[[], _Answer], *, creates: bool = False) -> _Answer:
        deadline = time.monotonic() + _DEADLINE
        attempt = 0
        while True:
            try:
                return request()
            except (ServerError, UnreachableError) as exc:
                attempt += 1
                again = _certainly_not_done(exc) if creates else classify(exc) is BackendUnavailableError
                if not again or attempt >= self._retries.attempts or time.monotonic() > deadline:
                    raise
                self._retries.pause(self._retries.first_pause, attempt - 1)
                if isinstance(exc, ServerError) and exc.retry_after:
                    self._retries.sleep(min(exc.retry_after, _LONGEST_PAUSE))

    def _sent(self, method: str, url: str, **more: Any) -> Response:
        answer = self._connected().send(method, url, **more)
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
        for secret in self._settings.secrets:
            text = text.replace(secret.reveal(), "***")
        return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."

    def _connected(self) -> Http:
        with self._lock:
            # A forked process would read the answers to its parent's requests from connections that both have.
            if self._http is None or self._opened_by != os.getpid():
                self._http, self._opened_by = _open(self._settings), os.getpid()
            return self._http

    def _artifact(self, root: str, name: str) -> str:
        return f"{self._address}{_ARTIFACTS}/{quote(_place(root))}/{quote(name)}"


def _entry(found: Mapping[str, JsonValue], prefix: str) -> ArtifactEntry:
    return ArtifactEntry(
        path=prefix + as_text(found["path"]),
        size=int(str(found.get("file_size", 0))),
        is_folder=found.get("is_dir") is True,
    )


class _Body:
    """A stream of known size, as a body that is sent while it is read."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(_SMALL):
            yield chunk

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)


def is_proxied(root: str) -> bool:
    """Whether the server itself hands out what lies below an address."""
    return root.startswith(_PROXIED) and not root.startswith(f"{_PROXIED}//")


def _place(root: str) -> str:
    if not is_proxied(root):
        raise ConfigurationError(
            "the files of this run or model cannot be reached",
            where=root,
            why="the server does not serve them itself: it sends its clients to a place of their own",
            hint="start the server with --serve-artifacts and --artifacts-destination, and use a new experiment",
        )
    return root.removeprefix(_PROXIED).strip("/")


def _certainly_not_done(error: ServerError | UnreachableError) -> bool:
    if isinstance(error, UnreachableError):
        return error.unsent
    return error.status == _TOO_MANY or lost_race(error)


def _object(answer: Response) -> Mapping[str, JsonValue]:
    try:
        value = json.loads(answer.content)
    except ValueError:
        kind = answer.headers.get("Content-Type", "an unknown type")
        raise UnexpectedAnswerError(f"the answer is no JSON but {kind}: something else answers there") from None
    if not isinstance(value, dict):
        raise UnexpectedAnswerError("the answer is no object of JSON: something else answers there")
    return cast("dict[str, JsonValue]", value)


def _content(answer: Response, url: str) -> bytes:
    from adapter_mlflow._http import telling_failures

    with telling_failures(url), answer:
        return answer.content


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
