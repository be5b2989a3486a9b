"""What a store does when the connection to its backend breaks: requests are lost on the way, and so are replies."""

from __future__ import annotations

import io
import traceback
from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import pytest

from mlops_core.errors import BackendError, BackendUnavailableError, InvalidNameError, UnsupportedOperationError
from mlops_core.testing.artifact_store.base import ABSENT, KEY, contents, takes_conditions
from mlops_core.testing.artifact_store.contract import ArtifactStoreContract
from mlops_core.testing.artifact_store.streams import OneWayStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops_core.ports.artifact_store import ArtifactInfo, ArtifactStore
    from mlops_core.testing.subjects import Connection, StoreUnderTest

    _Call: TypeAlias = Callable[[ArtifactStore], object]
    _Fresh: TypeAlias = Callable[[], StoreUnderTest]

_OLD: Final = b"old"
_NEW: Final = b"new " * 300_000
"""More than a client sends in one piece."""
_REQUESTS_IN_VAIN: Final = 20
"""The most requests that one call may make when nobody answers; a vendor's client may be patient, but not endlessly."""
_REFUSED_REQUESTS: Final = 3
"""The most requests that one call may make when it is refused."""
_CALLS: Final[Mapping[str, _Call]] = {
    "put": lambda store: store.put(KEY, _NEW),
    "get": lambda store: store.get(KEY),
    "open": lambda store: store.open(KEY).close(),
    "stat": lambda store: store.stat(KEY),
    "find": lambda store: list(store.find("reports/")),
    "folders": lambda store: list(store.folders()),
    "delete": lambda store: store.delete(KEY),
}
"""Every method of the port, called so that it would succeed."""


