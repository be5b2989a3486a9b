"""The envelope of stored documents: a format version, and a checksum of the content's bytes as they stand.

``{"checksum":"<sha256>","content":{...},"format_version":1}`` in canonical JSON. A damaged document is recognised
before anything in it is believed; the content names what it is of, so one copied under another key is recognised too.
A newer format is refused with a sentence, older ones are read.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mlops_core.errors import IntegrityError, InvalidNameError
from mlops_core.json_values import as_integer, as_mapping, as_text, canonical_json, read_json_object

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from mlops_core.json_values import JsonValue

FORMAT_VERSION: Final = 1
"""Version of the documents that this library writes."""
_RESTORE: Final = "restore the object from a copy; nothing of it was used"


class NewerFormatError(IntegrityError):
    """The document is whole, and this library is too old for it: nobody may repair it."""


def seal(content: Mapping[str, JsonValue]) -> bytes:
    """The document of a content.

    Raises:
        InvalidNameError: A text is not Unicode, so that no document can hold it.
    """
    try:
        data = canonical_json(content)
    except ValueError as exc:
        raise InvalidNameError(
            "a text or number cannot be stored", why=str(exc), hint="use Unicode text without lone surrogates"
        ) from exc
    return seal_json(data)


def seal_json(content: bytes) -> bytes:
    """The document of a content that is JSON already, one object; for contents of many numbers."""
    return _frame(content, FORMAT_VERSION)


def _frame(content: bytes, version: int) -> bytes:
    checksum = hashlib.sha256(content).hexdigest()
    return b'{"checksum":"%s","content":%s,"format_version":%d}' % (checksum.encode(), content, version)


@contextmanager
def opening(
    data: bytes, *, where: str, names: Mapping[str, JsonValue], what: str = "a document of the registry"
) -> Generator[Mapping[str, JsonValue]]:
    """The content of a document, for a ``with`` in which it is read.

    Args:
        data: The stored bytes.
        where: The key that they came from, for messages.
        names: What the content must say of itself, such as ``{"model": "churn"}``.
        what: What it is, for messages.

    Raises:
        IntegrityError: The bytes are damaged, of a newer format, of something else, or lack what the ``with`` reads.
    """
    envelope = read_json_object(data, what=what, where=where)
    try:
        version = as_integer(envelope["format_version"])
        if version > FORMAT_VERSION:
            raise NewerFormatError(
                f"{what} is of a newer format than this library reads",
                where=where,
                why=f"format {version}, while this library reads up to {FORMAT_VERSION}",
                hint="pip install --upgrade mlops-core",
            )
        content = as_mapping(envelope["content"])
        _check(data, version, as_text(envelope["checksum"]), what, where)
        for name, expected in names.items():
            if content[name] != expected:
                why = f"its {name} is {content[name]!r}, not {expected!r}"
                raise IntegrityError(f"{what} is not in its place", where=where, why=why)
        yield content
    except (KeyError, TypeError, ValueError) as exc:
        if isinstance(exc, IntegrityError):
            raise
        why = f"{type(exc).__name__}: {exc}"
        raise IntegrityError(f"cannot read {what}", where=where, why=why, hint=_RESTORE) from exc


def _check(data: bytes, version: int, checksum: str, what: str, where: str) -> None:
    frame = _frame(b"", version)
    tail = len(b',"format_version":%d}' % version)
    content = data[len(frame) - tail : -tail]
    if version < 1 or _frame(content, version) != data:
        raise IntegrityError(
            f"{what} was damaged",
            where=where,
            why=f"its bytes are not those that its checksum {checksum[:12]}... was made of",
            hint=_RESTORE,
        )
