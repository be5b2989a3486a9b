"""The options of a backend with ``adapter = "acme"``, checked before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_core.errors import ConfigurationError
from mlops_core.secret import Secret  # noqa: TC002 (read_options looks up the types of the fields)
from mlops_core.settings.options import read_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_core.ports.backend import OptionValue


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeOptions:
    """The options, as they stand in ``mlops.toml``.

    Attributes:
        path: The file of the vault: absolute, below the home folder (``~``), or relative to the settings' folder.
        token: Where the token is kept.
    """

    path: str
    token: Secret


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
            options: See :class:`AcmeOptions`.
            base: The folder against which relative paths are taken.

        Raises:
            ConfigurationError: An option is unknown, missing or wrong.
        """
        given = read_options(AcmeOptions, options, backend=name, adapter="acme", base=base)
        if not given.path.strip() or "\0" in given.path:
            where = f"backend {name!r}, adapter 'acme'"
            hint = 'path = "models.vault"'
            raise ConfigurationError("the option 'path' is not a path", where=where, why="it names a file", hint=hint)
        return cls(name=name, path=base / Path(given.path).expanduser(), token=given.token)
