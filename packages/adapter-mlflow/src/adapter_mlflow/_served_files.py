"""Files that the server itself takes and hands out, below addresses that begin with ``mlflow-artifacts:``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import quote

from mlops_core.json_values import as_text

from adapter_mlflow._answers import each
from adapter_mlflow._artifact_entry import ArtifactEntry
from adapter_mlflow._errors import ServerError, UnexpectedAnswerError, file_is_missing, missing_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops_core.json_values import JsonValue
    from requests import Response

    from adapter_mlflow._client import MlflowRestClient

_PATH: Final = "/api/2.0/mlflow-artifacts/artifacts"
_SCHEME: Final = "mlflow-artifacts:"
_PARTIAL: Final = 206
_SMALL: Final = 1 << 20
"""Bytes up to which a file is read or sent as a whole."""


def is_served(root: str) -> bool:
    """Whether the server itself hands out what lies below an address."""
    return root.startswith(_SCHEME) and not root.startswith(f"{_SCHEME}//")


class ServedFiles:
    """Files below an address.

    Args:
        client: Sends the requests.
        root: The address.
    """

    def __init__(self, client: MlflowRestClient, root: str) -> None:
        self._client = client
        self._place = root.removeprefix(_SCHEME).strip("/")

    def put(self, name: str, opened: Callable[[], BinaryIO], *, size: int) -> None:
        """Store a file; a large one is sent while it is read."""

        def put() -> None:
            with opened() as stream:
                self._client.sent("PUT", self._url(name), body=_Body(stream, size) if size > _SMALL else stream.read())

        self._client.trying(put)

    def get(self, name: str) -> BinaryIO:
        """A stream of a file; a large one goes on where a broken connection has left it."""
        from adapter_mlflow._artifact_stream import ArtifactStream

        def begin() -> BinaryIO:
            answer = self._client.sent("GET", self._url(name), stream=True)
            if int(answer.headers.get("Content-Length", _SMALL + 1)) <= _SMALL:
                return io.BytesIO(_content(answer))
            return io.BufferedReader(ArtifactStream(answer, self._resumed), _SMALL)

        try:
            return self._client.trying(begin)
        except ServerError as exc:
            if not file_is_missing(exc):
                raise
            raise missing_file(name) from exc

    def list(self, folder: str) -> list[ArtifactEntry]:
        """The files and folders right below the root, or below one of its folders; one request."""
        query = {"path": f"{self._place}/{folder}" if folder else self._place}
        answer = self._client.asked("GET", _PATH, query=query)
        prefix = f"{folder}/" if folder else ""
        return each(answer, "files", lambda found: _entry(found, prefix))

    def _url(self, name: str) -> str:
        return f"{_PATH}/{quote(self._place)}/{quote(name)}"

    def _resumed(self, url: str, start: int) -> Response:
        def resume() -> Response:
            answer = self._client.sent("GET", path, headers={"Range": f"bytes={start}-"}, stream=True)
            if answer.status_code == _PARTIAL and answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                return answer
            answer.close()
            raise UnexpectedAnswerError("a part of the file was asked for, and something else came")

        path = url.removeprefix(self._client.address)
        return self._client.trying(resume)


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


def _content(answer: Response) -> bytes:
    from adapter_mlflow._http import telling_failures

    with telling_failures(answer.url), answer:
        return answer.content


def _entry(found: Mapping[str, JsonValue], prefix: str) -> ArtifactEntry:
    return ArtifactEntry(
        path=prefix + as_text(found["path"]),
        size=int(str(found.get("file_size", 0))),
        is_folder=found.get("is_dir") is True,
    )
