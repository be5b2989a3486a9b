"""``mlops promote``: move an alias, and say what that changes."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_core.cli.invocation import Invocation
from mlops_core.cli.output import JsonOption, emit, table
from mlops_core.cli.records import number_text, version_json

if TYPE_CHECKING:
    from mlops_core.operations.promote import Promotion
    from mlops_core.ports.model_registry import Unchecked


def promote(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="Such as churn:3, churn@challenger, or churn for the latest.")],
    alias: Annotated[str, typer.Option(help="The alias to move, such as champion.")],
    expect: Annotated[
        str | None, typer.Option(help="Move it only if it points at this version now; 'none': at nothing.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Point an alias at a version."""
    from mlops_core.operations import promote as operation

    expected = _expected(expect)
    with Invocation.of(context).session() as session:
        done = operation.promote(session.model_registry, reference, alias=alias, expected=expected)
    data = {
        "model": done.after.model,
        "alias": alias,
        "before": None if done.before is None else version_json(done.before),
        "after": version_json(done.after),
    }
    emit(data, _text(done), as_json=as_json)


def _expected(text: str | None) -> "int | Unchecked | None":
    from mlops_core.ports.model_registry import UNCHECKED

    if text is None:
        return UNCHECKED
    if text == "none":
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    raise typer.BadParameter("a version's number, or none", param_hint="--expect")


def _text(done: "Promotion") -> str:
    before = "nothing" if done.before is None else str(done.before.version)
    lines = [f"{done.after.model}@{done.alias}: {before} -> {done.after.version}"]
    if done.before is not None and done.metrics:
        rows = [[name, number_text(old), "->", number_text(new)] for name, (old, new) in done.metrics.items()]
        lines.append(table([], rows, indent="  "))
    if done.before is not None:
        same_data = done.before.manifest.dataset_digest == done.after.manifest.dataset_digest
        same_columns = done.before.manifest.signature == done.after.manifest.signature
        lines.append(f"  training data {'the same' if same_data else 'changed'}")
        lines.append(f"  signature {'the same' if same_columns else 'changed'}")
    return "\n".join(lines)
