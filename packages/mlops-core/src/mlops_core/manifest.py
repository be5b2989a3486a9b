"""What a model package holds: the manifest, its digest, and the package as registries see it.

A package is a folder of files. ``package.json`` is its manifest in canonical JSON and says everything about the
content: so the SHA-256 of that file is the package's identity, and ``sha256sum package.json`` prints it.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from mlops_core.errors import ArtifactNotFoundError, IntegrityError, near_matches
from mlops_core.json_values import (
    as_integer,
    as_mapping,
    as_mappings,
    as_sequence,
    as_text,
    canonical_json,
    read_json_object,
)
from mlops_core.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _typeshed import WriteableBuffer

    from mlops_core.json_values import JsonValue

FORMAT_VERSION: Final = 1
"""Version of the package format that this library writes; it reads every older one."""
MANIFEST_FILE: Final = "package.json"
CHECKSUMS_FILE: Final = "SHA256SUMS"
"""Written beside the package's files by a registry on a store: ``sha256sum -c SHA256SUMS`` checks a copy."""
_CHUNK: Final = 1 << 20
_HEX_DIGITS: Final = frozenset("0123456789abcdef")
_SHA256_LENGTH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFile:
    """One file of a package: its relative POSIX path, size in bytes and SHA-256 (64 hexadecimal characters)."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of a package. No name, number, time or run: those are the version's record.

    Attributes:
        framework: What writes and reads the model file, such as ``"sklearn"``.
        model_file: The file that holds the model, one of ``files``.
        serializer: How it is serialised: ``"skops"``, ``"pickle"`` or one that a plug-in names.
        files: Every file but ``package.json`` itself, in order of path.
        signature: The columns that the model was trained on; ``None`` for a model registered without a dataset.
        parameters: The model's parameters, for people to read.
        dataset_digest: Digest of the training dataset; ``None`` if unknown.
        requirements: What must be installed to load it, such as ``scikit-learn==1.9.1``.
        format_version: Version of the package format.
    """

    framework: str
    model_file: str
    serializer: str
    files: tuple[PackageFile, ...]
    signature: Signature | None = None
    parameters: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])
    dataset_digest: str | None = None
    requirements: tuple[str, ...] = ()
    format_version: int = FORMAT_VERSION

    def to_bytes(self) -> bytes:
        """The content of ``package.json``."""
        return canonical_json(
            {
                "format_version": self.format_version,
                "framework": self.framework,
                "model_file": self.model_file,
                "serializer": self.serializer,
                "signature": None if self.signature is None else self.signature.to_json(),
                "parameters": self.parameters,
                "dataset_digest": self.dataset_digest,
                "requirements": list(self.requirements),
                "files": [{"path": each.path, "size": each.size, "sha256": each.sha256} for each in self.files],
            }
        )

    @property
    def digest(self) -> str:
        """SHA-256 of ``package.json``, 64 hexadecimal characters: the package's identity."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files together, ``package.json`` left out."""
        return sum(each.size for each in self.files)

    @property
    def paths(self) -> tuple[str, ...]:
        """The path of every file that can be opened, ``package.json`` first."""
        return MANIFEST_FILE, *(each.path for each in self.files)

    def file(self, path: str) -> PackageFile:
        """The entry of one file; ``package.json`` has none, since it cannot say what its own SHA-256 is.

        Raises:
            ArtifactNotFoundError: The manifest has no entry of that path.
        """
        for each in self.files:
            if each.path == path:
                return each
        names = [each.path for each in self.files]
        raise ArtifactNotFoundError(
            f"the package's manifest names no {path!r}",
            subject=path,
            why=f"it names {', '.join(names)}",
            hint=near_matches(path, names),
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, where: str) -> Manifest:
        """Read ``package.json``.

        Args:
            data: Its bytes.
            where: The file or key that they came from, for the message.

        Raises:
            IntegrityError: The bytes are not a manifest, a path would leave the folder, or the format is newer than
                this library.
        """
        value = read_json_object(data, what="a package's manifest", where=where)
        try:
            version = as_integer(value["format_version"])
            if version > FORMAT_VERSION:
                raise IntegrityError(
                    "the package is of a newer format than this library reads",
                    where=where,
                    why=f"format {version}, while this library reads up to {FORMAT_VERSION}",
                    hint="pip install --upgrade mlops-core",
                )
            return _manifest(value, version)
        except (KeyError, TypeError, ValueError) as exc:
            why = f"{type(exc).__name__}: {exc}"
            raise IntegrityError("cannot read a package's manifest", where=where, why=why) from exc


def _manifest(value: Mapping[str, JsonValue], version: int) -> Manifest:
    signature = value["signature"]
    dataset_digest = value["dataset_digest"]
    files = tuple(
        PackageFile(path=_safe_path(each["path"]), size=as_integer(each["size"]), sha256=_sha256(each["sha256"]))
        for each in as_mappings(value["files"])
    )
    paths = [each.path for each in files]
    if paths != sorted(set(paths)):
        raise ValueError("its files are not in order of path, or one is named twice")
    return Manifest(
        framework=as_text(value["framework"]),
        model_file=_safe_path(value["model_file"]),
        serializer=as_text(value["serializer"]),
        files=files,
        signature=None if signature is None else Signature.from_json(signature),
        parameters=as_mapping(value["parameters"]),
        dataset_digest=None if dataset_digest is None else as_text(dataset_digest),
        requirements=tuple(as_text(each) for each in as_sequence(value["requirements"])),
        format_version=version,
    )


