"""Which keys can be paths of files, and whether a path leads to a file of exactly this name.

Some file systems fold names: to them ``Race`` and ``race``, or two spellings of ``é``, are one file. There a path that
opens says nothing about the file's name, and only the listing of its folder does.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

TEMPORARY: Final = "tmp"
"""The folder below a store's root that holds unfinished files and locks; no key begins with it."""
_MAX_PART_BYTES: Final = 255
_WINDOWS_RESERVED: Final = frozenset('<>:"|?*\\')


def why_no_file(key: str) -> str:
    """Why a key cannot be the path of a file; ``""`` if it can.

    Args:
        key: A key of the port's grammar.
    """
    parts = key.split("/")
    if parts[0].casefold() == TEMPORARY:
        return f"{TEMPORARY}/ holds this store's unfinished files"
    if any(len(part.encode()) > _MAX_PART_BYTES for part in parts):
        return f"a file system takes at most {_MAX_PART_BYTES} bytes in one part of a path"
    if os.name == "nt" and not _WINDOWS_RESERVED.isdisjoint(key):
        return 'Windows takes none of < > : " | ? * \\ in a path'
    return ""


def folded(key: str) -> str:
    """The same for all keys that a file system may take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", key).casefold())


def names_are_folded(root: Path) -> bool:
    """Whether the file system of a store that has been written to folds names.

    macOS folds normal forms even where it keeps case, so it is always taken to fold.
    """
    return sys.platform == "darwin" or os.path.lexists(root / TEMPORARY.upper())


def spelled_otherwise(root: Path, key: str) -> bool:
    """Whether a key's path leads to a file or a folder that has another name; one folder is read for each part.

    Args:
        root: The folder of the store.
        key: A key, or the beginning of one up to a slash.
    """
    folder = root
    for part in key.split("/"):
        if not os.path.lexists(folder / part):
            return False
        try:
            if part not in os.listdir(folder):  # noqa: PTH208 (names are compared, no paths are needed)
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False  # removed since
        folder /= part
    return False
