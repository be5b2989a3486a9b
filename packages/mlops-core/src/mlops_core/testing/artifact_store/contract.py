"""The whole contract of the artifact store port, as far as it needs no connection that can be broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.ports.artifact_store import ArtifactStore
from mlops_core.testing.artifact_store.base import ArtifactStorePart
from mlops_core.testing.artifact_store.conditions import Conditions
from mlops_core.testing.artifact_store.fixture_checks import FixtureChecks
from mlops_core.testing.artifact_store.keys import Keys
from mlops_core.testing.artifact_store.listings import Listings
from mlops_core.testing.artifact_store.process import Process
from mlops_core.testing.artifact_store.removal import Removal
from mlops_core.testing.artifact_store.round_trips import RoundTrips
from mlops_core.testing.artifact_store.writes import Writes
from mlops_core.testing.signatures import compare_with_protocol
from mlops_core.testing.state_machines import check_artifact_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.testing.subjects import StoreUnderTest


class ArtifactStoreContract(
    FixtureChecks, RoundTrips, Keys, Writes, Listings, Removal, Conditions, Process, ArtifactStorePart
):
    """What every artifact store promises, see :class:`mlops_core.ports.artifact_store.ArtifactStore`.

    An author subclasses it, says ``contract_version`` and ``backend``, and gives one fixture, ``fresh_store``: a
    callable without arguments that returns a :class:`~mlops_core.testing.subjects.StoreUnderTest`, empty and isolated,
    each time it is called.
    """

    def test_signatures_are_those_of_the_port(self, store: ArtifactStore) -> None:
        """Every method takes what the port says, by the same names and with the same defaults.

        If this fails: correct the named methods; what an adapter adds needs a default.
        """
        assert compare_with_protocol(store, ArtifactStore) == []

    def test_state_machine(self, fresh_store: Callable[[], StoreUnderTest]) -> None:
        """Whatever calls follow each other, the store answers as the store in memory does.

        If this fails: hypothesis prints the shortest programme that shows the difference. Look for the promise that it
        breaks, and for the test of that name.
        """
        check_artifact_store(fresh_store, programmes=self.programmes)
