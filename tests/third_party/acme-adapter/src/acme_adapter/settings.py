"""The options of a backend with ``adapter = "acme"``, checked before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_core.errors import ConfigurationError, near_matches
from mlops_core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.ports.backend import OptionValue

_OPTIONS: Final = ("path", "token")


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeSettings:
    """What the adapter needs to know.

    Attributes:
        name: The configured name of the backend, for messages.
        path: The file of the vault.
        token: Where the token is kept.
    """

    name: str
    path: Path
    token: Secret

    @classmethod
    def read(cls, name: str, options: Mapping[str, OptionValue], *, base: Path) -> AcmeSettings:
        """Check the options of a backend.

        Args:
            name: The configured name.
            options: ``path``, the file of the vault, absolute, below the home folder (``~``) or relative to ``base``;
                and ``token``, a reference to a secret.
            base: The folder against which relative paths are taken.

        Raises:
            ConfigurationError: An option is unknown, missing or wrong.
        """
        where = f"backend {name!r}, adapter 'acme'"
        for option in options:
            if option not in _OPTIONS:
                why = f"the adapter 'acme' has the options {' and '.join(_OPTIONS)}"
                hint = near_matches(option, _OPTIONS)
                raise ConfigurationError(f"unknown option {option!r}", where=where, why=why, hint=hint)
        path = options.get("path")
        if not isinstance(path, str) or not path.strip() or "\0" in path:
            what = "the option 'path' is missing" if path is None else "the option 'path' is not a path"
            raise ConfigurationError(what, where=where, why="it is the file of the vault", hint='path = "models.vault"')
        if options.get("token") is None:
            hint = 'token = { env = "ACME_TOKEN" }'
            raise ConfigurationError("the option 'token' is missing", where=where, why="it says who asks", hint=hint)
        token = Secret.from_option(options["token"], key=f"backends.{name}.token", base=base)
        return cls(name=name, path=base / Path(path).expanduser(), token=token)
