"""The contract of a tracker whose connection can break: lost replies, cuts, refusals, and bad input before requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, cast

import pytest

from mlops_core.errors import AccessDeniedError, AuthenticationError, BackendError, BackendUnavailableError, MlopsError
from mlops_core.testing.experiment_tracker.base import EXPERIMENT, at, contents, point, raised_by, shown
from mlops_core.testing.experiment_tracker.contract import ExperimentTrackerContract

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_core.ports.experiment_tracker import ExperimentTracker, MetricPoint, Run
    from mlops_core.testing.subjects import Connection, TrackerUnderTest

_OLD: Final = [point(1.0, step=0), point(2.0, step=1)]
_NEW: Final = [point(step / 3, step=step, time=step) for step in range(2, 12)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A tracker with a run that has something of every kind already, and the connection to break."""

    subject: TrackerUnderTest
    connection: Connection
    run: Run

    @property
    def tracker(self) -> ExperimentTracker:
        """The instance whose connection breaks."""
        return self.subject.tracker


Call: TypeAlias = Callable[[Scene], object]


def _log_metrics(scene: Scene) -> None:
    scene.run.log_metrics(_NEW)
    scene.run.flush()


WRITES: Final[Mapping[str, Call]] = {
    "log_params": lambda scene: scene.run.log_params({"rate": 0.5, "depth": 3}),
    "log_metrics": _log_metrics,
    "set_tags": lambda scene: scene.run.set_tags({"stage": "final", "team": None, "owner": "ada"}),
    "log_files": lambda scene: scene.run.log_files({"a.txt": b"new", "b.txt": b"b"}),
    "finish": lambda scene: scene.run.finish("failed"),
}
"""Every call that writes a run; each may be made again after it has failed."""
READS: Final[Mapping[str, Call]] = {
    "get_run": lambda scene: scene.tracker.get_run(scene.run.id),
    "runs": lambda scene: list(scene.tracker.runs(EXPERIMENT)),
    "metric_history": lambda scene: list(scene.tracker.metric_history(scene.run.id, "loss")),
    "files": lambda scene: list(scene.tracker.files(scene.run.id)),
    "open_file": lambda scene: scene.tracker.open_file(scene.run.id, "a.txt").close(),
}
"""Every call that reads."""


