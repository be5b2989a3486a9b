"""``mlops gc``: remove what killed registrations, deletions, ends of runs and writes have left in a backend."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_core.cli.invocation import Invocation
from mlops_core.cli.output import JsonOption, emit, say, size_text, table
from mlops_core.errors import UnsupportedOperationError

if TYPE_CHECKING:
    from mlops_core.ports.backend import BackendFactory
    from mlops_core.stores.collection import Collected
    from mlops_core.stores.registry import StoreModelRegistry
    from mlops_core.stores.tracker import StoreExperimentTracker


def gc(
    context: typer.Context,
    backend: Annotated[str | None, typer.Option(help="The backend, instead of the one of the registry.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, say what would be removed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what no version and no run needs any more; what is younger than a day may be under way, and stays."""
    from mlops_core.stores.collection import Collected
    from mlops_core.stores.registry import GRACE

    with Invocation.of(context).session() as session:
        name = backend or session.backend_name("model_registry")
        opened = session.backend(name)
        keepers = _kept_in_a_store(opened)
        if not keepers:
            raise UnsupportedOperationError(
                f"the adapter {opened.adapter!r} leaves nothing to be removed",
                operation="gc",
                subject=name,
                backend=name,
                why="it keeps no registry and no runs in an artifact store: what is in it is its vendor's business",
                hint="mlops gc --backend NAME, for a backend such as 'local'",
            )
        parts = [each.collect_garbage(dry_run=dry_run) for each in keepers]
    done = Collected(
        leftovers=tuple(each for part in parts for each in part.leftovers),
        kept=tuple(each for part in parts for each in part.kept),
        dry_run=dry_run,
    )
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
        say(f"backend {name!r} holds nothing that nobody needs, but for what is younger than {GRACE.days} day")
    for each in done.kept:
        say(f"left alone: {each.what}: {each.why}")


def _kept_in_a_store(backend: "BackendFactory") -> "list[StoreModelRegistry | StoreExperimentTracker]":
    from mlops_core.stores.registry import StoreModelRegistry
    from mlops_core.stores.tracker import StoreExperimentTracker

    offered = [
        backend.model_registry() if "model_registry" in backend.ports else None,
        backend.experiment_tracker() if "experiment_tracker" in backend.ports else None,
    ]
    return [each for each in offered if isinstance(each, (StoreModelRegistry, StoreExperimentTracker))]


def _text(done: "Collected") -> str:
    if not done.leftovers:
        return ""
    rows = [[each.what, each.why, str(each.objects), size_text(each.size)] for each in done.leftovers]
    verb = "would remove" if done.dry_run else "removed"
    lines = [table(["what", "why", "objects", "size"], rows), f"{verb} {done.objects} objects, {size_text(done.size)}"]
    return "\n".join(lines)
