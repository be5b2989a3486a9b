"""Promise ``flush_is_the_line_of_durability``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.testing.experiment_tracker.base import EXPERIMENT, ExperimentTrackerPart, contents, point

if TYPE_CHECKING:
    from mlops_core.testing.subjects import TrackerUnderTest


class Durability(ExperimentTrackerPart):
    """What is stored when."""

    def test_flush_is_the_line_of_durability(self, subject: TrackerUnderTest) -> None:
        """What was flushed is read by another instance, of a run that goes on and is never ended.

        If this fails: ``flush`` has to wait until the vendor has answered that everything given so far is stored, and
        until its readers show it.
        """
        run = subject.tracker.start_run(EXPERIMENT, name="abandoned", tags={"team": "ops"})
        points = [point(step / 3, step=step) for step in range(20)]
        run.log_params({"depth": 3})
        run.log_metrics(points)
        run.set_tags({"stage": "try"})
        run.log_files({"a.txt": b"a"})
        run.flush()
        reader = subject.another()
        found = reader.get_run(run.id)
        assert (found.status, found.name) == ("running", "abandoned")
        assert dict(found.params) == {"depth": "3"}
        assert dict(found.tags) == {"team": "ops", "stage": "try"}
        assert dict(found.metrics) == {"loss": points[-1].value}
        assert list(reader.metric_history(run.id, "loss")) == points
        assert contents(reader, run.id) == {"a.txt": b"a"}
        assert [each.id for each in reader.runs(EXPERIMENT, params={"depth": 3})] == [run.id]
        assert list(subject.back_door.points(run.id, "loss")) != []

    def test_flush_is_the_line_of_durability__and_so_is_the_end(self, subject: TrackerUnderTest) -> None:
        """What was given before ``finish``, without any flush, is read by another instance as soon as it returns.

        If this fails: ``finish`` flushes first, and returns when the vendor has it all.
        """
        run = subject.tracker.start_run(EXPERIMENT)
        points = [point(float(step), step=step) for step in range(20)]
        for each in points:
            run.log_metrics([each])
        run.finish()
        assert list(subject.another().metric_history(run.id, "loss")) == points

    def test_flush_is_the_line_of_durability__with_nothing_to_write(self, subject: TrackerUnderTest) -> None:
        """Flushing again, before anything and after the end, is fine.

        If this fails: an empty batch is no reason to send a request, nor to raise.
        """
        run = subject.tracker.start_run(EXPERIMENT)
        run.flush()
        run.flush()
        run.finish()
        run.flush()
        assert subject.tracker.get_run(run.id).status == "finished"
