"""The refusals of an artifact store, worded once for every store."""

from __future__ import annotations

from mlops_core.errors import AlreadyExistsError, ArtifactNotFoundError, ConflictError


def no_object(key: str, *, operation: str, backend: str, why: str) -> ArtifactNotFoundError:
    """The error for a key that nothing has."""
    return ArtifactNotFoundError(
        f"no object {key!r}",
        operation=operation,
        subject=key,
        backend=backend,
        why=why,
        hint="list what is there with find()",
    )


def exists_already(key: str, *, backend: str) -> AlreadyExistsError:
    """The error for ``if_absent`` where something is."""
    return AlreadyExistsError(
        f"{key!r} exists already",
        operation="put",
        subject=key,
        backend=backend,
        why="the write was to create it",
        hint="read what is there, or choose another key",
    )


def not_what_was_read(key: str, *, backend: str, gone: bool) -> ConflictError:
    """The error for ``if_match`` where something else is, or nothing."""
    return ConflictError(
        f"{key!r} is not what was read",
        operation="put",
        subject=key,
        backend=backend,
        why="it is gone" if gone else "it was changed meanwhile",
        hint="read it again and decide anew",
    )
