"""Deleting versions and models, so that what is deleted never resolves, wherever a deletion was killed.

A version is deleted when the head says so: one compare-and-set takes its aliases out of the head and marks it
``deleting``. From then on nobody who reads gives it, and no alias can be set to it. Then come its tombstone, the
removal of its files, and a second compare-and-set that takes the mark out, so that the head stays small. So ``resolve``
needs one read. The head counts the deletions that have begun: a version that was live at a count is live as long as the
count stands, so that setting an alias need not look for its tombstone. A deletion that was killed half way is finished
by calling it again, or by ``gc``.

A model without ``force`` is deleted in two writes: ``closing``, a look for live versions, ``deleted``. A registration
that finds the first rewrites the head, which makes the second fail and the deletion look again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlops_core.errors import ConflictError, IntegrityError, ModelNotFoundError
from mlops_core.stores.registry_state import TOMBSTONE, keys_of

if TYPE_CHECKING:
    from mlops_core.stores.registry_documents import Head
    from mlops_core.stores.registry_state import RegistryState


def delete_version(state: RegistryState, model: str, version: int) -> None:
    """Delete a version, its aliases and its files; deleting what is not there is fine.

    Raises:
        ModelNotFoundError: No such model.
    """
    head = state.head(model, "delete_version")
    keys = keys_of(head)
    key = keys.record(version)
    if key is None or not state.documents.exists(key):
        return
    if version not in head.deleting and state.documents.exists(keys.tombstone(version)):
        return

    def mark(now: Head) -> Head:
        aliases = {name: target for name, target in now.aliases.items() if target.version != version}
        begun = version in now.deleting
        return replace(
            now, aliases=aliases, deleting=now.deleting | {version}, deletions=now.deletions + (0 if begun else 1)
        )

    def unmark(now: Head) -> Head:
        return replace(now, deleting=now.deleting - {version})

    state.edit_head(model, head.incarnation, "delete_version", mark)
    state.documents.create(keys.tombstone(version), TOMBSTONE)
    _delete_files(state, head, version)
    try:
        state.edit_head(model, head.incarnation, "delete_version", unmark)
    except ModelNotFoundError:
        return  # the model was deleted meanwhile, and the version with it


def delete_model(state: RegistryState, model: str, *, force: bool) -> None:
    """Delete a model, its versions and their files; deleting what is not there is fine.

    Raises:
        ConflictError: It has live versions and ``force`` is not given.
    """
    for _ in state.rounds(model, "delete_model"):
        found = state.find_head(model)
        if found is None or found[0].deleted:
            return
        head, etag = found
        if not force:
            _refuse_if_live(state, head)
            closing = state.replace_head(replace(head, closing=True), etag)
            if closing is None:
                continue
            _refuse_if_live(state, head)
            etag = closing
        gone = replace(head, aliases={}, deleting=frozenset[int](), deleted=True, closing=False)
        if state.replace_head(gone, etag) is not None:
            for number in state.versions(head):
                _delete_files(state, head, number)
            return


def _delete_files(state: RegistryState, head: Head, version: int) -> None:
    try:
        record = state.record(head, version)
    except IntegrityError:
        return  # a damaged record does not say which files are its own: gc removes what no record names
    if record is not None:
        state.delete_files(record)


def _refuse_if_live(state: RegistryState, head: Head) -> None:
    live = state.live_versions(head)
    if live:
        raise ConflictError(
            f"{head.model!r} was not deleted",
            operation="delete_model",
            subject=head.model,
            backend=state.backend,
            why=f"it has {len(live)} live version{'s' if len(live) > 1 else ''}",
            hint="delete them first, or pass force=True",
        )
