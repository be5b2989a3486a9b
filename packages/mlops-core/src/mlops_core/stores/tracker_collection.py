"""Removing what a killed end of a run has left: live segments that were sorted already, and sorted ones of no avail.

Only runs that have ended are touched, whatever their age. The document of such a run says for ever which segments
count: nothing but its tags ever changes again. A reader that has read it before the end, and misses a live segment that
it goes for, reads it again. So nobody can need what is removed, and no clock is asked.

A run that is going on keeps everything: its process may be about to sort. So does one that was killed before it ended,
since nobody can know that it was, and one whose document cannot be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_core.errors import IntegrityError
from mlops_core.stores.collection import Collected, Kept, Leftover
from mlops_core.stores.tracker_layout import RUNS, RunKeys, run_of_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.artifact_store import ArtifactInfo
    from mlops_core.stores.conditional_writes import Documents
    from mlops_core.stores.tracker_documents import RunDocument

COLLECT_GARBAGE: Final = "collect_garbage"
"""The call's name, for messages."""


def collect_runs(documents: Documents, find: Callable[[str], RunDocument | None], *, dry_run: bool) -> Collected:
    """Look at the segments of every run: one listing, and one request for each run that may have too many.

    Args:
        documents: Where they are.
        find: Reads the document of a run by its id.
        dry_run: Remove nothing.
    """
    leftovers: list[Leftover] = []
    kept: list[Kept] = []
    for run_id, folders in _segments(documents).items():
        keys = RunKeys(run_id)
        if len(folders) == 1:
            continue  # only live ones, or sorted ones of one end: they count
        try:
            run = find(run_id)
        except IntegrityError as exc:
            kept.append(Kept(what=keys.metrics, why=f"{exc.where}: {exc.what}"))
            continue
        if run is None or run.status == "running":
            continue
        counts = keys.sorted_folder(run.segments) if run.compacted else keys.live_folder
        for folder in sorted(folders.keys() - {counts}):
            infos = folders[folder]
            if not dry_run:
                for each in infos:
                    documents.trying(lambda each=each: documents.store.delete(each.key))
            size = sum(each.size for each in infos)
            why = "the end of the run was killed"
            leftovers.append(Leftover(what=folder, why=why, objects=len(infos), size=size))
    return Collected(leftovers=tuple(leftovers), kept=tuple(kept), dry_run=dry_run)


def _segments(documents: Documents) -> dict[str, dict[str, list[ArtifactInfo]]]:
    """The objects below ``metrics/`` of every run, by run and by folder."""
    found: dict[str, dict[str, list[ArtifactInfo]]] = {}
    for info in documents.listing(RUNS):
        run_id = run_of_key(info.key)
        if info.key.startswith(RunKeys(run_id).metrics):
            folder = info.key.rpartition("/")[0] + "/"
            found.setdefault(run_id, {}).setdefault(folder, []).append(info)
    return found
