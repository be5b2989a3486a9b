"""How often, how fast and how long an unavailable store is asked again."""

from __future__ import annotations

import pytest
from mlops_core.errors import BackendUnavailableError
from mlops_core.stores.conditional_writes import Documents, Retries
from mlops_core.stores.memory.artifact_store import MemoryArtifactStore


def test_pauses_are_random_bounded_and_grow() -> None:
    pauses: list[float] = []
    retries = Retries(sleep=pauses.append, uniform=lambda: 1.0, longest_pause=1.0)
    for attempt in range(2000):
        retries.pause(0.1, attempt)
    assert pauses[:5] == [0.1, 0.2, 0.4, 0.8, 1.0]
    assert max(pauses) == 1.0


def test_nothing_is_tried_again_a_minute_after_it_began() -> None:
    now = [0.0]
    asked: list[float] = []

    def away() -> None:
        asked.append(now[0])
        now[0] += 31  # a server that takes the connection and never answers
        raise BackendUnavailableError("no answer")

    documents = Documents(MemoryArtifactStore(), retries=Retries(sleep=lambda _: None, clock=lambda: now[0]))
    with pytest.raises(BackendUnavailableError):
        documents.trying(away)
    assert asked == [0.0, 31.0]
