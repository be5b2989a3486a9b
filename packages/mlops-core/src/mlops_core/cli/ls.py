"""``mlops ls``: the models of the registry, or the versions of one model."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_core.cli.invocation import Invocation
from mlops_core.cli.output import JsonOption, emit, say, size_text, table
from mlops_core.cli.records import metrics_text, time_text, version_json

if TYPE_CHECKING:
    from mlops_core.ports.model_registry import ModelRegistry


def ls(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="List the versions of this model, newest first.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many versions.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List models, or the versions of one."""
    with Invocation.of(context).session() as session:
        if model is None:
            _models(session.model_registry, session.backend_name("model_registry"), as_json=as_json)
        else:
            _versions(session.model_registry, model, limit, as_json=as_json)


def _models(registry: "ModelRegistry", backend: str, *, as_json: bool) -> None:
    models = list(registry.models())
    rows = [
        [each.name, ", ".join(f"{alias} -> {version}" for alias, version in sorted(each.aliases.items()))]
        for each in models
    ]
    data = [{"name": each.name, "aliases": dict(each.aliases), "url": each.url} for each in models]
    emit({"models": data}, table(["model", "aliases"], rows) if rows else "", as_json=as_json)
    if not models:
        say(f"backend {backend!r} holds no models yet")


def _versions(registry: "ModelRegistry", model: str, limit: int, *, as_json: bool) -> None:
    records = list(islice(registry.versions(model), limit + 1))
    shown = records[:limit]
    rows = [
        [
            str(each.version),
            time_text(each.created_at),
            ", ".join(each.aliases),
            metrics_text(each.metrics),
            size_text(each.manifest.size),
            each.digest[:12],
        ]
        for each in shown
    ]
    data = [version_json(each) for each in shown]
    head = ["version", "created", "aliases", "metrics", "size", "digest"]
    emit(
        {"model": model, "versions": data, "complete": len(records) <= limit},
        table(head, rows) if rows else "",
        as_json=as_json,
    )
    if len(records) > limit:
        say(f"there are more than {limit}: --limit {limit * 10} shows more")
    elif not records:
        say(f"{model!r} has no live versions")
