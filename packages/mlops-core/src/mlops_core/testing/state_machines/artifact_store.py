"""The state machine of the artifact store."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from mlops_core.ports.artifact_store import ArtifactStoreCapability
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore
from mlops_core.testing import strategies
from mlops_core.testing.state_machines.outcomes import Gave, check_same, outcome
from mlops_core.testing.state_machines.running import ComparingMachine, leaving_out, run_machine
from mlops_core.testing.state_machines.wrong_calls import WrongCall, wrong_store_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mlops_core.ports.artifact_store import Artifact, ArtifactInfo, ArtifactStore
    from mlops_core.testing.subjects import StoreUnderTest

How: TypeAlias = Literal["bytes", "stream", "if_absent", "if_match", "delete"]
_TWINS: Final = 4
_OTHERS: Final = 2
_key = st.integers(0, _TWINS + _OTHERS - 1)
_content = st.sampled_from((b"", b"a", b"b" * 1000, b"\r\n\0", b"big" * 100_000)) | st.binary(max_size=40)
_place = st.sampled_from((0, 1, 2, 40, 10**9))


@dataclass(frozen=True)
class _Written:
    """One write: the content, and the etag that each side gave it."""

    data: bytes
    adapter: str
    memory: str


class ArtifactStoreMachine(ComparingMachine):
    """Drives a store and :class:`MemoryArtifactStore` with the same calls.

    Args:
        subject: An empty store.
    """

    def __init__(self, subject: StoreUnderTest) -> None:
        super().__init__()
        self.stores: list[ArtifactStore] = [subject.store, subject.another()]
        self.memory: MemoryArtifactStore = MemoryArtifactStore()
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
        data=_content,
    )
    def begin(self, twins: list[str], others: list[str], data: bytes) -> None:
        """A few keys, so that the same one is met often, and some objects to begin with."""
        self.keys = [*twins, *others]
        for key in self.keys[::2]:
            self._put(key, data, lambda store, key=key: store.put(key, data))

    @rule(number=_key, data=_content, how=st.sampled_from(("bytes", "stream", "if_absent", "if_match", "delete")))
    def write(self, number: int, data: bytes, how: How) -> None:
        """Store with and without a condition, or remove."""
        key = self.keys[number]
        if how == "delete":
            self._compare("delete", key, lambda store: store.delete(key))
        elif how == "stream":
            self._put(key, data, lambda store: store.put(key, io.BytesIO(data)))
        elif how == "bytes" or not self.conditional:
            self._put(key, data, lambda store: store.put(key, data))
        elif how == "if_absent":
            self._put(key, data, lambda store: store.put(key, data, if_absent=True))
        else:
            self._replace(key, data)

    @rule(number=_key, start=_place, length=_place | st.none())
    def read(self, number: int, start: int, length: int | None) -> None:
        """Read whole or in part, as a stream, or only look."""
        self._read_object(number, start, length)

    @rule(number=_key, end=st.integers(0, 12))
    def find(self, number: int, end: int) -> None:
        """List what begins like a key, and the folders above it."""
        prefix = self.keys[number][:end]
        folder = prefix[: prefix.rfind("/") + 1]
        self._compare("find", prefix, lambda store: [each.key for each in store.find(prefix)])
        self._compare("folders", folder, lambda store: list(store.folders(folder)))

    @rule(wrong=wrong_store_calls())
    def refuse(self, wrong: WrongCall[ArtifactStore]) -> None:
        """A key outside the grammar is refused alike."""
        self._compare(repr(wrong), "wrong", wrong.make)

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
        for number in range(0 if self.failed else len(self.keys)):
            self._read_object(number, 0, None)

    def _read_object(self, number: int, start: int, length: int | None) -> None:
        key, stop = self.keys[number], None if length is None else start + length
        self._compare(f"get, {start=}, {stop=}", key, lambda store: _read(store.get(key, start=start, stop=stop)))
        self._compare(f"open, {start=}", key, lambda store: _read_stream(store.open(key, start=start)))
        self._compare("stat", key, lambda store: store.stat(key).size)

    def _replace(self, key: str, data: bytes) -> None:
        """Replace what a write has left, which may be gone or replaced since."""
        contents = list(dict.fromkeys(each.data for each in self.history.get(key, [])))
        if not contents:
            return
        # The oldest content's newest write: whether equal bytes have one etag is the vendor's choice.
        known = next(each for each in reversed(self.history[key]) if each.data == contents[-1 if len(data) % 2 else 0])

        def put(store: ArtifactStore) -> ArtifactInfo:
            return store.put(key, data, if_match=known.memory if store is self.memory else known.adapter)

        self._put(key, data, put)

    def _put(self, key: str, data: bytes, put: Callable[[ArtifactStore], ArtifactInfo]) -> None:
        what = f"put({key!r}, {data!r:.60})"
        adapter, memory = outcome(lambda: put(self.store)), outcome(lambda: put(self.memory))
        if not (isinstance(adapter, Gave) and isinstance(memory, Gave)):
            check_same(what, adapter, memory)
            return
        check_same(what, (adapter.value.key, adapter.value.size), (key, len(data)))
        for before in self.history.get(key, []):
            same = before.data == data
            assert same or before.adapter != adapter.value.etag, f"{key!r}: two contents have one etag"
        self.history.setdefault(key, []).append(_Written(data, adapter.value.etag, memory.value.etag))

    def _compare(self, what: str, key: str, call: Callable[[ArtifactStore], object]) -> None:
        check_same(f"{what} of {key!r}", outcome(lambda: call(self.store)), outcome(lambda: call(self.memory)))


def check_artifact_store(
    fresh: Callable[[], StoreUnderTest], *, programmes: int, without: Collection[str] = ()
) -> None:
    """Compare a store with the memory store over random programmes.

    Args:
        fresh: Makes an empty store.
        programmes: How many programmes of about thirty calls; ``MLOPS_TEST_PROGRAMMES`` overrides it.
        without: Names of rules of :class:`ArtifactStoreMachine` that are left out; the contract leaves out none.
    """
    __tracebackhide__ = True
    machine = leaving_out(ArtifactStoreMachine, without)
    run_machine(lambda: machine(fresh()), programmes=programmes)


def _read(found: Artifact) -> tuple[bytes, int]:
    return found.data, found.info.size


def _read_stream(stream: BinaryIO) -> bytes:
    with stream:
        return stream.read()
