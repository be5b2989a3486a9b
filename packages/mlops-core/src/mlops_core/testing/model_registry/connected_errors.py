"""Promise ``vendor_errors_arrive_as_ours``: nobody answers, or the backend refuses who asks."""

from __future__ import annotations

from typing import Final

import pytest

from mlops_core.errors import AccessDeniedError, AuthenticationError, BackendUnavailableError
from mlops_core.testing.model_registry.calls import ALIAS, MODEL
from mlops_core.testing.model_registry.connected_scenes import (
    CALLS,
    Call,
    Fresh,
    OnAConnection,
    Scene,
    assert_tells,
    got_through,
    prepared,
    requests_of,
)

_REFUSED_REQUESTS: Final = 3
_REQUESTS_IN_VAIN: Final = 30


class VendorErrors(OnAConnection):
    """Every method of the port, iterators included, on a connection that does not work."""

    def test_fixture_connection_counts_breaks_and_heals(self, fresh_registry: Fresh) -> None:
        """The connection is on the way of ``registry``, counts its requests, breaks, and works again afterwards.

        If this fails: the fixture, not the adapter. ``RegistryUnderTest.connection`` has to lie between ``registry``
        and its backend, and each of its ``with`` has to end its disturbance.
        """
        scene = prepared(fresh_registry())
        assert requests_of(scene, CALLS["get"]) > 0, "no request was counted"
        for disturbance in (scene.connection.cut(), scene.connection.losing_reply()):
            with disturbance:
                _works(scene, CALLS["get"])
            assert _works(scene, CALLS["get"]), "the disturbance goes on after its end"
        with scene.connection.cut():
            assert not _works(scene, CALLS["get"]), "a cut connection still works"
        assert scene.connection.refusals <= {AuthenticationError, AccessDeniedError}

    def test_fixture_connection_loses_replies_of_what_was_done(self, fresh_registry: Fresh) -> None:
        """``losing_reply`` loses the reply and not the request: some request of a move has moved the alias.

        If this fails: the fixture, not the adapter. Carry the request out, and drop its answer.
        """
        for scene, number in self.disturbed(fresh_registry, CALLS["set_alias"]):
            with scene.connection.losing_reply(to=number):
                _works(scene, CALLS["set_alias"])
            if scene.others().resolve(MODEL, ALIAS).version == scene.versions[-1].version:
                return
        pytest.fail("no lost reply was that of a request that had been carried out")

    def test_vendor_errors_arrive_as_ours__when_nobody_answers(self, fresh_registry: Fresh) -> None:
        """Every method raises ``BackendUnavailableError``, with the original as its cause, after a bounded time.

        If this fails: the named method lets the vendor's error through (an iterator does so at its first step, outside
        of a ``with`` around its making), dresses it up as another class, or tries again without end.
        """
        scene = prepared(fresh_registry())
        for operation, call in CALLS.items():
            before = scene.connection.requests
            with scene.connection.cut():
                assert not got_through(scene, call, operation), f"{operation} answers without its backend"
            made = scene.connection.requests - before
            assert made <= _REQUESTS_IN_VAIN, f"{operation} made {made} requests in vain"
        assert [each.version for each in scene.whole_versions()] == [each.version for each in reversed(scene.versions)]

    def test_vendor_errors_arrive_as_ours__wherever_the_connection_is_cut(self, fresh_registry: Fresh) -> None:
        """Each later request of a call that only reads fails in the same way as its first.

        If this fails: the call translates the errors of its first request only.
        """
        for operation in ("get", "resolve", "latest", "open"):
            for scene, number in self.disturbed(fresh_registry, CALLS[operation]):
                with scene.connection.cut(after=number):
                    got_through(scene, CALLS[operation], operation)

    def test_vendor_errors_arrive_as_ours__when_requests_are_refused(self, fresh_registry: Fresh) -> None:
        """Who is unknown or not allowed is told so at once, by the class that says which.

        If this fails: the vendor's refusal arrives as another class, or the adapter asks again, which no refusal gets
        better by, and which can lock an account.
        """
        scene = prepared(fresh_registry())
        for kind in sorted(scene.connection.refusals, key=lambda each: each.__name__):
            for operation, call in CALLS.items():
                before = scene.connection.requests
                with scene.connection.refusing(kind), pytest.raises(kind) as caught:
                    call(scene)
                assert type(caught.value) is kind, f"{operation} raised {caught.value!r}"
                assert_tells(caught.value, scene, operation)
                made = scene.connection.requests - before
                assert made <= _REFUSED_REQUESTS, f"{operation} asked {made} times after it was refused"
        assert [each.version for each in scene.whole_versions()] == [each.version for each in reversed(scene.versions)]

    def test_vendor_errors_arrive_as_ours__while_a_file_is_read(self, fresh_registry: Fresh) -> None:
        """A stream whose connection breaks gives the bytes that it has already, or raises ``BackendUnavailableError``.

        If this fails: ``open`` hands out the vendor's own stream, whose errors nobody translates, or one that ends
        early without an error.
        """
        scene = prepared(fresh_registry())
        first = scene.versions[0]
        size = first.manifest.file("model.bin").size
        with scene.registry.open(first, "model.bin") as stream, scene.connection.cut():
            try:
                data = stream.read()
            except BackendUnavailableError as error:
                assert_tells(error, scene, "open")
            else:
                assert len(data) == size


def _works(scene: Scene, call: Call) -> bool:
    try:
        call(scene)
    except Exception:  # noqa: BLE001 (what an adapter makes of it is another test's)
        return False
    return True
