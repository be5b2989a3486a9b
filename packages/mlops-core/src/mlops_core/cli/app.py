"""The command's verbs, its global options, and what an error becomes: four lines on stderr and an exit code."""

import traceback
from collections.abc import Sequence
from os import environ
from pathlib import Path
from typing import Annotated, Final

import typer
from typer.main import get_command

from mlops_core.cli.doctor import doctor
from mlops_core.cli.gc import gc
from mlops_core.cli.init import init
from mlops_core.cli.invocation import Invocation
from mlops_core.cli.ls import ls
from mlops_core.cli.output import print_error, say
from mlops_core.cli.promote import promote
from mlops_core.cli.report import report
from mlops_core.cli.resolve import resolve
from mlops_core.cli.score import score
from mlops_core.cli.show import show
from mlops_core.cli.train import train
from mlops_core.errors import IntegrityError, MlopsError, TooManyRejectsError, UnsupportedOperationError
from mlops_core.version import __version__

# In the order in which a newcomer needs them. A verb is a function in a file of its own, and a line here.
VERBS: Final = (init, doctor, ls, show, resolve, promote, train, score, report, gc)
EXIT_CODES: Final[dict[type[MlopsError], int]] = {
    IntegrityError: 3,
    UnsupportedOperationError: 4,
    TooManyRejectsError: 5,
}
_INTERRUPTED: Final = 130
_GLOBAL_OPTIONS: Final = ("--config", "--use")

app: Final = typer.Typer(
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they would print the locals of every frame
    rich_markup_mode=None,  # half of the time that --help takes
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def mlops(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="The settings file, instead of the mlops.toml found.")] = None,
    use: Annotated[str | None, typer.Option(help="The backend for every port, instead of what it says.")] = None,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Features, datasets, models and registries; vendors are chosen in mlops.toml."""
    context.obj = Invocation(config=config, use=use)


for _verb in VERBS:
    app.command()(_verb)


def run(arguments: Sequence[str]) -> int:
    """Run the command with these arguments.

    Returns:
        The exit code; see :func:`mlops_core.cli.main`.
    """
    try:
        get_command(app).main(_globals_first(arguments), prog_name="mlops")
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            say("stopped; nothing half-done is kept, and the same command may be run again")
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except MlopsError as error:
        if environ.get("MLOPS_DEBUG") not in {None, "", "0"}:
            traceback.print_exception(error)
        code = next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)
        print_error(error, exit_code=code, as_json="--json" in arguments)
        return code
    return 0


def _globals_first(arguments: Sequence[str]) -> list[str]:
    """The same arguments with ``--config`` and ``--use`` before the verb: people write them where they like."""
    first: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for each in left:
        if each == "--":
            rest += [each, *left]
        elif each in _GLOBAL_OPTIONS:
            first += [each, *([value] if (value := next(left, None)) is not None else [])]
        elif each.startswith(tuple(f"{option}=" for option in _GLOBAL_OPTIONS)):
            first.append(each)
        else:
            rest.append(each)
    return first + rest
