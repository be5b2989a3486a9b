"""A store over files that calls a function before and after each request, and counts what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo, ArtifactStoreCapability
    from mlops_core.stores.files import FileArtifactStore

    Hook: TypeAlias = Callable[[int], None]


class HookedStore:
    def __init__(self, store: FileArtifactStore) -> None:
        self.inner = store
        self.requests: list[str] = []
        self.written: list[int] = []
        self.before: Hook = lambda _: None
        self.after: Hook = lambda _: None

    @property
    def capabilities(self) -> ArtifactStoreCapability:
        return self.inner.capabilities

    def put(
        self, key: str, data: bytes | BinaryIO, /, *, if_absent: bool = False, if_match: str | None = None
    ) -> ArtifactInfo:
        number = self._begin("put", key)
        answer = self.inner.put(key, data, if_absent=if_absent, if_match=if_match)
        self.written.append(answer.size)
        self.after(number)
        return answer

    def get(self, key: str, /, *, start: int = 0, stop: int | None = None) -> Artifact:
        number = self._begin("get", key)
        answer = self.inner.get(key, start=start, stop=stop)
        self.after(number)
        return answer

    def open(self, key: str, /, *, start: int = 0) -> BinaryIO:
        self._begin("open", key)
        return self.inner.open(key, start=start)

    def stat(self, key: str, /) -> ArtifactInfo:
        number = self._begin("stat", key)
        answer = self.inner.stat(key)
        self.after(number)
        return answer

    def find(self, prefix: str = "", /) -> Iterator[ArtifactInfo]:
        self._begin("find", prefix)
        return self.inner.find(prefix)

    def folders(self, prefix: str = "", /) -> Iterator[str]:
        self._begin("folders", prefix)
        return self.inner.folders(prefix)

    def delete(self, key: str, /) -> None:
        number = self._begin("delete", key)
        self.inner.delete(key)
        self.after(number)

    def _begin(self, name: str, key: str) -> int:
        number = len(self.requests)
        self.requests.append(f"{name} {key}")
        self.before(number)
        return number
