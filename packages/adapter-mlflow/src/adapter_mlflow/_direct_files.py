"""Files of places that the server does not serve itself, such as a bucket: there MLflow's own SDK goes.

It takes its credentials for such a place from the environment, as every client of such a server has to.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlsplit

from mlops_core.errors import AdapterNotFoundError, ConfigurationError

from adapter_mlflow._artifact_entry import ArtifactEntry
from adapter_mlflow._errors import ServerError, UnexpectedAnswerError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_MISSING = 404


class DirectFiles:
    """Files below an address that is no server's own.

    Args:
        root: The address, such as ``s3://bucket/1/run/artifacts``.

    Raises:
        ConfigurationError: It is a folder of the server's machine, which is out of reach here.
        AdapterNotFoundError: What the SDK needs for such a place is not installed.
    """

    def __init__(self, root: str) -> None:
        if urlsplit(root).scheme in {"", "file"}:
            raise ConfigurationError(
                "the files of this run or model cannot be reached",
                where=root,
                why="the server does not serve them: it names a folder of its own machine",
                hint="start the server with --serve-artifacts and --artifacts-destination, and use a new experiment",
            )
        self._root = root
        with self._telling():
            self._repository = _repository(root)

    def put(self, name: str, opened: Callable[[], BinaryIO]) -> None:
        """Store a file; what was there under its name is replaced."""
        place = PurePosixPath(name)
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, place.name)
            with opened() as stream, copy.open("wb") as written:
                shutil.copyfileobj(stream, written)
            with self._telling():
                self._repository.log_artifact(str(copy), str(place.parent) if place.parent.name else None)

    def get(self, name: str) -> BinaryIO:
        """A stream of a file, to be closed."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                with self._telling():
                    path = Path(self._repository.download_artifacts(name, folder))
            except (UnexpectedAnswerError, UnreachableError) as exc:
                # What a missing file is called differs from place to place.
                parent = PurePosixPath(name).parent
                if any(each.path == name for each in self.list(str(parent) if parent.name else "")):
                    raise
                raise ServerError(_MISSING, "RESOURCE_DOES_NOT_EXIST", f"no file {name!r}") from exc
            stream = tempfile.TemporaryFile()  # noqa: SIM115 (whoever asked closes it)
            with path.open("rb") as read:
                shutil.copyfileobj(read, stream)
        stream.seek(0)
        return cast("BinaryIO", stream)

    def list(self, folder: str) -> list[ArtifactEntry]:
        """The files and folders right below the root, or below one of its folders."""
        with self._telling():
            found = self._repository.list_artifacts(folder or None)
            return [ArtifactEntry(path=each.path, size=each.file_size or 0, is_folder=each.is_dir) for each in found]

    @contextmanager
    def _telling(self) -> Generator[None]:
        try:
            yield
        except ModuleNotFoundError as exc:
            why = f"the module {exc.name!r} is not installed"
            hint = f"pip install {exc.name}"
            raise AdapterNotFoundError(f"MLflow cannot reach {self._root}", why=why, hint=hint) from exc
        except OSError as exc:
            raise UnreachableError(f"no answer from {self._root}: {exc}") from exc
        except Exception as exc:
            raise UnexpectedAnswerError(f"{self._root}: {type(exc).__name__}: {exc!s:.300}") from exc


def _repository(root: str) -> Any:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(root)
