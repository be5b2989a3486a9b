"""References to secrets: settings say where a secret is kept, and it is read at the moment of use, never earlier."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from mlops_core.errors import ConfigurationError

_SECRET_WORD: Final = re.compile(
    r"(^|_)("
    r"[a-z0-9]*(token|password|passwd|passphrase|secret|credential)|pwd|pass|o?auth|authorization|bearer|cookie|jwt|pat|sas"
    r"|sig|signature|(api|access|account|encryption|master|private|secret|shared|signing|ssh|storage|subscription)_?key"
    r"|private_?pem|connection_?string)s?[0-9]*(_|$)"
)
_ABOUT_A_SECRET: Final = re.compile(
    r"_(arn|audience|command|endpoint|env|expiry|file|folder|host|issuer|length|lifetime|limit|manager|method|mode|name"
    r"|path|policy|port|process|provider|region|scheme|scope|seconds|source|timeout|ttl|type|uri|url|version)s?$"
)
_WORD_BORDER: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


class Environment(dict[str, str]):
    """A copy of environment variables whose ``repr`` shows no value: tracebacks can show the locals of a frame."""

    def __repr__(self) -> str:
        return f"<{len(self)} environment variables>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where a secret is kept: an environment variable or a file; exactly one of the two.

    The value is never held, so nothing that prints, pickles or compares a ``Secret`` can show it.

    Attributes:
        env: Name of the environment variable.
        file: Path of a UTF-8 file; line ends at its end do not belong to the secret.
    """

    env: str | None = None
    file: Path | None = None

    def __post_init__(self) -> None:
        if bool(self.env) == bool(self.file):
            raise ConfigurationError("a secret names one environment variable or one file", hint=HOW_TO_REFER)

    @classmethod
    def from_option(cls, value: object, *, key: str, base: Path) -> Secret:
        """Take an option of a backend as a secret, for keys whose names do not say that they are one.

        Args:
            value: A :class:`Secret`, or a table ``{ env = "NAME" }`` or ``{ file = "path" }``.
            key: The option's dotted name, for the message.
            base: The folder against which a relative ``file`` is taken.

        Raises:
            ConfigurationError: It is something else. The message never shows what.
        """
        reference = reference_to(value, base)
        del value  # it may be the secret itself, and tracebacks can show the locals of a frame
        if reference is None:
            raise ConfigurationError(f"{key} must say where a secret is kept", where=key, hint=HOW_TO_REFER)
        return reference

    def reveal(self, environ: Mapping[str, str] | None = None) -> str:
        """Read the secret now.

        Args:
            environ: The environment to read; the process's own by default.

        Raises:
            ConfigurationError: The variable or the file is missing, empty or not readable as text.
        """
        environ = Environment(os.environ if environ is None else environ)
        value, why = self._read(environ)
        if value:
            return value
        hint = f"export {self.env}=..." if self.env else "write the secret into this file, readable by you alone"
        raise ConfigurationError("a secret cannot be read", where=str(self), why=why or "it is empty", hint=hint)

    def _read(self, environ: Mapping[str, str]) -> tuple[str, str]:
        if self.env is not None:
            return environ.get(self.env, ""), "" if self.env in environ else "the variable is not set"
        try:
            return cast("Path", self.file).read_text("utf-8").rstrip("\r\n"), ""
        except OSError as exc:
            return "", exc.strerror or type(exc).__name__
        except UnicodeDecodeError:  # holds the bytes: it must not become the cause of what is raised
            return "", "it is not UTF-8 text"

    def is_there(self, environ: Mapping[str, str] | None = None) -> bool:
        """Whether :meth:`reveal` would find a value."""
        return bool(self._read(os.environ if environ is None else environ)[0])

    def __str__(self) -> str:
        return f"environment variable {self.env}" if self.env else f"file {self.file}"


HOW_TO_REFER: Final = 'write token = { env = "NAME_OF_A_VARIABLE" } or token = { file = "path" }'


def is_secret_key(key: str) -> bool:
    """Whether an option of this name holds a secret: ``db_password``, ``token-1``, ``apiKey``; not ``token_url``."""
    words = _WORD_BORDER.sub("_", key).lower()
    return _SECRET_WORD.search(words) is not None and _ABOUT_A_SECRET.search(words) is None


def reference_to(value: object, base: Path) -> Secret | None:
    """The secret that a value of a settings file refers to; ``None`` for every other value."""
    if isinstance(value, Secret):
        return value
    if not isinstance(value, Mapping):
        return None
    match list(cast("Mapping[str, object]", value).items()):
        case [("env", str(name))] if name:
            return Secret(env=name)
        case [("file", str(name))] if name:
            return Secret(file=base / Path(name).expanduser())
        case _:
            return None
