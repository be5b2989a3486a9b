"""What networks and servers do to a registration, and that one version comes of it, or none."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from mlops_core.errors import (
    AccessDeniedError,
    BackendError,
    BackendUnavailableError,
    ConflictError,
    IntegrityError,
    InvalidNameError,
    VersionNotFoundError,
)
from mlops_core.stores.conditional_writes import Retries
from mlops_core.testing import make_package
from mlops_core.testing.packages import package_of

from tests.servers.http_proxy import PASS, Fate

from .registry_places import Place, place_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.http_proxy import Request
    from tests.servers.mlflow_servers import MlflowServer

pytestmark = pytest.mark.enable_socket
CREATE = "model-versions/create"
PACKAGE = make_package("a model")
LOST = Fate(kind="lose")


@pytest.fixture
def place(mlflow_on_sqlite: MlflowServer) -> Iterator[Place]:
    with place_on(mlflow_on_sqlite) as made:
        yield made


def answer(status: int, code: str = "", message: str = "no", **headers: str) -> Fate:
    body = json.dumps({"error_code": code, "message": message}) if code else "<html>bad gateway</html>"
    return Fate(kind="answer", status=status, body=body.encode(), headers=headers)


def operations(place: Place) -> list[str]:
    return [each.operation_id for each in place.cold().versions("churn")]


class TestMakingAVersion:
    """The one request that makes it."""

    @pytest.mark.parametrize(
        "fate",
        [
            LOST,
            Fate(kind="cut"),
            answer(500, "INTERNAL_ERROR"),
            answer(503),
            answer(503, "TEMPORARILY_UNAVAILABLE", **{"Retry-After": "1"}),
            answer(429, "REQUEST_LIMIT_EXCEEDED"),
            Fate(kind="break", length=20),
        ],
    )
    @pytest.mark.parametrize("times", [1, 3])
    def test_one_call_makes_one_version_whatever_the_first_answers_are(
        self, place: Place, fate: Fate, times: int
    ) -> None:
        if fate.kind in {"lose", "break"} and times > 1:
            times = 1  # the first request has done it
        with place.once(fate, "POST", CREATE, times=times):
            made = place.registry.register("churn", PACKAGE, operation_id="op")
        assert (made.version, made.operation_id, made.reused) == (1, "op", False)
        assert operations(place) == ["op"]
        later = place.registry.register("churn", make_package("another"), operation_id="later")
        assert later.version == 2, "another version was made meanwhile, and taken back"

    def test_a_storm_without_end_is_unavailable_and_the_same_call_later_makes_one(self, place: Place) -> None:
        with place.proxy.planning(lambda each: answer(503) if each.path.endswith(CREATE) else PASS):
            with pytest.raises(BackendUnavailableError) as caught:
                place.registry.register("churn", PACKAGE, operation_id="op")
            assert caught.value.__cause__ is not None
        assert operations(place) == []
        assert place.registry.register("churn", PACKAGE, operation_id="op").version == 1
        assert operations(place) == ["op"]

    def test_a_request_that_was_late_is_no_second_version(self, place: Place) -> None:
        # A gateway gives the first request up, and the server carries it out after it has been looked for.
        place.registry.register("other", PACKAGE, operation_id="op")
        (twin,) = place.rest.pages("model-versions/search", "model_versions", filter="name = 'other'")
        place.registry.register("churn", make_package("older"), operation_id="older")
        creations: list[Request] = []

        def plan(request: Request) -> Fate:
            if request.path.endswith(CREATE):
                creations.append(request)
                if len(creations) == 1:
                    return answer(504)
                place.rest.tell(CREATE, **{**twin, "name": "churn"})
            return PASS

        with place.proxy.planning(plan):
            made = place.registry.register("churn", PACKAGE, operation_id="op")
        assert len(creations) == 2
        assert (made.version, made.reused) == (2, False)
        assert sorted(place.back_door.numbers("churn")) == [1, 2]

    def test_a_twin_that_may_not_be_deleted_stays(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        refused = answer(403, "PERMISSION_DENIED", "Permission denied")
        met: list[Request] = []

        def plan(request: Request) -> Fate:
            if request.path.endswith(CREATE):
                met.append(request)
                return Fate(kind="late", status=504) if len(met) == 1 else PASS
            if request.path.endswith("model-versions/delete"):
                return refused
            if len(met) == 1:
                looked.append(request)
            elif looked:
                place.proxy.deliver()
            return PASS

        looked: list[Request] = []
        with place.proxy.planning(plan), caplog.at_level(logging.WARNING):
            made = place.registry.register("churn", PACKAGE, operation_id="op")
        assert (made.version, made.reused) == (1, False)
        assert operations(place) == ["op", "op"]
        assert "churn:2 is the same as churn:1" in caplog.text

    def test_twins_that_cannot_be_looked_for_are_no_error(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        met: list[Request] = []

        def plan(request: Request) -> Fate:
            if request.path.endswith(CREATE):
                met.append(request)
                return answer(503) if len(met) == 1 else PASS
            return answer(503) if len(met) > 1 else PASS

        with place.proxy.planning(plan), caplog.at_level(logging.WARNING):
            made = place.registry.register("churn", PACKAGE, operation_id="op")
        assert (made.version, operations(place)) == (1, ["op"])
        assert "churn:1 may have a twin" in caplog.text

    @pytest.mark.parametrize(("attempts", "expected"), [(5, 5), (1_000, 6)])
    def test_a_server_that_asks_for_patience_gets_a_minute_of_it(
        self, place: Place, attempts: int, expected: int
    ) -> None:
        waited: list[float] = []
        retries = Retries(attempts=attempts, sleep=waited.append, clock=lambda: sum(waited))
        registry = place.another(retries=retries).registry
        busy = answer(429, "REQUEST_LIMIT_EXCEEDED", **{"Retry-After": "20"})
        creations: list[Request] = []

        def plan(request: Request) -> Fate:
            if request.path.endswith(CREATE):
                creations.append(request)
                return busy
            return PASS

        with place.proxy.planning(plan), pytest.raises(BackendUnavailableError):
            registry.register("churn", PACKAGE, operation_id="op")
        assert len(creations) == expected
        assert 40 < sum(waited) < 75

    def test_a_refusal_is_asked_once(self, place: Place) -> None:
        with (
            place.once(answer(400, "INVALID_PARAMETER_VALUE", "Invalid source"), "POST", CREATE),
            pytest.raises(BackendError, match="failed") as caught,
        ):
            place.registry.register("churn", PACKAGE, operation_id="op")
        assert "Invalid source" in caught.value.why
        assert operations(place) == []


class TestEveryOtherRequest:
    """Each of a first registration."""

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "registered-models/create"),
            ("GET", "experiments/get-by-name"),
            ("POST", "experiments/create"),
            ("POST", "runs/create"),
            ("PUT", "/model.bin"),
        ],
    )
    @pytest.mark.parametrize("fate", [LOST, Fate(kind="cut"), answer(500), answer(503)])
    def test_is_made_again(self, place: Place, method: str, path: str, fate: Fate) -> None:
        with place.once(fate, method, path):
            place.registry.register("churn", PACKAGE, operation_id="op")
        assert operations(place) == ["op"]
        (experiment,) = place.rest.tell("experiments/search", max_results=10)["experiments"]
        assert experiment["name"] == "mlops"
        runs = place.rest.tell("runs/search", experiment_ids=[experiment["experiment_id"]])["runs"]
        assert len(runs) == 1, "a lost answer makes no second run"


class TestRaces:
    """What databases say to the second of two who insert the same row."""

    UNIQUE = answer(400, "BAD_REQUEST", "(psycopg2.errors.UniqueViolation) duplicate key\n[SQL: INSERT 'canary']")

    def test_an_alias_is_set_again(self, place: Place) -> None:
        place.registry.register("churn", PACKAGE, operation_id="op")
        with place.once(self.UNIQUE, "POST", "registered-models/alias", times=3):
            place.registry.set_alias("churn", "champion", 1)
        assert place.back_door.aliases("churn") == {"champion": 1}

    def test_a_tag_is_set_again(self, place: Place) -> None:
        place.registry.register("churn", PACKAGE, operation_id="op")
        with place.once(self.UNIQUE, "POST", "model-versions/set-tag"):
            place.registry.set_tags("churn", 1, {"team": "risk"})
        assert place.back_door.tags("churn", 1) == {"team": "risk"}

    def test_statements_of_the_database_are_not_shown(self, place: Place) -> None:
        place.registry.register("churn", PACKAGE, operation_id="op")
        with (
            place.proxy.planning(lambda _: self.UNIQUE),
            pytest.raises(BackendUnavailableError, match="UniqueViolation") as caught,
        ):
            place.registry.set_alias("churn", "champion", 1)
        assert "canary" not in str(caught.value)


class TestBadInput:
    """Refused before any request, whatever the database would have taken."""

    @pytest.mark.parametrize(
        "more",
        [
            {"tags": {"team": "x" * 4_001}},
            {"tags": {"team": "a\0b"}},
            {"tags": {"Team": "x"}},
            {"run": "a\0b"},
            {"commit": "\ud800"},
            {"metrics": {"auc": "high"}},
            {"operation_id": "x" * 65},
        ],
    )
    def test_arguments(self, place: Place, more: dict[str, Any]) -> None:
        arguments: dict[str, Any] = {"operation_id": "op", **more}
        with pytest.raises(InvalidNameError):
            place.registry.register("churn", PACKAGE, **arguments)
        assert place.proxy.requests == 0

    def test_the_name_of_a_file(self, place: Place) -> None:
        package = package_of({"model.bin": b"x", f"{'%' * 200}.txt": b"x"})
        with pytest.raises(InvalidNameError, match="255"):
            place.registry.register("churn", package, operation_id="op")
        assert place.proxy.requests == 0

    def test_a_file_that_is_not_what_the_manifest_says_makes_no_version(self, place: Place) -> None:
        whole = make_package("a model")
        bad = type(whole)(manifest=whole.manifest, files={**whole.files, "model.bin": b"another"})
        with pytest.raises(IntegrityError):
            place.registry.register("churn", bad, operation_id="op")
        assert list(place.back_door.numbers("churn")) == []

    def test_what_broke_off_leaves_at_most_a_model_that_the_next_call_uses(self, place: Place) -> None:
        storm = answer(503)
        with (
            place.proxy.planning(lambda each: storm if each.method == "PUT" else PASS),
            pytest.raises(BackendUnavailableError),
        ):
            place.registry.register("churn", PACKAGE, operation_id="op")
        assert [each.name for each in place.registry.models()] == ["churn"]
        with pytest.raises(VersionNotFoundError):
            place.cold().latest("churn")
        assert place.cold().register("churn", PACKAGE, operation_id="op-2").version == 1
        assert operations(place) == ["op-2"]


class TestLongRecords:
    """What a tag cannot hold is held by several."""

    def test_a_long_manifest_and_long_texts_come_back(self, place: Place) -> None:
        package = make_package("many", **{f"part_{each}": b"x" for each in range(400)})
        assert len(package.manifest.to_bytes()) > 32_000
        metrics = {f"group-{each}/auc": each / 7 for each in range(1_500)} | {"worst": float("-inf")}
        run = "r" * 20_000 + "ä"
        made = place.registry.register("churn", package, operation_id="op", metrics=metrics, run=run, commit="")
        again = place.cold().get("churn", 1)
        assert again == made
        assert (again.manifest, again.metrics, again.run, again.commit) == (package.manifest, metrics, run, "")


class TestAModelThatGoesAway:
    """Between two calls of an instance that remembers it."""

    def test_it_is_made_again(self, place: Place) -> None:
        place.registry.register("churn", PACKAGE, operation_id="op")
        place.rest.drop("registered-models/delete", name="churn")
        assert place.registry.register("churn", PACKAGE, operation_id="op").reused is False
        assert operations(place) == ["op"]

    def test_one_that_is_deleted_again_and_again_is_a_conflict(self, place: Place) -> None:
        gone = answer(404, "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=churn not found")
        with place.once(gone, "POST", CREATE, times=2), pytest.raises(ConflictError, match="cannot register"):
            place.registry.register("churn", PACKAGE, operation_id="op")


class TestWhatIsNotAllowed:
    """To somebody who may do other things."""

    FORBIDDEN = answer(403, "PERMISSION_DENIED", "Permission denied")

    def test_who_may_not_make_models_is_told_so(self, place: Place) -> None:
        with (
            place.once(self.FORBIDDEN, "POST", "registered-models/create"),
            pytest.raises(AccessDeniedError) as caught,
        ):
            place.registry.register("churn", PACKAGE, operation_id="op")
        assert caught.value.operation == "register"
        assert list(place.registry.models()) == []

    def test_who_may_not_make_models_makes_versions_of_what_is_there(self, place: Place) -> None:
        place.registry.register("churn", PACKAGE, operation_id="op")
        with place.once(self.FORBIDDEN, "POST", "registered-models/create"):
            made = place.cold().register("churn", make_package("another"), operation_id="op-2")
        assert made.version == 2


def test_an_experiment_in_the_trash_is_told_of_the_call_that_needs_it(place: Place) -> None:
    experiment = place.rest.tell("experiments/create", name="mlops")["experiment_id"]
    place.rest.tell("experiments/delete", experiment_id=experiment)
    with pytest.raises(ConflictError, match="trash") as caught:
        place.registry.register("churn", PACKAGE, operation_id="op")
    assert caught.value.operation == "register"
    assert experiment in caught.value.hint


class TestOtherAnswers:
    """Something that is no MLflow answers."""

    @pytest.mark.parametrize(
        "fate",
        [
            Fate(kind="answer", status=200, body=b"<html>please log in</html>", headers={"Content-Type": "text/html"}),
            Fate(kind="answer", status=302, headers={"Location": "https://login.example/"}),
            Fate(kind="answer", status=200, body=b"[1]"),
            Fate(kind="answer", status=200, body=b"{}"),
            Fate(kind="answer", status=200, body=b'{"registered_model": 5, "model_version": {"name": []}}'),
        ],
    )
    def test_are_errors_of_the_backend(self, place: Place, fate: Fate) -> None:
        calls = (
            lambda: place.cold().get("churn", 1),
            lambda: place.cold().resolve("churn", "champion"),
            lambda: place.cold().set_alias("churn", "champion", 1),
            lambda: place.cold().register("churn", PACKAGE, operation_id="op"),
        )
        for call in calls:
            with place.proxy.planning(lambda _: fate), pytest.raises(BackendError) as caught:
                call()
            assert caught.value.__cause__ is not None
            assert caught.value.hint
