"""Promise ``tags_merge``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.naming import MAX_TAG_VALUE
from mlops_core.testing.experiment_tracker.base import EXPERIMENT, ExperimentTrackerPart

if TYPE_CHECKING:
    from mlops_core.ports.experiment_tracker import ExperimentTracker
    from mlops_core.testing.subjects import TrackerUnderTest


class Tags(ExperimentTrackerPart):
    """What happens to tags."""

    def test_tags_merge(self, subject: TrackerUnderTest) -> None:
        """New keys are added, given ones replaced, ``None`` removes, all others stay; also the run's first tags.

        If this fails: change single keys, or write back everything that was there.
        """
        with subject.tracker.start_run(EXPERIMENT, tags={"team": "ops", "stage": "try"}) as run:
            run.set_tags({"stage": "final", "owner": "ada"})
            run.set_tags({"team": None, "never": None})
            expected = {"stage": "final", "owner": "ada"}
            assert dict(subject.another().get_run(run.id).tags) == expected
        assert dict(subject.tracker.get_run(run.id).tags) == expected
        assert dict(subject.back_door.tags(run.id)) == expected

    def test_tags_merge__after_the_end_too(self, tracker: ExperimentTracker) -> None:
        """A run that has ended can be tagged, and stays ended.

        If this fails: tagging must neither be refused for an ended run nor make it a running one.
        """
        with tracker.start_run(EXPERIMENT, tags={"team": "ops"}) as run:
            run.log_metrics({"loss": 0.5})
        before = tracker.get_run(run.id)
        run.set_tags({"verdict": "good", "team": None})
        after = tracker.get_run(run.id)
        assert dict(after.tags) == {"verdict": "good"}
        assert (after.status, after.ended_at, after.metrics) == ("finished", before.ended_at, before.metrics)

    def test_tags_merge__and_values_stay_as_they_are(self, tracker: ExperimentTracker) -> None:
        """Long, empty and odd values come back as they were; keys that differ in one sign are different ones.

        If this fails: the vendor cuts or trims, or a sign in a key becomes another one on the way.
        """
        tags = {
            "empty": "",
            "odd": "  o'brien \"%_\\\r\n\tGröße 🛫 e\u0301 ",
            "longest": "0123456789" * (MAX_TAG_VALUE // 10),
            "a.b": "dot",
            "a-b": "dash",
            "a_b": "underscore",
            "x" * 64: "longest key",
        }
        with tracker.start_run(EXPERIMENT, tags=tags) as run:
            pass
        assert dict(tracker.get_run(run.id).tags) == tags
