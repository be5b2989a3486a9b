"""What every part of the store's contract shares: fixtures over the author's one, and calls in one short word each."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import pytest

from mlops_core.errors import ArtifactNotFoundError, InvalidNameError, UnsupportedOperationError
from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.testing.contract import Contract
from mlops_core.testing.subjects import StoreUnderTest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.artifact_store import ArtifactStore
    from mlops_core.testing.contract import ContractName
    from mlops_core.testing.subjects import ArtifactStoreBackDoor

KEY: Final = "reports/auc.json"
"""The key of most tests."""
ABSENT: Final = "reports/absent.json"
"""A key that nothing has."""
RIVALS: Final = 6
"""How many threads a race has."""


class ArtifactStorePart(Contract):
    """Base of the parts. The author gives the fixture ``fresh_store``: a callable that makes an empty store.

    Attributes:
        many: How many keys the listings are tried with; set it above the vendor's page size.
    """

    port: ClassVar[ContractName] = "artifact_store"
    many: ClassVar[int] = 30

    @pytest.fixture
    def subject(self, fresh_store: Callable[[], StoreUnderTest]) -> StoreUnderTest:
        """One empty store."""
        return self._made(fresh_store, StoreUnderTest)

    @pytest.fixture
    def store(self, subject: StoreUnderTest) -> ArtifactStore:
        """The instance of ``subject``."""
        return subject.store

    @pytest.fixture
    def back_door(self, subject: StoreUnderTest) -> ArtifactStoreBackDoor:
        """The vendor's own tools on the place of ``subject``."""
        return subject.back_door


def keys(store: ArtifactStore, prefix: str = "", /) -> list[str]:
    """The keys that ``find`` gives, in its order."""
    return [info.key for info in store.find(prefix)]


def contents(store: ArtifactStore, /) -> dict[str, bytes]:
    """Every object's bytes, by key."""
    return {key: store.get(key).data for key in keys(store)}


def read(store: ArtifactStore, key: str = KEY, /, *, start: int = 0) -> bytes:
    """What the stream of an object gives."""
    with store.open(key, start=start) as stream:
        return stream.read()


def assert_missing(store: ArtifactStore, key: str, /) -> None:
    """Check that nobody who reads finds a key."""
    for name, call in readers(store, key).items():
        with pytest.raises(ArtifactNotFoundError) as caught:
            call()
        assert all([caught.value.what, caught.value.why, caught.value.hint]), f"{name}: a part of the message is empty"
    assert key not in keys(store)


def readers(store: ArtifactStore, key: str, /) -> dict[str, Callable[[], object]]:
    """Every call that reads one object, by the method's name."""
    return {
        "get": lambda: store.get(key),
        "get of a range": lambda: store.get(key, start=1, stop=1),
        "open": lambda: store.open(key).close(),
        "stat": lambda: store.stat(key),
    }


def refused_key(put: Callable[[], object], /) -> bool:
    """Whether a store refuses to hold a key, with a message that helps."""
    try:
        put()
    except InvalidNameError as error:
        if all([error.what, error.why, error.hint]):
            return True
        raise
    return False


def takes_conditions(store: ArtifactStore, /) -> bool:
    """Whether a store declares conditional writes; one that does not has to refuse them without writing."""
    if ArtifactStoreCapability.CONDITIONAL_PUT in store.capabilities:
        return True
    store.put("undeclared/old", b"old")
    etag = store.stat("undeclared/old").etag
    calls: list[Callable[[], object]] = [
        lambda: store.put("undeclared/new", b"new", if_absent=True),
        lambda: store.put("undeclared/old", b"new", if_absent=True),
        lambda: store.put("undeclared/old", b"new", if_match=etag),
        lambda: store.put("undeclared/old", b"new", if_match="no etag of it"),
    ]
    for call in calls:
        with pytest.raises(UnsupportedOperationError) as caught:
            call()
        assert caught.value.hint
    assert contents(store) == {"undeclared/old": b"old"}
    return False