class ConnectedArtifactStoreContract(ArtifactStoreContract):
    """The contract of a store that has a connection, ``StoreUnderTest.connection``, which the tests break.

    Attributes:
        every_nth: Disturb only every n-th request of a call, and the last one, where each costs a server much time.
    """

    every_nth: ClassVar[int] = 1

    def test_fixture_connection_counts_requests(self, subject: StoreUnderTest) -> None:
        """The connection counts what the store asks, breaks while it is told to, and works again afterwards.

        If this fails: ``connection`` does not lie between ``store`` and its backend, or it lies before ``another`` and
        the back door too.
        """
        connection = _connection(subject)
        subject.back_door.write(KEY, _OLD)
        for operation, call in _CALLS.items():
            before = connection.requests
            call(subject.store)
            assert connection.requests > before, f"{operation} made no request that was counted"
        subject.back_door.write(KEY, _OLD)
        before = connection.requests
        with connection.cut():
            assert contents(subject.another()) == {KEY: _OLD}
        assert connection.requests == before
        assert contents(subject.store) == {KEY: _OLD}

    def test_vendor_errors_arrive_as_ours(self, subject: StoreUnderTest) -> None:
        """When nobody answers, every method raises ``BackendUnavailableError`` with its cause, after a bounded time.

        If this fails: the named method lets the vendor's error through (an iterator does so at its first step, outside
        of a ``with`` around its making), takes it for a missing object, or tries again without end.
        """
        connection = _connection(subject)
        subject.back_door.write(KEY, _OLD)
        for operation, call in _CALLS.items():
            before = connection.requests
            with connection.cut():
                assert not _got_through(subject, operation, call), f"{operation} answers without its backend"
            made = connection.requests - before
            assert made <= _REQUESTS_IN_VAIN, f"{operation} made {made} requests in vain"
        assert contents(subject.store) == {KEY: _OLD}

    def test_vendor_errors_arrive_as_ours__when_requests_are_refused(self, subject: StoreUnderTest) -> None:
        """Who is unknown or not allowed is told so at once, by the class that says which.

        If this fails: the vendor's refusal arrives as another class, such as "missing" for an answer without a body; or
        the adapter asks again, which no refusal gets better by and which can lock an account.
        """
        connection = _connection(subject)
        subject.back_door.write(KEY, _OLD)
        for kind in sorted(connection.refusals, key=lambda each: each.__name__):
            for operation, call in _CALLS.items():
                before = connection.requests
                with connection.refusing(kind), pytest.raises(BackendError) as caught:
                    call(subject.store)
                assert type(caught.value) is kind, f"{operation} raised {caught.value!r}"
                _assert_tells(caught.value, subject, operation)
                made = connection.requests - before
                assert made <= _REFUSED_REQUESTS, f"{operation} asked {made} times, and was refused each time"
        assert contents(subject.store) == {KEY: _OLD}

    def test_vendor_errors_arrive_as_ours__when_a_reply_is_lost(self, fresh_store: _Fresh) -> None:
        """Whichever reply to a write is lost, the write was made whole or not at all, and may be made again.

        If this fails: an upload of several requests is given up without being taken back, or shows before it is whole.
        """
        writes: dict[str, _Call] = {
            "put": _CALLS["put"],
            "put of a stream": lambda store: store.put(KEY, OneWayStream(_NEW)),
            "delete": _CALLS["delete"],
        }
        for name, call in writes.items():
            after: dict[str, bytes] = {} if name == "delete" else {KEY: _NEW}
            for subject, number in self._disturbed(fresh_store, call):
                with _connection(subject).losing_reply(to=number):
                    done = _got_through(subject, name.split(" ")[0], call)
                found = contents(subject.another())
                assert found in ([after] if done else [after, {KEY: _OLD}]), f"{name}: reply {number} was lost"
                call(subject.store)
                assert contents(subject.another()) == after

    def test_vendor_errors_arrive_as_ours__and_listings_never_end_early(self, fresh_store: _Fresh) -> None:
        """A listing whose connection breaks raises; it never ends as if that were all.

        If this fails: an error of a later page is taken for the last page.
        """

        def fill(subject: StoreUnderTest) -> None:
            for number in range(self.many):
                subject.back_door.write(f"many/{number:05}/x", b"")

        listings: dict[str, _Call] = {
            "find": lambda store: [info.key for info in store.find("many/")],
            "folders": lambda store: list(store.folders("many/")),
        }
        for operation, call in listings.items():
            for subject, number in self._disturbed(fresh_store, call, prepare=fill):
                complete = call(subject.another())
                answers: list[object] = []
                with _connection(subject).cut(after=number):
                    _got_through(subject, operation, lambda store, call=call, to=answers: to.append(call(store)))
                assert answers in ([], [complete]), f"{operation}: cut after {number} requests"

    def test_vendor_errors_arrive_as_ours__while_a_stream_is_read(self, subject: StoreUnderTest) -> None:
        """A stream whose connection breaks goes on with what it has, or raises ``BackendUnavailableError``.

        If this fails: ``open`` hands out the vendor's own stream, whose errors nobody translates, or one that ends
        early without an error.
        """
        subject.back_door.write(KEY, _NEW)
        with subject.store.open(KEY) as stream:
            begin = stream.read(10)
            with _connection(subject).cut():
                try:
                    data = begin + stream.read()
                except BackendUnavailableError as error:
                    _assert_tells(error, subject, "open")
                else:
                    assert data == _NEW

    @pytest.mark.parametrize("streamed", [False, True], ids=["of bytes", "of a stream"])
    def test_a_write_is_seen_whole_or_not_at_all__wherever_it_is_cut(
        self, fresh_store: _Fresh, *, streamed: bool
    ) -> None:
        """A write that is cut off leaves the old object or the new one, whole, and the next write works.

        If this fails: what was sent so far is stored under the key.
        """

        def call(store: ArtifactStore) -> ArtifactInfo:
            return store.put(KEY, OneWayStream(_NEW) if streamed else _NEW)

        for subject, number in self._disturbed(fresh_store, call):
            with _connection(subject).cut(after=number):
                done = _got_through(subject, "put", call)
            found = contents(subject.another())
            assert found in ([{KEY: _NEW}] if done else [{KEY: _OLD}, {KEY: _NEW}]), f"cut after {number} requests"
            call(subject.store)
            assert contents(subject.another()) == {KEY: _NEW}

    def test_a_write_is_seen_whole_or_not_at_all__cut_while_a_stream_is_read(self, subject: StoreUnderTest) -> None:
        """A stream whose upload is cut off half way leaves the old object or the new one, whole.

        If this fails: an unfinished upload is closed as if it were whole.
        """
        subject.back_door.write(KEY, _OLD)
        with ExitStack() as broken:
            stream = OneWayStream(_NEW, at_end=lambda: broken.enter_context(_connection(subject).cut()))
            done = _got_through(subject, "put", lambda store: store.put(KEY, stream))
        assert contents(subject.another()) in ([{KEY: _NEW}] if done else [{KEY: _OLD}, {KEY: _NEW}])

    def test_a_condition_has_one_winner__though_its_reply_is_lost(self, fresh_store: _Fresh) -> None:
        """A write under a condition whose reply is lost succeeds or is ``BackendUnavailableError``: never a refusal.

        If this fails: the adapter, or the vendor's client under it, sent the write again and met its own. Switch the
        client's retries off for conditional writes: whoever reads back can tell, a store cannot.
        """
        if not takes_conditions(fresh_store().store):
            return

        def create(store: ArtifactStore) -> ArtifactInfo:
            return store.put(ABSENT, b"new", if_absent=True)

        def replace(store: ArtifactStore) -> ArtifactInfo:
            return store.put(KEY, b"new", if_match=store.stat(KEY).etag)

        for call, key in ((create, ABSENT), (replace, KEY)):
            for subject, number in self._disturbed(fresh_store, call):
                with _connection(subject).losing_reply(to=number):
                    done = _got_through(subject, None, call)
                found = contents(subject.another())
                assert found.get(KEY) in {_OLD, b"new"}
                assert not done or found[key] == b"new", f"the reply to request {number} was lost"

    def test_keys_obey_one_grammar__before_any_request(self, subject: StoreUnderTest) -> None:
        """Arguments that cannot be are refused without asking anybody: by their own error, with the connection cut.

        If this fails: the named call checks its arguments after its first request, or leaves it to the vendor.
        """
        connection = _connection(subject)
        store, key = subject.store, "a//b"
        wrong: list[tuple[str, type[Exception], Callable[[], object]]] = [
            ("put", InvalidNameError, lambda: store.put(key, b"")),
            ("get", InvalidNameError, lambda: store.get(key)),
            ("open", InvalidNameError, lambda: store.open(key)),
            ("stat", InvalidNameError, lambda: store.stat(key)),
            ("delete", InvalidNameError, lambda: store.delete(key)),
            ("folders", InvalidNameError, lambda: list(store.folders("a"))),
            ("get", ValueError, lambda: store.get(KEY, start=-1)),
            ("get", ValueError, lambda: store.get(KEY, stop=-1)),
            ("open", ValueError, lambda: store.open(KEY, start=-1)),
        ]
        before = connection.requests
        with connection.cut():
            for name, kind, call in wrong:
                with pytest.raises(kind):
                    call()
                assert connection.requests == before, f"{name} made a request"

    def test_a_condition_has_one_winner__and_is_refused_before_any_request(self, fresh_store: _Fresh) -> None:
        """A condition that cannot be kept is refused without asking anybody.

        If this fails: ``put`` looks at its arguments after its first request.
        """
        subject = fresh_store()
        declared = takes_conditions(fresh_store().store)
        stream = io.BytesIO(b"new")
        connection, store = _connection(subject), subject.store
        refused: list[Callable[[], object]] = [
            lambda: store.put(KEY, stream if declared else b"new", if_absent=True),
            lambda: store.put(KEY, stream if declared else b"new", if_match="etag"),
        ]
        before = connection.requests
        with connection.cut():
            for call in refused:
                with pytest.raises(UnsupportedOperationError):
                    call()
        assert connection.requests == before
        assert stream.tell() == 0

    def _disturbed(
        self, fresh_store: _Fresh, call: _Call, *, prepare: Callable[[StoreUnderTest], None] | None = None
    ) -> Iterator[tuple[StoreUnderTest, int]]:
        """A fresh store for each request that a call makes when nothing disturbs it, with the request's number."""

        def prepared() -> StoreUnderTest:
            subject = fresh_store()
            subject.back_door.write(KEY, _OLD)
            if prepare is not None:
                prepare(subject)
            return subject

        subject = prepared()
        before = _connection(subject).requests
        call(subject.store)
        count = _connection(subject).requests - before
        assert count > 0, "the call made no request that the connection has counted"
        for number in sorted({*range(0, count, self.every_nth), count - 1}):
            yield prepared(), number


