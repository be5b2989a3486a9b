"""The ``mlops`` command (extra ``cli``). One file per verb; :mod:`mlops_core.cli.app` lists them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: What follows ``mlops``; the process's own arguments by default.

    Returns:
        0 ok, 1 failed, 2 wrong usage, 3 verification failed, 4 unsupported by this backend, 5 too many rejects.
    """
    try:
        from mlops_core.cli.app import run
    except ModuleNotFoundError as exc:
        if exc.name != "typer":
            raise
        from mlops_core.errors import extra_not_installed

        sys.stderr.write(f"{extra_not_installed('cli', needed_for='the command', missing='typer')}\n")
        return 1
    return run(sys.argv[1:] if arguments is None else arguments)