class ConnectedExperimentTrackerContract(ExperimentTrackerContract):
    """The contract for trackers that talk to something: ``fresh_tracker`` gives a ``connection`` too.

    Attributes:
        every_nth: Disturb only every n-th request of a call, and the last one, where each costs a server much time.
    """

    every_nth: ClassVar[int] = 1

    @pytest.fixture
    def scene(self, fresh_tracker: Callable[[], TrackerUnderTest]) -> Scene:
        """A run to write and to read."""
        return _prepared(fresh_tracker())

    def test_fixture_counts_requests(self, scene: Scene) -> None:
        """The connection counts what the adapter asks, and another instance does not go through it.

        If this fails: put the proxy, or the wrapper of the client, on the way of ``TrackerUnderTest.tracker`` only.
        """
        before = scene.connection.requests
        scene.subject.another().get_run(scene.run.id)
        assert scene.connection.requests == before
        scene.tracker.get_run(scene.run.id)
        assert scene.connection.requests > before

    @pytest.mark.parametrize("operation", WRITES)
    def test_flush_is_the_line_of_durability__when_a_reply_is_lost(
        self, fresh_tracker: Callable[[], TrackerUnderTest], operation: str
    ) -> None:
        """Whatever reply is lost, the call has got through or raises; made again, it changes nothing twice.

        If this fails: after an unknown outcome look at what is stored before sending anything again. A point that is
        there twice, or a parameter that conflicts with itself, was sent twice.
        """
        write = WRITES[operation]
        for scene, number in self._disturbed(fresh_tracker, write):
            with scene.connection.losing_reply(to=number):
                got_through = _try(scene, write, operation)
            if not got_through:
                write(scene)
            _assert_written(scene, operation, f"the reply to request {number} was lost")

    @pytest.mark.parametrize("operation", WRITES)
    def test_flush_is_the_line_of_durability__when_the_connection_is_cut(
        self, fresh_tracker: Callable[[], TrackerUnderTest], operation: str
    ) -> None:
        """Whenever the connection is cut the call says so, and made again with a connection it ends as it should.

        If this fails: keep what was taken until it is stored, and take nothing of a call that raises.
        """
        write = WRITES[operation]
        for scene, number in self._disturbed(fresh_tracker, write):
            with scene.connection.cut(after=number):
                assert not _try(scene, write, operation), f"cut after {number} requests, and {operation} returned"
            write(scene)
            _assert_written(scene, operation, f"the connection was cut after {number} requests")

    def test_flush_is_the_line_of_durability__of_points_given_while_nobody_answers(self, scene: Scene) -> None:
        """Points of calls that returned while the connection was cut are stored by a later flush, each once.

        If this fails: the adapter drops what it has kept back when a write of it fails, or sends it twice.
        """
        taken: list[MetricPoint] = []
        with scene.connection.cut():
            taken += [each for each in _NEW if raised_by(lambda each=each: scene.run.log_metrics([each])) is None]
            raised = raised_by(scene.run.flush)
            assert raised is BackendUnavailableError or not taken
        scene.run.flush()
        assert list(scene.subject.another().metric_history(scene.run.id, "loss")) == [*_OLD, *taken]

    def test_a_run_ends_as_it_went__the_callers_error_goes_first(self, scene: Scene) -> None:
        """An exception that goes through the ``with`` arrives even if the end of the run cannot be stored.

        If this fails: what ``finish`` raises in ``__exit__`` must not take the place of what went wrong inside.
        """
        error = ZeroDivisionError("mine")
        with pytest.raises(ZeroDivisionError) as caught, scene.connection.cut(), scene.run:
            raise error
        assert caught.value is error

    def test_a_run_ends_as_it_went__started_once(self, fresh_tracker: Callable[[], TrackerUnderTest]) -> None:
        """Whatever reply is lost, a ``start_run`` that returns has started one run, and the one that it names.

        If this fails: make the run's id, or a tag that nobody else has, before the first request, and look by it.
        """

        def start(scene: Scene) -> Run:
            return scene.tracker.start_run("another", tags={"team": "ops"})

        for scene, number in self._disturbed(fresh_tracker, start):
            started: list[Run] = []
            with scene.connection.losing_reply(to=number):
                _try(scene, lambda scene, started=started: started.append(start(scene)), "start_run")
            found = [each.id for each in scene.subject.another().runs("another")]
            assert len(found) <= 1, f"the reply to request {number} was lost"
            assert not started or [each.id for each in started] == found
            with start(scene) as run:
                run.log_metrics({"loss": 1.0})
            assert run.id in {each.id for each in scene.subject.another().runs("another", tags={"team": "ops"})}

    @pytest.mark.parametrize("operation", READS)
    def test_vendor_errors_arrive_as_ours(self, fresh_tracker: Callable[[], TrackerUnderTest], operation: str) -> None:
        """A read over a connection that is cut raises ``BackendUnavailableError``, and works when it is back.

        If this fails: translate the SDK's error with ``mlops_core.errors.translating_errors``, inside the iteration
        where there is one; and never give a listing that ends early as if it were complete.
        """
        read = READS[operation]
        for scene, number in self._disturbed(fresh_tracker, read):
            with scene.connection.cut(after=number):
                assert not _try(scene, read, operation), f"cut after {number} requests, and {operation} returned"
            read(scene)

    @pytest.mark.parametrize("kind", [AuthenticationError, AccessDeniedError])
    def test_vendor_errors_arrive_as_ours__refusals(self, scene: Scene, kind: type[BackendError]) -> None:
        """A backend that does not know who asks, or does not allow it, is told apart, for every call of the port.

        If this fails: map the vendor's codes for both, and try neither again.
        """
        if kind not in scene.connection.refusals:
            return
        calls: dict[str, Call] = {"start_run": lambda scene: scene.tracker.start_run(EXPERIMENT)}
        calls |= {**READS, **WRITES}
        for operation, call in calls.items():
            with scene.connection.refusing(kind), pytest.raises(kind) as caught:
                call(scene)
            _assert_tells(caught.value, scene, operation)

    def test_names_obey_one_grammar__before_any_request(self, scene: Scene) -> None:
        """What is refused for its form is refused without asking the backend.

        If this fails: check first. The named call has made a request.
        """
        run = scene.run
        naive = at(0).replace(tzinfo=None)
        calls: dict[str, Callable[[], object]] = {
            "experiment": lambda: scene.tracker.start_run("Not A Name"),
            "name of a run": lambda: scene.tracker.start_run(EXPERIMENT, name=cast("Any", 3)),
            "first tags": lambda: scene.tracker.start_run(EXPERIMENT, tags={"Team": "x"}),
            "parameter": lambda: run.log_params({"a b": 1}),
            "value": lambda: run.log_params({"a": cast("Any", [1])}),
            "metric": lambda: run.log_metrics({"a b": 1.0}),
            "number": lambda: run.log_metrics({"a": cast("Any", "1")}),
            "step": lambda: run.log_metrics({"a": 1.0}, step=-1),
            "time": lambda: run.log_metrics({"a": 1.0}, time=naive),
            "tag": lambda: run.set_tags({"Team": "x"}),
            "path": lambda: run.log_files({"../a": b""}),
            "path beside another": lambda: run.log_files({"a.txt/b": b""}),
            "status": lambda: run.finish(cast("Any", "done")),
            "search": lambda: scene.tracker.runs(EXPERIMENT, tags={"team": cast("Any", 1)}),
        }
        before = scene.connection.requests
        for name, call in calls.items():
            with pytest.raises(MlopsError):
                call()
            assert scene.connection.requests == before, f"a wrong {name} has made a request"

    def _disturbed(self, fresh_tracker: Callable[[], TrackerUnderTest], call: Call) -> Iterator[tuple[Scene, int]]:
        """A fresh scene for each request that a call makes when nothing disturbs it, with the request's number."""
        undisturbed = _prepared(fresh_tracker())
        before = undisturbed.connection.requests
        call(undisturbed)
        count = undisturbed.connection.requests - before
        assert count, "the connection has counted no request: is it on the way of TrackerUnderTest.tracker?"
        for number in sorted({*range(0, count, self.every_nth), count - 1}):
            yield _prepared(fresh_tracker()), number


