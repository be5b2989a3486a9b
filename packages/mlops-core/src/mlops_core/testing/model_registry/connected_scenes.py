"""What the tests with a breakable connection share: prepared registries, every call of the port, every request of one.

A test counts the requests of a call that nothing disturbs, and then repeats the call on a fresh registry with something
going wrong at each of them. So no step of an adapter's protocol is left to chance.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

import pytest

from mlops_core.errors import BackendError, BackendUnavailableError, ModelNotFoundError
from mlops_core.manifest import MANIFEST_FILE, verified_chunks
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import ALIAS, MODEL
from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_core.ports.model_registry import ModelRegistry, ModelVersion
    from mlops_core.testing.subjects import Connection, RegistryUnderTest

TAGS: Final[Mapping[str, str]] = {"kept": "as it is", "owner": "ada", "stage": "silver"}
TAGS_AFTER: Final[Mapping[str, str]] = {"kept": "as it is", "stage": "gold", "team": "risk"}
"""The tags of the oldest version after :func:`set_tags`."""
NEW: Final = make_package("a new model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A registry that has made no request yet, and what others have put into it.

    Attributes:
        subject: The registry under test.
        connection: What lies between it and its backend.
        versions: The versions of the model, oldest first; an alias points at the first. All have the same tags.
    """

    subject: RegistryUnderTest
    connection: Connection
    versions: tuple[ModelVersion, ...]

    @property
    def registry(self) -> ModelRegistry:
        """The instance whose connection breaks."""
        return self.subject.registry

    def others(self) -> ModelRegistry:
        """An instance that knows nothing of what this one has done."""
        return self.subject.another()

    def whole_versions(self) -> list[ModelVersion]:
        """What somebody else sees of the model, newest first; every version of it has to be whole.

        Raises:
            AssertionError: The back door sees other versions than the adapter lists.
            MlopsError: A file of a version is missing, or is not what its manifest says.
        """
        other = self.others()
        try:
            found = list(other.versions(MODEL))
        except ModelNotFoundError:
            found = []
        for version in found:
            _read_all(other, version)
        assert sorted(self.subject.back_door.numbers(MODEL)) == sorted(each.version for each in found)
        return found


Call: TypeAlias = Callable[[Scene], object]
Fresh: TypeAlias = "Callable[[], RegistryUnderTest]"


class OnAConnection(ModelRegistryPart):
    """Base of the parts whose tests break the connection.

    Attributes:
        every_nth: Disturb only every n-th request of a call, and the last one, where each costs a server much time.
    """

    every_nth: ClassVar[int] = 1

    def disturbed(self, fresh_registry: Fresh, call: Call, *, versions: int = 2) -> Iterator[tuple[Scene, int]]:
        """A fresh scene for each request that a call makes when nothing disturbs it, with the request's number."""
        count = requests_of(prepared(fresh_registry(), versions=versions), call)
        assert count, "the connection has counted no request: is it on the way of RegistryUnderTest.registry?"
        for number in sorted({*range(0, count, self.every_nth), count - 1}):
            yield prepared(fresh_registry(), versions=versions), number


def connection_of(subject: RegistryUnderTest) -> Connection:
    """The connection of a subject, which a connected contract cannot do without."""
    if subject.connection is None:
        pytest.fail(
            "fresh_registry gives no connection: set RegistryUnderTest.connection to what can break the way to the "
            "backend, or use ModelRegistryContract for a backend that lives in this process"
        )
    return subject.connection


def prepared(subject: RegistryUnderTest, *, versions: int = 2) -> Scene:
    """A scene whose model has some versions, made through another instance."""
    connection = connection_of(subject)
    other = subject.another()
    made = tuple(
        other.register(MODEL, make_package(f"model {each}"), operation_id=f"op-{each}", tags=TAGS)
        for each in range(versions)
    )
    if made:
        other.set_alias(MODEL, ALIAS, made[0].version)
    return Scene(subject=subject, connection=connection, versions=made)


def requests_of(scene: Scene, call: Call) -> int:
    """How many requests a call makes."""
    before = scene.connection.requests
    call(scene)
    return scene.connection.requests - before


def register_new(scene: Scene) -> ModelVersion:
    """Register content that the model does not have."""
    return scene.registry.register(MODEL, NEW, operation_id="op-new")


def move_alias(scene: Scene) -> None:
    """Point the alias, which points at the oldest version, at the newest."""
    scene.registry.set_alias(MODEL, ALIAS, scene.versions[-1].version)


def set_tags(scene: Scene) -> None:
    """Change one tag of the oldest version, remove one, add one."""
    scene.registry.set_tags(MODEL, scene.versions[0].version, {"stage": "gold", "owner": None, "team": "risk"})


def delete_version(scene: Scene) -> None:
    """Delete the oldest version, at which the alias points."""
    scene.registry.delete_version(MODEL, scene.versions[0].version)


def delete_model(scene: Scene) -> None:
    """Delete the model with its versions."""
    scene.registry.delete_model(MODEL, force=True)


CALLS: Final[Mapping[str, Call]] = {
    "register": register_new,
    "get": lambda scene: scene.registry.get(MODEL, scene.versions[0].version),
    "resolve": lambda scene: scene.registry.resolve(MODEL, ALIAS),
    "latest": lambda scene: scene.registry.latest(MODEL),
    "models": lambda scene: list(scene.registry.models()),
    "versions": lambda scene: list(scene.registry.versions(MODEL)),
    "set_alias": move_alias,
    "delete_alias": lambda scene: scene.registry.delete_alias(MODEL, ALIAS),
    "set_tags": set_tags,
    "delete_version": delete_version,
    "delete_model": delete_model,
    "open": lambda scene: scene.registry.open(scene.versions[0], "model.bin").close(),
}
"""Every method of the port, called so that it succeeds."""


def got_through(scene: Scene, call: Call, operation: str) -> bool:
    """Make a call; whether it returned rather than raised the one error that a broken connection may raise."""
    try:
        call(scene)
    except BackendUnavailableError as error:
        assert_tells(error, scene, operation)
        return False
    return True


def assert_tells(error: BackendError, scene: Scene, operation: str) -> None:
    """Check that an error of a backend says all that a caller needs, and nothing that nobody may see."""
    assert error.__cause__ is not None, f"{operation}: the error has no __cause__"
    assert error.operation == operation, f"{operation}: the error says that {error.operation!r} failed"
    assert error.backend, f"{operation}: the error does not name its backend"
    parts = {"what": error.what, "where": error.where, "why": error.why, "hint": error.hint}
    assert all(parts.values()), f"{operation}: a part of the message is empty: {parts}"
    assert error.retryable is isinstance(error, BackendUnavailableError)
    shown = "".join([repr(error), *traceback.format_exception(error)])
    for secret in scene.subject.secrets:
        assert secret not in shown, f"{operation}: the error or its causes show a secret"


def _read_all(registry: ModelRegistry, version: ModelVersion) -> None:
    with registry.open(version, MANIFEST_FILE) as stream:
        assert stream.read() == version.manifest.to_bytes()
    for entry in version.manifest.files:
        with registry.open(version, entry.path) as stream:
            for _ in verified_chunks(stream, entry, where=f"version {version.version}"):
                pass
