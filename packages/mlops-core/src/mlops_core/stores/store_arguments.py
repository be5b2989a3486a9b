"""What every artifact store does with the arguments of a call before any request; keys have a module of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from mlops_core.errors import UnsupportedOperationError
from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.stores.keys import check_key

if TYPE_CHECKING:
    from mlops_core.ports.artifact_store import ArtifactStore

MAX_CONDITIONAL_BYTES: Final = 5 << 30
"""The most that can be written under a condition, in bytes: what vendors take in one request."""


def check_put(
    store: ArtifactStore, key: str, data: bytes | BinaryIO, *, if_absent: bool, if_match: str | None, backend: str
) -> None:
    """Check the arguments of ``put``, as :meth:`ArtifactStore.put` describes them.

    Args:
        store: Whose capabilities count.
        key: Where.
        data: What is to be stored; nothing of it is read.
        if_absent: The condition.
        if_match: The other condition.
        backend: The configured name, for messages.

    Raises:
        InvalidNameError: The key breaks the grammar.
        ValueError: Both conditions at once.
        UnsupportedOperationError: A condition without ``CONDITIONAL_PUT``, or a stream or more than 5 GiB with one.
    """
    check_key(key)
    if not if_absent and if_match is None:
        return
    if if_absent and if_match is not None:
        raise ValueError("if_absent and if_match exclude each other")
    why = hint = ""
    if ArtifactStoreCapability.CONDITIONAL_PUT not in store.capabilities:
        why = "this store has no conditional writes: somebody else could write between a check and the write"
        hint = "write without a condition, or use a store that declares CONDITIONAL_PUT, such as the adapter 'local'"
    elif not (isinstance(data, bytes) and len(data) <= MAX_CONDITIONAL_BYTES):
        why = "a conditional write takes bytes, at most 5 GiB, and no stream"
        hint = "store the stream under a new key first, then write a small object that names it"
    if why:
        raise UnsupportedOperationError(
            f"cannot store {key!r} under a condition",
            operation="put",
            subject=key,
            backend=backend,
            why=why,
            hint=hint,
        )


def check_range(start: int, stop: int | None = None) -> None:
    """Check positions in an object.

    Raises:
        ValueError: One of them is negative.
    """
    if start < 0 or (stop is not None and stop < 0):
        raise ValueError("start and stop count from the beginning of the object, so they are not negative")
