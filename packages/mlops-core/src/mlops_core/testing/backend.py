"""The contract of the factory: what an adapter's entry point names, and what makes the ports."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NoReturn

import pytest

from mlops_core.errors import ConfigurationError
from mlops_core.ports.artifact_store import ArtifactStore
from mlops_core.ports.backend import BackendFactory
from mlops_core.ports.experiment_tracker import ExperimentTracker
from mlops_core.ports.model_registry import ModelRegistry
from mlops_core.secret import Secret
from mlops_core.testing.contract import Contract
from mlops_core.testing.process_state import process_state
from mlops_core.testing.signatures import compare_with_protocol
from mlops_core.testing.subjects import BackendUnderTest
from mlops_core.testing.threads import all_at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlops_core.ports.backend import OptionValue, PortName
    from mlops_core.testing.contract import ContractName

_PROTOCOLS: Final[Mapping[PortName, type]] = {
    "model_registry": ModelRegistry,
    "artifact_store": ArtifactStore,
    "experiment_tracker": ExperimentTracker,
}
_NAME: Final = "configured-name"
_THREADS: Final = 6
_CONNECTING: Final = ("connect", "connect_ex", "sendto")


class BackendContract(Contract):
    """What every :class:`~mlops_core.ports.backend.OpenBackend` does. It needs no server, and writes nothing.

    An author subclasses it, says ``contract_version`` and ``backend``, and gives one fixture, ``fresh_backend``: a
    callable without arguments that returns a :class:`~mlops_core.testing.subjects.BackendUnderTest`.
    """

    port: ClassVar[ContractName] = "backend"

    @pytest.fixture
    def subject(self, fresh_backend: Callable[[], BackendUnderTest]) -> BackendUnderTest:
        """One way to open a backend."""
        return self._made(fresh_backend, BackendUnderTest)

    def test_fixture_can_be_opened(self, subject: BackendUnderTest) -> None:
        """The options are those of a user, and the folder is there.

        If this fails: give the options that somebody writes into ``mlops.toml``, without ``adapter``, and a folder.
        """
        assert subject.base.is_dir()
        assert "adapter" not in subject.options
        _opened(subject)

    def test_signatures_are_those_of_the_factory(self, subject: BackendUnderTest) -> None:
        """Methods, parameters, kinds and defaults are those of ``BackendFactory``.

        If this fails: each line of the list names a method and how it differs; a port that is not offered has its
        method too.
        """
        assert compare_with_protocol(_opened(subject), BackendFactory) == []

    def test_the_configured_name_is_kept(self, subject: BackendUnderTest) -> None:
        """``name`` is what the user has chosen, ``adapter`` that of the entry point.

        If this fails: give both back as they are; two backends of one adapter differ in their names only.
        """
        factory = _opened(subject)
        assert (factory.name, factory.adapter) == (_NAME, subject.adapter)

    def test_ports_name_what_is_offered(self, subject: BackendUnderTest) -> None:
        """Each port that ``ports`` names is made, with the methods of its protocol.

        If this fails: leave out of ``ports`` what the vendor does not have.
        """
        factory = _opened(subject)
        assert factory.ports
        assert isinstance(factory.ports, frozenset)
        assert factory.ports <= _PROTOCOLS.keys()
        for port in sorted(factory.ports):
            assert compare_with_protocol(_port(factory, port), _PROTOCOLS[port]) == [], port

    def test_each_port_is_one_object(self, subject: BackendUnderTest) -> None:
        """A port is made once, also when several threads ask at the same moment, and never shared by two backends.

        If this fails: make it in the constructor, or under a lock of the factory, and keep it there.
        """
        factory, other = _opened(subject), subject.open(f"{_NAME}-2", subject.options, base=subject.base)
        for port in sorted(factory.ports):
            made = all_at_once([partial(_port, factory, port)] * _THREADS)
            assert len({id(each) for each in [*made, _port(factory, port)]}) == 1, port
            assert _port(other, port) is not made[0], port

    def test_opening_makes_no_request(self, subject: BackendUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
        """Making the factory connects to nothing, reads no secret, and leaves files and the process as they are.

        If this fails: only check options there; connect, and call ``reveal()``, when a port is first asked for.
        """

        def no_secret(*_: object, **__: object) -> NoReturn:
            pytest.fail("a secret was read")

        def no_request(*_: object, **__: object) -> NoReturn:
            pytest.fail("a request was made")

        files, state = _files(subject.base), process_state()
        with monkeypatch.context() as patch:
            patch.setattr(Secret, "reveal", no_secret)
            for name in _CONNECTING:
                patch.setattr(socket.socket, name, no_request)
            _opened(subject)
        assert _files(subject.base) == files
        assert process_state() == state

    def test_closing_may_be_repeated(self, subject: BackendUnderTest) -> None:
        """``close`` is called twice without harm, whether or not a port was made.

        If this fails: remember that it is closed, or close only what was opened.
        """
        unused, used = _opened(subject), _opened(subject)
        for port in sorted(used.ports):
            _port(used, port)
        for factory in (unused, used):
            factory.close()
            factory.close()

    def test_an_unknown_option_is_refused(self, subject: BackendUnderTest) -> None:
        """An option that nobody knows is a ``ConfigurationError`` that names the backend and shows no value.

        If this fails: fill a dataclass by ``mlops_core.settings.options.read_options``, which checks and suggests.
        """
        error = _refusal(subject, {"no_such_option": "canary"})
        assert "no_such_option" in str(error)

    def test_a_misspelt_option_is_suggested(self, subject: BackendUnderTest) -> None:
        """An option that is nearly one of the adapter's is told with the right one.

        If this fails: fill a dataclass by ``mlops_core.settings.options.read_options``, which checks and suggests.
        """
        for name in subject.options:
            error = _refusal(subject, {f"{name}z": "canary"})
            assert repr(name) in f"{error.why} {error.hint}", f"{name}z: {error}"


def _opened(subject: BackendUnderTest) -> BackendFactory:
    return subject.open(_NAME, subject.options, base=subject.base)


def _port(factory: BackendFactory, port: PortName) -> object:
    if port == "model_registry":
        return factory.model_registry()
    return factory.artifact_store() if port == "artifact_store" else factory.experiment_tracker()


def _refusal(subject: BackendUnderTest, more: Mapping[str, OptionValue]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        subject.open(_NAME, {**subject.options, **more}, base=subject.base)
    error = caught.value
    empty = [part for part in ("what", "where", "hint") if not getattr(error, part)]
    assert not empty, f"a part is missing, {', '.join(empty)}: {error}"
    assert _NAME in error.where, f"where: {error.where!r} does not name the backend"
    assert "canary" not in str(error)
    return error


def _files(folder: Path) -> list[tuple[Path, int]]:
    return sorted((each, each.stat().st_mtime_ns) for each in folder.rglob("*"))
