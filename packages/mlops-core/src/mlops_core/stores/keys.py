"""The grammar of an artifact store's keys, checked before any request."""

from __future__ import annotations

import unicodedata
from typing import Final

from mlops_core.errors import InvalidNameError

MAX_KEY_BYTES: Final = 900
"""Longest key, in bytes of UTF-8."""


def check_key(key: str) -> None:
    """Check a key, as :class:`~mlops_core.ports.artifact_store.ArtifactStore` describes it.

    Args:
        key: The key; it is never altered.

    Raises:
        InvalidNameError: A part is empty, ``.`` or ``..``; a character is a control character or no Unicode; or the
            key is longer than 900 bytes of UTF-8.
    """
    why = ""
    if any(part in {"", ".", ".."} for part in key.split("/")):
        why = "a key is a relative path: no empty part, no '.' and no '..'"
    elif any(unicodedata.category(each) in {"Cc", "Cs"} for each in key):
        why = "a key has no control characters and no lone surrogates"
    elif len(key.encode()) > MAX_KEY_BYTES:
        why = f"a key has at most {MAX_KEY_BYTES} bytes of UTF-8"
    if why:
        longest = 80
        shown = repr(key) if len(key) <= longest else repr(key[:longest]) + "..."
        raise InvalidNameError(f"{shown} cannot be a key", why=why, hint="for example: reports/2026/auc.json")


def is_key(text: str) -> bool:
    """Whether something is a key."""
    try:
        check_key(text)
    except InvalidNameError:
        return False
    return True


def check_folder_prefix(prefix: str) -> None:
    """Check a prefix that folders are asked of.

    Args:
        prefix: ``""``, or a key and a slash.

    Raises:
        InvalidNameError: It is neither.
    """
    if prefix and not prefix.endswith("/"):
        why = "the prefix of folders is empty or ends with a slash"
        raise InvalidNameError(f"{prefix[:80]!r} has no folders", why=why, hint=f"{prefix[:80] + '/'!r}, or find()")
    if prefix:
        check_key(prefix[:-1])
