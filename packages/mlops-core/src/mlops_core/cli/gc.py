"""``mlops gc``: remove what killed registrations, deletions and writes have left in a backend."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_core.cli.invocation import Invocation
from mlops_core.cli.output import JsonOption, emit, say, size_text, table
from mlops_core.errors import UnsupportedOperationError

if TYPE_CHECKING:
    from mlops_core.stores.collection import Collected


def gc(
    context: typer.Context,
    backend: Annotated[str | None, typer.Option(help="The backend, instead of the one of the registry.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, say what would be removed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what no version needs any more."""
    from mlops_core.stores.registry import StoreModelRegistry

    with Invocation.of(context).session() as session:
        name = backend or session.backend_name("model_registry")
        opened = session.backend(name)
        registry = opened.model_registry() if "model_registry" in opened.ports else None
        if not isinstance(registry, StoreModelRegistry):
            raise UnsupportedOperationError(
                f"the adapter {opened.adapter!r} leaves nothing to be removed",
                operation="gc",
                subject=name,
                backend=name,
                why="its registry is not kept in an artifact store: what is in it is its vendor's business",
                hint="mlops gc --backend NAME, for a backend such as 'local'",
            )
        done = registry.collect_garbage(dry_run=dry_run)
    data = {
        "backend": name,
        "dry_run": done.dry_run,
        "objects": done.objects,
        "bytes": done.size,
        "removed": [
            {"what": each.what, "why": each.why, "objects": each.objects, "bytes": each.size} for each in done.leftovers
        ],
        "kept": [{"what": each.what, "why": each.why} for each in done.kept],
    }
    emit(data, _text(done), as_json=as_json)
    if not done.leftovers:
        say(f"backend {name!r} holds nothing that no version needs")
    for each in done.kept:
        say(f"left alone: {each.what}: {each.why}")


def _text(done: "Collected") -> str:
    if not done.leftovers:
        return ""
    rows = [[each.what, each.why, str(each.objects), size_text(each.size)] for each in done.leftovers]
    verb = "would remove" if done.dry_run else "removed"
    lines = [table(["what", "why", "objects", "size"], rows), f"{verb} {done.objects} objects, {size_text(done.size)}"]
    return "\n".join(lines)
