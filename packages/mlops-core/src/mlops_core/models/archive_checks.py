"""Refuses archives that no honest writer makes, before anything of them is deserialised."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from typing import Final

from mlops_core.errors import IntegrityError

MAX_MEMBERS: Final = 100_000
MAX_EXPANSION: Final = 100
"""Members together may be at most this many times larger than the archive (plus a mebibyte)."""
_SLACK: Final = 1 << 20
_ENCRYPTED: Final = 0x1


def check_archive(data: bytes, *, where: str) -> None:
    """Check a ZIP archive and the ``.npz`` archives inside it: the directory first, then every member's checksum.

    Args:
        data: The archive.
        where: The file that it came from, for the message.

    Raises:
        IntegrityError: It is no archive, names a member twice, names a path outside itself, holds links, encrypted
            members or too many of them, or would grow more than a hundredfold.
    """
    why = _objection(data)
    if why:
        hint = "register the model from its source again, with if_exists='new'; nothing was loaded"
        raise IntegrityError("the model file is not a sound archive", where=where, why=why, hint=hint)


def _objection(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            why = _directory_objection(members, len(data))
            if why:
                return why
            broken = archive.testzip()
            if broken is not None:
                return f"the checksum of {broken!r} is wrong"
            for member in members:
                inner = _objection(archive.read(member)) if member.filename.endswith(".npz") else ""
                if inner:
                    return f"{member.filename}: {inner}"
            return ""
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RecursionError, EOFError, OSError, ValueError) as exc:
        return f"{type(exc).__name__}: {exc}"


def _directory_objection(members: list[zipfile.ZipInfo], size: int) -> str:
    if len(members) > MAX_MEMBERS:
        return f"it holds {len(members):,} members, at most {MAX_MEMBERS:,} are read"
    if len({each.filename for each in members}) != len(members):
        return "a member is named twice"
    for each in members:
        mode = each.external_attr >> 16
        if each.is_dir() or (mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode)):
            return f"{each.filename!r} is not a plain file"
        if _leaves_the_archive(each.filename):
            return f"{each.filename!r} is not a plain relative path"
        if each.flag_bits & _ENCRYPTED or each.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            return f"{each.filename!r} is encrypted, or compressed in an unusual way"
    total = sum(each.file_size for each in members)
    if total > MAX_EXPANSION * size + _SLACK:
        return f"{size:,} bytes would grow to {total:,}"
    return ""


def _leaves_the_archive(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/") or any(each in name for each in "\\:\0")