def _connection(subject: StoreUnderTest) -> Connection:
    if subject.connection is None:
        pytest.fail(
            "fresh_store gives no connection: set StoreUnderTest.connection to what can break the way to the backend, "
            "or use ArtifactStoreContract for a store that lives in this process"
        )
    return subject.connection


def _got_through(subject: StoreUnderTest, operation: str | None, call: _Call) -> bool:
    """Make a call; whether it succeeded rather than raise the one error that a broken connection may raise."""
    try:
        call(subject.store)
    except BackendUnavailableError as error:
        _assert_tells(error, subject, operation)
        return False
    return True


def _assert_tells(error: BackendError, subject: StoreUnderTest, operation: str | None) -> None:
    """Check that an error of the backend says all that a caller needs, and nothing that nobody may see."""
    assert error.__cause__ is not None, f"{operation}: the error has no __cause__"
    assert operation in {None, error.operation}, f"{operation}: the error says that {error.operation!r} failed"
    assert error.backend, f"{operation}: the error does not name its backend"
    assert all([error.what, error.where, error.why, error.hint]), (
        f"{operation}: a part of the message is empty: {error}"
    )
    assert error.retryable is isinstance(error, BackendUnavailableError)
    shown = "".join([repr(error), str(error), *traceback.format_exception(error)])
    assert [secret[:2] + "..." for secret in subject.secrets if secret in shown] == []
