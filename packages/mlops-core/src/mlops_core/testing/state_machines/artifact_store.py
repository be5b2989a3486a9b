"""The state machine of the artifact store."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore
from mlops_core.testing import strategies
from mlops_core.testing.state_machines.outcomes import Gave, check_same, outcome
from mlops_core.testing.state_machines.running import run_machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo, ArtifactStore
    from mlops_core.testing.subjects import StoreUnderTest

_TWINS: Final = 5
_OTHERS: Final = 3
_key = st.integers(0, _TWINS + _OTHERS - 1)
_content = st.sampled_from((b"", b"a", b"b" * 1000, b"\r\n\0", b"big" * 100_000)) | st.binary(max_size=40)
_place = st.integers(0, 45) | st.just(10**9)
_prefix_end = st.integers(0, 12)


@dataclass(frozen=True)
class _Written:
    """One write: the content, and the etag that each side gave it."""

    data: bytes
    adapter: str
    memory: str


class ArtifactStoreMachine(RuleBasedStateMachine):
    """Drives a store and :class:`MemoryArtifactStore` with the same calls.

    Args:
        subject: An empty store.
    """

    def __init__(self, subject: StoreUnderTest) -> None:
        super().__init__()
        self.stores: list[ArtifactStore] = [subject.store, subject.another()]
        self.memory = MemoryArtifactStore()
        self.keys: list[str] = []
        self.history: dict[str, list[_Written]] = {}

    @property
    def store(self) -> ArtifactStore:
        """The instance whose turn it is: one acts, then the other one reads and is the next to act."""
        return self.stores[0]

    @property
    def conditional(self) -> bool:
        """Whether conditions are declared."""
        return ArtifactStoreCapability.CONDITIONAL_PUT in self.stores[0].capabilities

    @initialize(
        twins=st.lists(strategies.twin_keys(), min_size=_TWINS, max_size=_TWINS, unique=True),
        others=st.lists(strategies.keys(), min_size=_OTHERS, max_size=_OTHERS),
    )
    def choose_keys(self, twins: list[str], others: list[str]) -> None:
        """A few keys, so that the same one is met often."""
        self.keys = [*twins, *others]

    @rule(number=_key, data=_content, stream=st.booleans())
    def put(self, number: int, data: bytes, *, stream: bool) -> None:
        """Store without a condition."""
        self._put(self.keys[number], data, lambda store, key: store.put(key, io.BytesIO(data) if stream else data))

    @precondition(lambda self: self.conditional)
    @rule(number=_key, data=_content)
    def put_if_absent(self, number: int, data: bytes) -> None:
        """Create."""
        self._put(self.keys[number], data, lambda store, key: store.put(key, data, if_absent=True))

    @precondition(lambda self: self.conditional and self.history)
    @rule(number=_key, data=_content, back=st.integers(1, 3))
    def put_if_match(self, number: int, data: bytes, back: int) -> None:
        """Replace what an earlier write has left, which may be gone or replaced since."""
        written = self.history.get(self.keys[number], [])[-back:]
        if not written:
            return
        known = written[0]
        # Whether equal bytes that were put again have the etag that they had is the vendor's choice.
        known = next(each for each in reversed(self.history[self.keys[number]]) if each.data == known.data)

        def put(store: ArtifactStore, key: str) -> ArtifactInfo:
            etag = known.memory if store is self.memory else known.adapter
            return store.put(key, data, if_match=etag)

        self._put(self.keys[number], data, put)

    @rule(number=_key, start=_place, stop=st.none() | _place)
    def get(self, number: int, start: int, stop: int | None) -> None:
        """Read whole or in part."""
        self._compare(
            f"get, {start=}, {stop=}", number, lambda store, key: _read(store.get(key, start=start, stop=stop))
        )

    @rule(number=_key, start=_place)
    def open(self, number: int, start: int) -> None:
        """Read as a stream."""

        def read(store: ArtifactStore, key: str) -> bytes:
            with store.open(key, start=start) as stream:
                return stream.read()

        self._compare(f"open, {start=}", number, read)

    @rule(number=_key)
    def stat(self, number: int) -> None:
        """Look without reading."""
        self._compare("stat", number, lambda store, key: store.stat(key).size)

    @rule(number=_key)
    def delete(self, number: int) -> None:
        """Remove, or remove again."""
        self._compare("delete", number, lambda store, key: store.delete(key))

    @rule(number=_key, end=_prefix_end)
    def find(self, number: int, end: int) -> None:
        """List what begins like a key."""
        prefix = self.keys[number][:end]
        found, expected = ([each.key for each in store.find(prefix)] for store in (self.store, self.memory))
        check_same(f"find({prefix!r})", found, expected)

    @rule(number=_key, depth=st.integers(0, 3))
    def folders(self, number: int, depth: int) -> None:
        """List folders at some depth of a key."""
        parts = self.keys[number].split("/")[:-1][:depth]
        prefix = "".join(f"{part}/" for part in parts)
        found, expected = (list(store.folders(prefix)) for store in (self.store, self.memory))
        check_same(f"folders({prefix!r})", found, expected)

    @rule(key=strategies.invalid_keys(), method=st.sampled_from(("put", "get", "open", "stat", "delete")))
    def refuse(self, key: str, method: str) -> None:
        """A key outside the grammar is refused alike."""

        def call(store: ArtifactStore) -> object:
            return store.put(key, b"") if method == "put" else getattr(store, method)(key)

        check_same(f"{method}({key!r:.80})", outcome(lambda: call(self.store)), outcome(lambda: call(self.memory)))

    @invariant()
    def listings_agree(self) -> None:
        """Complete listings are equal, and say what ``stat`` and ``put`` have said."""
        self.stores.reverse()
        found = list(self.store.find())
        check_same("find()", [(each.key, each.size) for each in found], [(i.key, i.size) for i in self.memory.find()])
        for each in found:
            stat = self.store.stat(each.key)
            assert (stat.size, stat.etag) == (each.size, each.etag), f"find() and stat() of {each.key!r} differ"
            assert each.etag == self.history[each.key][-1].adapter, f"{each.key!r} has another etag than put gave"
            assert each.modified_at.tzinfo is not None, f"the time of {each.key!r} is naive"

    def teardown(self) -> None:
        """Every object once more, whole and as a stream."""
        for number in range(len(self.keys)):
            self.get(number, 0, None)
            self.open(number, 0)

    def _put(self, key: str, data: bytes, put: Callable[[ArtifactStore, str], ArtifactInfo]) -> None:
        store = self.store
        adapter, memory = outcome(lambda: put(store, key)), outcome(lambda: put(self.memory, key))
        if not (isinstance(adapter, Gave) and isinstance(memory, Gave)):
            check_same(f"put({key!r}, {data!r:.60})", adapter, memory)
            return
        check_same(f"put({key!r}, {data!r:.60})", (adapter.value.key, adapter.value.size), (key, len(data)))
        for before in self.history.get(key, []):
            same = before.data == data
            assert same or before.adapter != adapter.value.etag, f"{key!r}: two contents have one etag"
        written = _Written(data, adapter.value.etag, memory.value.etag)
        self.history.setdefault(key, []).append(written)

    def _compare(self, what: str, number: int, call: Callable[[ArtifactStore, str], object]) -> None:
        key, store = self.keys[number], self.store
        check_same(f"{what} of {key!r}", outcome(lambda: call(store, key)), outcome(lambda: call(self.memory, key)))


def check_artifact_store(fresh: Callable[[], StoreUnderTest], *, programmes: int) -> None:
    """Compare a store with the memory store over random programmes.

    Args:
        fresh: Makes an empty store.
        programmes: How many programmes of about thirty calls; ``MLOPS_TEST_PROGRAMMES`` overrides it.
    """
    run_machine(lambda: ArtifactStoreMachine(fresh()), programmes=programmes)


def _read(found: Artifact) -> tuple[bytes, int]:
    return found.data, found.info.size
