"""The grammar of what users name: models, aliases, tags, and references such as ``churn@champion``.

What *creates* a name obeys the grammar, on every vendor, before any request. What *reads* takes any name that a
vendor may hold, verbatim.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_core.errors import InvalidNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODEL: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
_ALIAS: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LOG_KEY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_TAG_KEY: Final = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_VERSION_LIKE: Final = re.compile(r"v?[0-9]+")
_WINDOWS_DEVICE: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_RESERVED_TAG_PREFIXES: Final = ("mlops.", "mlflow.")
MAX_TAG_VALUE: Final = 4_000
"""Longest value of a tag, in characters."""
MAX_LOG_KEY: Final = 250
"""Longest name of a parameter or a metric, in characters."""


def check_model_name(name: str) -> None:
    """Check the name of a model about to be created.

    Args:
        name: The name as the user gave it; it is never altered.

    Raises:
        InvalidNameError: It is not ``[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?``, has two dots in a row, or is a
            Windows device name.
    """
    _check_is_text(name, "a model's name")
    why = ""
    if not _MODEL.fullmatch(name):
        why = "a model name is 1 to 63 of a-z, 0-9, '.', '_' and '-', and begins and ends with a letter or a digit"
    elif ".." in name:
        why = "a model name has no two dots in a row"
    elif _WINDOWS_DEVICE.fullmatch(name):
        why = "it is a device name on Windows, where no file can be called like that"
    if why:
        raise InvalidNameError(f"{_shown(name)} cannot name a model", why=why, hint=_suggestion(name))


def check_experiment_name(name: str) -> None:
    """Check the name of an experiment about to be created; its grammar is that of models.

    Args:
        name: The name as the user gave it; it is never altered.

    Raises:
        InvalidNameError: It could not name a model either.
    """
    _check_is_text(name, "an experiment's name")
    try:
        check_model_name(name)
    except InvalidNameError as exc:
        why = exc.why.replace("a model name", "an experiment's name")
        raise InvalidNameError(f"{_shown(name)} cannot name an experiment", why=why, hint=exc.hint) from None


def check_log_key(what: str, key: object) -> None:
    """Check the name of a parameter or a metric about to be logged.

    Args:
        what: ``"a metric's name"`` or ``"a parameter's name"``.
        key: The name; compared exactly and never altered.

    Raises:
        InvalidNameError: It is not 1 to 250 characters of parts joined by ``/``, each of which is
            ``[A-Za-z0-9_][A-Za-z0-9_.-]*``.
    """
    if not (isinstance(key, str) and len(key) <= MAX_LOG_KEY and _LOG_KEY.fullmatch(key)):
        why = (
            f"{what} is 1 to {MAX_LOG_KEY} of a-z, A-Z, 0-9, '_', '-' and '.', in parts joined by '/', "
            "none of which begins with '-' or '.'"
        )
        shown = _shown(key) if isinstance(key, str) else f"{key!r:.60}"
        raise InvalidNameError(f"{shown} cannot be {what}", why=why, hint="for example: valid/auc")


def check_alias(alias: str) -> None:
    """Check an alias about to be set.

    Args:
        alias: The alias as the user gave it.

    Raises:
        InvalidNameError: It is not ``[a-z][a-z0-9_-]{0,62}``, or it is ``latest``, ``v<n>`` or all digits, which
            would read like a version.
    """
    _check_is_text(alias, "an alias")
    why = ""
    if alias == "latest" or _VERSION_LIKE.fullmatch(alias):
        why = "'latest', 'v<number>' and plain numbers are not aliases: they would read like a version"
    elif not _ALIAS.fullmatch(alias):
        why = "an alias is 1 to 63 characters of a-z, 0-9, '_' and '-', and begins with a letter"
    if why:
        raise InvalidNameError(f"{_shown(alias)} cannot be an alias", why=why, hint="for example: champion")


def check_tags(tags: Mapping[str, object], *, removing: bool = False) -> None:
    """Check tags about to be set.

    Args:
        tags: Values by key.
        removing: Whether a value may be ``None``, which removes the key.

    Raises:
        InvalidNameError: A key is not ``[a-z][a-z0-9._-]{0,63}`` or begins with ``mlops.`` or ``mlflow.``; a value is
            not text of Unicode, or longer than 4,000 characters.
    """
    for key, value in tags.items():
        check_text("a tag's key", key)
        if not _TAG_KEY.fullmatch(key):
            rule = "a tag's key is 1 to 64 characters of a-z, 0-9, '.', '_' and '-', and begins with a letter"
            raise InvalidNameError(f"{_shown(key)} cannot be a tag's key", why=rule, hint="for example: team")
        if key.startswith(_RESERVED_TAG_PREFIXES):
            rule = "keys that begin with 'mlops.' or 'mlflow.' are reserved"
            raise InvalidNameError(f"{_shown(key)} cannot be a tag's key", why=rule, hint=f"try {'x.' + key!r}")
        if removing and value is None:
            continue
        if not (isinstance(value, str) and len(value) <= MAX_TAG_VALUE):
            rule = f"a tag's value is text of at most {MAX_TAG_VALUE:,} characters"
            raise InvalidNameError(
                f"the value of tag {key!r} cannot be stored", why=rule, hint="str(value), or log a file"
            )
        check_text(f"the value of tag {key!r}", value)


def check_text(what: str, value: object) -> None:
    """Check something that a record holds as text, such as the id of a run.

    Raises:
        InvalidNameError: It is not text, not Unicode, or holds the character NUL, which some databases cannot keep.
    """
    if not isinstance(value, str):
        why = f"it is text, not {value!r:.60}"
        raise InvalidNameError(f"{what} cannot be stored", why=why, hint="str(value), or value.decode() for bytes")
    if any("\ud800" <= each <= "\udfff" for each in value):
        why = "it is not Unicode: it holds a lone surrogate"
        raise InvalidNameError(f"{what} cannot be stored", why=why, hint="text.encode(errors='replace').decode()")
    if "\0" in value:
        why = "it holds the character NUL, which not every backend can keep"
        raise InvalidNameError(f"{what} cannot be stored", why=why, hint="text.replace('\\0', '')")


def _check_is_text(value: object, what: str) -> None:
    if not isinstance(value, str):
        raise InvalidNameError(f"{value!r:.60} is not {what}", why=f"{what} is text", hint="str(value)")


def check_version(version: object) -> None:
    """Check the number of a version; ``True`` is none.

    Raises:
        InvalidNameError: It is not an integer, or it is negative.
    """
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        why = f"it is an integer from 0 on, not {version!r:.60}"
        raise InvalidNameError("this is no number of a version", why=why, hint="for example: 3, or int(text)")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model, one of its versions, or one of its aliases, as a user writes it.

    ``churn`` is the latest version, ``churn:3`` the third, ``churn@champion`` the one that the alias points at.
    """

    model: str
    version: int | None = None
    alias: str | None = None

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Read a reference.

        Args:
            text: Such as ``"churn"``, ``"churn:3"`` or ``"churn@champion"``. The name may be any that a vendor holds.

        Raises:
            InvalidNameError: The name or what follows ``@`` is empty, or ``@latest`` was written.
        """
        model, at, alias = text.rpartition("@")
        if at:
            if alias == "latest":
                why = "'latest' is not an alias: a bare name means the latest version"
                raise InvalidNameError(f"{_shown(text)} names no version", why=why, hint=f"write {model!r}")
            if model and alias:
                return cls(model, alias=alias)
        else:
            model, colon, number = text.rpartition(":")
            if colon and model and number.isascii() and number.isdigit():
                return cls(model, version=int(number))
            if text and not text.endswith(":"):
                return cls(text)
        why = "a reference is a model's name, name:version or name@alias"
        raise InvalidNameError(f"{_shown(text)} is not a reference", why=why, hint="for example: churn@champion")

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.model}:{self.version}"
        return f"{self.model}@{self.alias}" if self.alias else self.model


def _shown(text: str) -> str:
    longest = 60
    return repr(text) if len(text) <= longest else repr(text[:longest]) + "..."


def _suggestion(name: str) -> str:
    better = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")
    return f"try {better!r}" if better and not _WINDOWS_DEVICE.fullmatch(better) else "for example: late-flight"
