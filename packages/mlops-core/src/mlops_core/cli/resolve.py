"""``mlops resolve``: the version that a reference means now."""

from typing import Annotated

import typer

from mlops_core.cli.invocation import Invocation
from mlops_core.cli.output import JsonOption, emit
from mlops_core.cli.records import pinned_json


def resolve(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="Such as churn, churn:3 or churn@champion.")],
    as_json: JsonOption = False,
) -> None:
    """Print the version that a reference means now, and its digest."""
    from mlops_core.models.references import pin

    with Invocation.of(context).session() as session:
        pinned = pin(session.model_registry, reference)
    emit(pinned_json(pinned), f"{pinned.model}:{pinned.version} {pinned.digest}", as_json=as_json)
