"""Promise ``a_condition_has_one_winner``, and the capability that it stands on."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Literal, TypedDict

import pytest

from mlops_core.errors import AlreadyExistsError, ArtifactNotFoundError, ConflictError, UnsupportedOperationError
from mlops_core.testing.artifact_store.base import (
    ABSENT,
    KEY,
    RIVALS,
    ArtifactStorePart,
    assert_missing,
    contents,
    takes_conditions,
)
from mlops_core.testing.threads import all_at_once, errors_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_core.ports.artifact_store import ArtifactInfo, ArtifactStore
    from mlops_core.testing.subjects import ArtifactStoreBackDoor, StoreUnderTest

_ROUNDS = 6
_DELETIONS = 64
_LONG_TO_CHECK = 200_000
"""Bytes of an object: a store that hashes it takes its time between check and write."""


class _Condition(TypedDict, total=False):
    if_absent: bool
    if_match: str


class Conditions(ArtifactStorePart):
    """Writes that happen only if something holds. A store that does not declare them refuses them in each test."""

    def test_capability_conditional_put(self, subject: StoreUnderTest) -> None:
        """Declared: of several who create or replace at once exactly one succeeds. Undeclared: nobody may even try.

        If this fails: the adapter checks the condition itself, before it writes, where only the vendor can; or it
        ignores a condition that it does not declare.
        """
        store = subject.store
        if not takes_conditions(store):
            return
        for number in range(_ROUNDS):
            key = f"race/{number}"
            for condition in ("if_absent", "if_match"):
                before = None if condition == "if_absent" else store.stat(key).etag
                outcomes = self._race(subject, key, before)
                winner = _only_winner(outcomes, AlreadyExistsError if before is None else ConflictError)
                assert store.get(key).data == _written_by(condition, winner)
                assert store.stat(key).etag == _etag_of(outcomes[winner])

    def test_a_condition_has_one_winner(self, subject: StoreUnderTest) -> None:
        """Many who add one to one number, each with what it has read as its condition, lose nothing.

        If this fails: between the check and the write somebody else can write.
        """
        store = subject.store
        if not takes_conditions(store):
            return
        store.put(KEY, b"0")

        def count() -> int:
            own, lost = subject.another(), 0
            for _ in range(_ROUNDS):
                while True:
                    found = own.get(KEY)
                    try:
                        own.put(KEY, b"%d" % (int(found.data) + 1), if_match=found.info.etag)
                        break
                    except ConflictError:
                        lost += 1
            return lost

        outcomes = all_at_once([count] * 4)
        assert [each for each in outcomes if not isinstance(each, int)] == []
        assert int(store.get(KEY).data) == 4 * _ROUNDS

    def test_a_condition_has_one_winner__if_absent(
        self, store: ArtifactStore, back_door: ArtifactStoreBackDoor
    ) -> None:
        """What exists is not created, whoever made it and however small it is; what was removed can be.

        If this fails: the vendor ignores the condition, or its refusal is not translated to ``AlreadyExistsError``.
        """
        if not takes_conditions(store):
            return
        created = store.put(KEY, b"", if_absent=True)
        assert store.stat(KEY).etag == created.etag
        back_door.write("by hand", b"")
        for key in (KEY, "by hand"):
            before = store.stat(key)
            with pytest.raises(AlreadyExistsError) as caught:
                store.put(key, b"refused", if_absent=True)
            _assert_tells(caught.value, key)
            assert store.stat(key) == before
        store.delete(KEY)
        store.put(KEY, b"again", if_absent=True)
        assert contents(store) == {"by hand": b"", KEY: b"again"}

    @pytest.mark.parametrize("size", [1, 300_001])
    def test_a_condition_has_one_winner__if_match(
        self, store: ArtifactStore, back_door: ArtifactStoreBackDoor, size: int
    ) -> None:
        """Only what still has the etag is replaced; what was changed or is gone is a ``ConflictError``.

        If this fails: the vendor ignores the condition; a missing key is reported as missing, or created; or the etag
        that is given is not in the form in which the vendor wants it back.
        """
        if not takes_conditions(store):
            return
        first = store.put(KEY, b"1" * size).etag
        second = store.put(KEY, b"2" * size, if_match=first).etag
        assert store.get(KEY).data == b"2" * size
        listed = next(iter(store.find(KEY))).etag
        third = store.put(KEY, b"3" * size, if_match=listed).etag
        back_door.write("by hand", b"1")
        store.put("by hand", b"2", if_match=store.get("by hand").info.etag)
        for key, stale in ((KEY, first), (KEY, second), (KEY, "no etag of anything"), (KEY, ""), (ABSENT, third)):
            with pytest.raises(ConflictError) as caught:
                store.put(key, b"refused", if_match=stale)
            _assert_tells(caught.value, key)
        store.delete(KEY)
        for key in (KEY, f"{KEY}/below"):
            with pytest.raises(ConflictError):
                store.put(key, b"refused", if_match=third)
        assert contents(store) == {"by hand": b"2"}
        assert_missing(store, KEY)

    def test_a_condition_has_one_winner__of_contents_not_of_writes(self, store: ArtifactStore) -> None:
        """An etag of another content never matches; one of the same bytes, put anew, may match or not.

        If this fails: an etag is used again for other bytes, such as a counter that starts anew with each object.
        """
        if not takes_conditions(store):
            return
        first = store.put(KEY, b"same").etag
        store.delete(KEY)
        again = store.put(KEY, b"same").etag
        outcome: bytes
        try:
            store.put(KEY, b"replaced", if_match=first)
        except ConflictError:
            assert again != first
            outcome = b"same"
        else:
            assert again == first
            outcome = b"replaced"
        assert store.get(KEY).data == outcome
        store.delete(KEY)
        other = store.put(KEY, b"else").etag
        assert other not in {first, again}
        with pytest.raises(ConflictError):
            store.put(KEY, b"refused", if_match=first)
        assert store.get(KEY).data == b"else"

    def test_a_condition_has_one_winner__and_streams_have_none(self, store: ArtifactStore) -> None:
        """A stream under a condition is refused before it is read: what was half sent could not be tried again.

        If this fails: the condition is dropped for streams, as multi-part uploads do.
        """
        if not takes_conditions(store):
            return
        etag = store.put(KEY, b"old").etag
        refused: list[tuple[str, _Condition]] = [
            (ABSENT, {"if_absent": True}),
            (KEY, {"if_absent": True}),
            (KEY, {"if_match": etag}),
        ]
        for key, condition in refused:
            stream = io.BytesIO(b"new")
            with pytest.raises(UnsupportedOperationError) as caught:
                store.put(key, stream, **condition)
            assert caught.value.hint
            assert stream.tell() == 0
        assert contents(store) == {KEY: b"old"}

    def test_a_condition_has_one_winner__and_there_is_one_condition(self, store: ArtifactStore) -> None:
        """Both conditions at once contradict each other: a ``ValueError``, and nothing is written.

        If this fails: one of the two is ignored.
        """
        if not takes_conditions(store):
            return
        etag = store.put(KEY, b"old").etag
        for key in (KEY, ABSENT):
            with pytest.raises(ValueError, match="if_absent"):
                store.put(key, b"new", if_absent=True, if_match=etag)
        assert contents(store) == {KEY: b"old"}

    def test_a_condition_has_one_winner__and_who_deletes_is_no_loser(self, subject: StoreUnderTest) -> None:
        """What was deleted stays away: a replacement under way happened before, or finds that it is gone.

        If this fails: between the check of the condition and the write somebody else can delete.
        """
        if not takes_conditions(subject.store):
            return
        stop = threading.Event()
        content = b"x" * _LONG_TO_CHECK

        def replace() -> None:
            own = subject.another()
            while not stop.is_set():
                try:
                    own.put(KEY, content, if_match=own.stat(KEY).etag)
                except (ArtifactNotFoundError, ConflictError):
                    continue

        def delete() -> None:
            own = subject.another()
            try:
                for number in range(_DELETIONS):
                    own.put(KEY, content, if_absent=True)  # nobody else makes it anew
                    for _ in range(number % 8):  # so that deletions come at every moment of a replacement
                        own.get(KEY)
                    own.delete(KEY)
            finally:
                stop.set()

        assert errors_of(all_at_once([delete, replace, replace])) == []
        assert_missing(subject.store, KEY)

    @staticmethod
    def _race(subject: StoreUnderTest, key: str, before: str | None) -> Sequence[ArtifactInfo | Exception]:
        stores = [subject.another() for _ in range(RIVALS)]
        if before is None:
            return all_at_once(
                [
                    lambda own=own, number=number: own.put(key, _written_by("if_absent", number), if_absent=True)
                    for number, own in enumerate(stores)
                ]
            )
        return all_at_once(
            [
                lambda own=own, number=number: own.put(key, _written_by("if_match", number), if_match=before)
                for number, own in enumerate(stores)
            ]
        )


def _written_by(condition: Literal["if_absent", "if_match"], number: int) -> bytes:
    return f"{condition} by {number}".encode()


def _only_winner(outcomes: Sequence[ArtifactInfo | Exception], refusal: type[Exception]) -> int:
    winners = [number for number, each in enumerate(outcomes) if not isinstance(each, Exception)]
    assert len(winners) == 1, f"winners: {winners}, outcomes: {outcomes}"
    others = [each for each in outcomes if isinstance(each, Exception)]
    assert [type(each) for each in others] == [refusal] * (len(outcomes) - 1)
    return winners[0]


def _etag_of(outcome: ArtifactInfo | Exception) -> str:
    assert not isinstance(outcome, Exception)
    return outcome.etag


def _assert_tells(error: AlreadyExistsError | ConflictError, key: str) -> None:
    assert key in str(error)
    assert (error.operation, error.subject) == ("put", key)
    assert all([error.what, error.where, error.why, error.hint, error.backend])
    assert not error.retryable
