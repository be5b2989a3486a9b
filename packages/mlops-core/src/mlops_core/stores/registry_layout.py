"""Where the registry keeps what: the keys of design section 5, and model names as parts of keys.

::

    models/<model>/head.json                      mutable: incarnation, aliases, deletions under way
    models/<model>/<inc>/versions/<1e10 - n>.json immutable: the record of version n; the newest lists first
    models/<model>/<inc>/tags/<n>.json            mutable: tags changed since the registration
    models/<model>/<inc>/tombstones/<n>           version n was deleted
    models/<model>/<inc>/digests/<digest>         mutable: the numbers at which a digest was tried
    packages/<model>/<folder>/<file>              a package's files, verbatim, with SHA256SUMS

A folder is called ``<operation id>.<random id>`` and is never used a second time, so that whoever removes one, however
late, removes nothing of anybody else's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from mlops_core.errors import InvalidNameError
from mlops_core.naming import check_model_name

MODELS: Final = "models/"
PACKAGES: Final = "packages/"
_HEAD: Final = "head.json"
_HIGHEST: Final = 10**10
_DIGITS: Final = 10
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_LONGEST_PART: Final = 255


def model_part(model: str) -> str | None:
    """A model's name as one part of a key: verbatim if it obeys the grammar, else percent-encoded.

    Every character outside ``[a-z0-9_-]`` of a name outside the grammar is encoded, so that no name reads like a path,
    differs from another by case only, or is a device on Windows.

    Returns:
        The part; ``None`` for a name that no key can hold, so that no such model exists.
    """
    try:
        check_model_name(model)
    except InvalidNameError:
        part = "".join(
            each if each in _PLAIN and position else "".join(f"%{byte:02x}" for byte in each.encode(errors="replace"))
            for position, each in enumerate(model)
        )
        unicode = model.encode(errors="replace").decode() == model
        return part if unicode and 0 < len(part) <= _LONGEST_PART else None
    return model


def head_key(model: str) -> str | None:
    """The key of a model's head; ``None`` for a name that no key can hold."""
    part = model_part(model)
    return None if part is None else f"{MODELS}{part}/{_HEAD}"


def model_of_head(key: str) -> str | None:
    """The model whose head has a key; ``None`` for the key of something else."""
    part, _, rest = key.removeprefix(MODELS).partition("/")
    model = unquote(part, errors="replace")
    return model if rest == _HEAD and head_key(model) == key else None


def model_of_folder(folder: str) -> str | None:
    """The model whose keys are in a folder of ``models/``; ``None`` for a folder that no model can have."""
    return model_of_head(f"{MODELS}{folder}/{_HEAD}")


def package_prefix(model: str, folder: str) -> str:
    """What the keys of a package's files begin with; the file's path follows."""
    return f"{packages_of(model)}{folder}/"


def packages_of(model: str) -> str:
    """What the keys of all packages of a model begin with."""
    return f"{PACKAGES}{model_part(model)}/"


def documents_of(model: str) -> str:
    """What the keys of all documents of a model begin with; an incarnation's id or the head's name follows."""
    return f"{MODELS}{model_part(model)}/"


@dataclass(frozen=True, slots=True)
class IncarnationKeys:
    """The keys of one incarnation of a model: deleting a model and making it again gives new ones.

    Attributes:
        model: The model's name.
        incarnation: The incarnation's id.
    """

    model: str
    incarnation: str

    @property
    def versions(self) -> str:
        """What the keys of all records begin with."""
        return f"{self._base}versions/"

    @property
    def marks(self) -> str:
        """What the keys of all tags and tombstones begin with, so that one listing gives both."""
        return f"{self._base}t"

    def record(self, version: int) -> str | None:
        """The key of a record; ``None`` for a number that no version can have."""
        if not 0 < version < _HIGHEST:
            return None
        return f"{self.versions}{_HIGHEST - version:0{_DIGITS}}.json"

    def version_of(self, key: str) -> int | None:
        """The number of the version whose record has a key; ``None`` for another key."""
        number = _number(key, self.versions, ".json")
        return None if number is None else _HIGHEST - number

    def tags(self, version: int) -> str:
        """The key of a version's changed tags."""
        return f"{self._base}tags/{version}.json"

    def tombstone(self, version: int) -> str:
        """The key of a version's tombstone."""
        return f"{self._base}tombstones/{version}"

    def version_of_tags(self, key: str) -> int | None:
        """The number of the version whose tags have a key; ``None`` for another key."""
        return _number(key, f"{self._base}tags/", ".json")

    def version_of_tombstone(self, key: str) -> int | None:
        """The number of the version whose tombstone has a key; ``None`` for another key."""
        return _number(key, f"{self._base}tombstones/", "")

    def attempts(self, digest: str) -> str:
        """The key of the numbers at which a digest was tried."""
        return f"{self._base}digests/{digest}"

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What the keys of its documents begin with, one prefix for each kind."""
        return tuple(f"{self._base}{kind}/" for kind in ("versions", "tags", "tombstones", "digests"))

    @property
    def _base(self) -> str:
        return f"{documents_of(self.model)}{self.incarnation}/"


def _number(key: str, prefix: str, suffix: str) -> int | None:
    if not (key.startswith(prefix) and key.endswith(suffix)):
        return None
    digits = key.removeprefix(prefix).removesuffix(suffix)
    return int(digits) if digits.isascii() and digits.isdigit() else None