def _prepared(subject: TrackerUnderTest) -> Scene:
    if subject.connection is None:
        pytest.fail(
            "fresh_tracker gives no connection: set TrackerUnderTest.connection to what can break the way to the "
            "backend, or use ExperimentTrackerContract for a backend that lives in this process"
        )
    run = subject.tracker.start_run(EXPERIMENT, tags={"team": "ops", "kept": "yes"})
    run.log_params({"depth": 3})
    run.log_metrics(_OLD)
    run.log_files({"a.txt": b"old"})
    run.flush()
    return Scene(subject=subject, connection=subject.connection, run=run)


def _try(scene: Scene, call: Call, operation: str) -> bool:
    """Make a call; whether it returned rather than raised the one error that a broken connection may raise."""
    try:
        call(scene)
    except BackendUnavailableError as error:
        _assert_tells(error, scene, operation)
        return False
    return True


def _assert_tells(error: BackendError, scene: Scene, operation: str) -> None:
    allowed = {operation, "flush"} if operation == "log_metrics" else {operation}
    assert error.__cause__ is not None, f"{operation}: the error has no __cause__"
    assert error.operation in allowed, f"{operation}: the error says that {error.operation!r} failed"
    parts = {"what": error.what, "where": error.where, "why": error.why, "hint": error.hint}
    assert all(parts.values()), f"{operation}: a part of the message is empty: {parts}"
    for secret in scene.subject.secrets:
        assert secret not in shown(error), f"{operation}: the error or its causes show a secret"


def _assert_written(scene: Scene, operation: str, when: str) -> None:
    """The run has exactly what it had and what one call of this operation writes, now and after its end."""
    status = "failed" if operation == "finish" else "finished"
    params = {"depth": "3"} | ({"rate": "0.5"} if operation == "log_params" else {})
    points = _OLD + (_NEW if operation == "log_metrics" else [])
    files = {"a.txt": b"old"} | ({"a.txt": b"new", "b.txt": b"b"} if operation == "log_files" else {})
    tags = {"team": "ops", "kept": "yes"}
    if operation == "set_tags":
        tags = {"kept": "yes", "stage": "final", "owner": "ada"}
    for ended in (False, True):
        if ended:
            scene.run.finish()
        reader = scene.subject.another()
        found = reader.get_run(scene.run.id)
        assert (dict(found.params), dict(found.tags)) == (params, tags), when
        assert dict(found.metrics) == {"loss": points[-1].value}, when
        assert found.status == (status if ended or operation == "finish" else "running"), when
        assert list(reader.metric_history(scene.run.id, "loss")) == points, when
        assert contents(reader, scene.run.id) == files, when
        # Of points that were given twice, since the first call raised, the backend may keep both: they are equal.
        assert set(scene.subject.back_door.points(scene.run.id, "loss")) == set(points), when
        assert [each.id for each in reader.runs(EXPERIMENT)] == [scene.run.id], when