def _safe_path(value: JsonValue) -> str:
    text = as_text(value)
    path = PurePosixPath(text)
    unsafe = path.is_absolute() or ".." in path.parts or "\\" in text or ":" in text or "\0" in text
    if unsafe or path.as_posix() != text or text in {"", ".", MANIFEST_FILE, CHECKSUMS_FILE}:
        raise ValueError(f"{text!r} is not the path of a file inside the package")
    return text


def _sha256(value: JsonValue) -> str:
    text = as_text(value)
    if len(text) != _SHA256_LENGTH or not _HEX_DIGITS.issuperset(text):
        raise ValueError(f"{text!r} is not a SHA-256")
    return text


class Package(Protocol):
    """A package that can be registered: its manifest and its files, wherever they lie."""

    @property
    def manifest(self) -> Manifest:
        """What it holds."""
        ...

    def open(self, path: str, /) -> BinaryIO:
        """A stream of one file's bytes, to be closed by the caller; ``package.json`` included.

        Several threads may call it at once.

        Raises:
            ArtifactNotFoundError: The package holds no such file.
        """
        ...

    def local_path(self, path: str, /) -> Path | None:
        """The file on this machine's disk, where there is one."""
        ...


@dataclass(frozen=True, slots=True)
class FolderPackage:
    """A package in a folder of this machine.

    Attributes:
        folder: The folder that holds ``package.json`` and the files that it names.
        manifest: What ``package.json`` says.
    """

    folder: Path
    manifest: Manifest

    @classmethod
    def read(cls, folder: Path) -> FolderPackage:
        """Read the manifest of a folder; the files themselves are not read, see :meth:`verify`.

        Raises:
            IntegrityError: ``package.json`` is missing or is no manifest.
        """
        path = folder / MANIFEST_FILE
        try:
            data = path.read_bytes()
        except FileNotFoundError as exc:
            raise IntegrityError(
                "the folder is not a package", where=str(folder), why="it has no package.json"
            ) from exc
        return cls(folder, Manifest.from_bytes(data, where=str(path)))

    def open(self, path: str, /) -> BinaryIO:
        """See :meth:`Package.open`."""
        if path != MANIFEST_FILE:
            self.manifest.file(path)
        try:
            return (self.folder / path).open("rb")
        except FileNotFoundError as exc:
            raise ArtifactNotFoundError(
                f"the file {path!r} of the package is missing",
                subject=path,
                why=f"{self.folder} does not hold it",
                hint="restore it, or write the package again",
            ) from exc

    def local_path(self, path: str, /) -> Path | None:
        """See :meth:`Package.local_path`."""
        return self.folder / path

    def verify(self) -> None:
        """Read every file and compare size and SHA-256 with the manifest; files that it does not name are ignored.

        Raises:
            IntegrityError: A file is missing, or its bytes are not those that were registered.
        """
        for each in self.manifest.files:
            path = self.folder / each.path
            try:
                with path.open("rb") as stream:
                    for _ in verified_chunks(stream, each, where=str(path)):
                        pass
            except FileNotFoundError as exc:
                raise IntegrityError(f"{each.path!r} of the package is missing", where=str(path)) from exc


def verified_chunks(stream: BinaryIO, expected: PackageFile, *, where: str) -> Iterator[bytes]:
    """The bytes of a stream, in chunks, raising at the end (or as soon as it is too long) if they are wrong.

    Whoever writes them must not give the result its final name before the iterator is exhausted.

    Raises:
        IntegrityError: Size or SHA-256 differ from the manifest's.
    """
    digest = hashlib.sha256()
    size = 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > expected.size:
            break
        digest.update(chunk)
        yield chunk
    if size != expected.size:
        more = "more than" if size > expected.size else f"{size:,} of"
        why = f"{more} {expected.size:,} bytes"
    elif digest.hexdigest() != expected.sha256:
        why = f"SHA-256 is {digest.hexdigest()}, the manifest says {expected.sha256}"
    else:
        return
    hint = "restore the file, or register the model again with if_exists='new'; nothing was loaded"
    raise IntegrityError(f"{expected.path!r} is not the file that was registered", where=where, why=why, hint=hint)


def open_verified(package: Package, file: PackageFile, *, where: str) -> BinaryIO:
    """A stream of one file of a package that is about to be stored, verified while it is read; to be closed.

    Whoever stores the bytes must not make them visible before the stream was read to its end.

    Args:
        package: Where the file is.
        file: What it has to be.
        where: What the package is, for the message.

    Raises:
        IntegrityError: The package has lost the file; or, from ``read``, its size or SHA-256 differ.
    """
    try:
        stream = package.open(file.path)
    except ArtifactNotFoundError as exc:
        what = f"{file.path!r} of the package is missing"
        raise IntegrityError(what, where=where, why=exc.why, hint="write the package again") from exc
    return io.BufferedReader(_VerifiedStream(stream, file, where), _CHUNK)


class _VerifiedStream(io.RawIOBase):
    def __init__(self, stream: BinaryIO, expected: PackageFile, where: str) -> None:
        super().__init__()
        self._stream = stream
        self._chunks = verified_chunks(stream, expected, where=where)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._rest = self._rest or next(self._chunks, b"")
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()
