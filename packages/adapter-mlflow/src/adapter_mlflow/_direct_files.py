"""Files of places that the server does not serve itself, such as a bucket: there MLflow's own SDK goes.

It takes its credentials for such a place from the environment, as every client of such a server has to.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from mlops_core.errors import AdapterNotFoundError, ConfigurationError, MlopsError

from adapter_mlflow._artifact_entry import ArtifactEntry
from adapter_mlflow._errors import UnexpectedAnswerError, UnreachableError, missing_file
from adapter_mlflow.redaction import without_secrets_of_addresses
from adapter_mlflow.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_KEPT: Final = 8
_HINT: Final = (
    "MLflow's SDK goes there by itself: see that the environment has what it needs, such as credentials, "
    "and that the folder of temporary files has room"
)


class DirectPlaces:
    """Places that the server does not serve. It may be used from several threads.

    The SDK has a repository for each place, with threads and connections of its own: a few are kept.

    Args:
        server: The server's address. Without it the SDK would look for one in the state of the process.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._places = Remembered[str, DirectFiles](_KEPT)

    def at(self, root: str) -> DirectFiles:
        """The files below an address, such as ``s3://bucket/1/run/artifacts``.

        Raises:
            ConfigurationError: It is a folder of the server's machine, which is out of reach here.
            AdapterNotFoundError: What the SDK needs for such a place is not installed.
        """
        return self._places.get(root) or self._places.put(root, DirectFiles(root, self._server))

    def forget(self) -> None:
        """Let go of what the SDK keeps."""
        self._places.clear()


class DirectFiles:
    """Files below an address that is no server's own.

    Args:
        root: The address.
        server: The server's address.
    """

    def __init__(self, root: str, server: str) -> None:
        self._shown = without_secrets_of_addresses(root)
        scheme, found, _ = root.partition(":")
        if not found or scheme == "file":
            raise ConfigurationError(
                "the files of this run or model cannot be reached",
                where=self._shown,
                why="the server does not serve them: it names a folder of its own machine",
                hint="start the server with --serve-artifacts and --artifacts-destination, and use a new experiment",
            )
        with self._telling():
            self._repository = _repository(root, server)

    def put(self, name: str, opened: Callable[[], BinaryIO]) -> None:
        """Store a file; what was there under its name is replaced."""
        place = PurePosixPath(name)
        with _on_this_machine(), tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, place.name)
            with opened() as stream, copy.open("wb") as written:
                shutil.copyfileobj(stream, written)
            with self._telling():
                self._repository.log_artifact(str(copy), str(place.parent) if place.parent.name else None)

    def get(self, name: str) -> BinaryIO:
        """A stream of a file, to be closed."""
        with _on_this_machine(), tempfile.TemporaryDirectory() as folder:
            try:
                with self._telling():
                    path = Path(self._repository.download_artifacts(name, folder))
            except (UnexpectedAnswerError, UnreachableError) as exc:
                # What a missing file is called differs from place to place.
                parent = PurePosixPath(name).parent
                if any(each.path == name for each in self.list(str(parent) if parent.name else "")):
                    raise
                raise missing_file(name) from exc
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
            raise AdapterNotFoundError(f"MLflow cannot reach {self._shown}", why=why, hint=hint) from exc
        except Exception as exc:  # noqa: BLE001 (every vendor has errors of its own)
            said = without_secrets_of_addresses(str(exc))
            cause = exc if said == str(exc) else None  # a traceback shows the texts of causes
            if isinstance(exc, OSError):
                raise UnreachableError(f"no answer from {self._shown}: {said:.300}", hint=_HINT) from cause
            raise UnexpectedAnswerError(f"{self._shown}: {type(exc).__name__}: {said:.300}", hint=_HINT) from cause


@contextmanager
def _on_this_machine() -> Generator[None]:
    """Tell what the folder of temporary files says, through which every such file goes."""
    try:
        yield
    except OSError as exc:
        raise MlopsError(
            "a file could not be copied on this machine",
            where=str(exc.filename or tempfile.gettempdir()),
            why=str(exc),
            hint="see whether the folder of temporary files is full; TMPDIR names another",
        ) from exc


def _repository(root: str, server: str) -> Any:
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(root, tracking_uri=server)
