"""What the global options say, and the settings and session that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from mlops_core.sessions import Session
    from mlops_core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The global options of one call of the command."""

    config: Path | None
    use: str | None

    @classmethod
    def of(cls, context: typer.Context) -> Invocation:
        """What the command's callback left in the context of a verb."""
        return cast("Invocation", context.obj)

    def settings(self) -> Settings:
        """The settings.

        Raises:
            ConfigurationError: They are wrong.
        """
        from mlops_core.settings import load_settings

        return load_settings(config=self.config, use=self.use)

    def session(self) -> Session:
        """A session of these settings, to be used in a ``with``.

        Raises:
            ConfigurationError: The settings are wrong.
        """
        from mlops_core.sessions import open_session

        return open_session(settings=self.settings())
