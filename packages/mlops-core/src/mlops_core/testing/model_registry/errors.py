"""Promise ``vendor_errors_arrive_as_ours``, as far as it needs no connection: bugs, secrets, and other processes."""

from __future__ import annotations

import io
import logging
import pickle
import traceback
from typing import TYPE_CHECKING, BinaryIO

import pytest

from mlops_core.errors import BackendError, MlopsError
from mlops_core.testing.model_registry.base import ModelRegistryPart
from mlops_core.testing.model_registry.calls import ALIAS, MODEL, new_operation, read_files, register
from mlops_core.testing.model_registry.odd_packages import BrokenStream, WatchedPackage
from mlops_core.testing.model_registry.process import call_every_method
from mlops_core.testing.packages import make_package

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.ports.model_registry import ModelRegistry
    from mlops_core.testing.subjects import RegistryUnderTest


class Errors(ModelRegistryPart):
    """What errors say, what they do not, and which are none of the adapter's."""

    @pytest.mark.parametrize("kind", [ZeroDivisionError, OSError])
    @pytest.mark.parametrize("moment", ["when a file is opened", "while a file is read"])
    def test_vendor_errors_arrive_as_ours__bugs_pass_through_untouched(
        self, subject: RegistryUnderTest, moment: str, kind: type[Exception]
    ) -> None:
        """An exception that is not the vendor's, out of the package for one, arrives as it is; no version is made.

        If this fails: ``except Exception`` claims too much; translate the vendor's own classes only, and see that a
        registration that was begun leaves no version. An ``OSError`` of the package is its own, not the vendor's.
        """
        registry = subject.registry
        before = register(registry, "before")
        bug = kind("a bug of ours")

        def stumble(path: str, stream: BinaryIO) -> BinaryIO:
            if path != "model.bin":
                return stream
            if moment == "when a file is opened":
                raise bug
            return io.BufferedReader(BrokenStream(b"a mo", bug))

        broken = WatchedPackage(package=make_package("a model"), on_open=stumble)
        with pytest.raises(kind) as caught:
            registry.register(MODEL, broken, operation_id=new_operation())
        assert caught.value is bug
        assert [each.version for each in registry.versions(MODEL)] == [before.version]
        assert list(subject.back_door.numbers(MODEL)) == [before.version]
        after = register(registry, "a model")
        assert after.version > before.version
        assert read_files(registry, after)["model.bin"] == b"a model"

    def test_vendor_errors_arrive_as_ours__and_keep_their_parts_in_another_process(
        self, registry: ModelRegistry
    ) -> None:
        """An error that is pickled, as pools of processes do, is the same error with the same four parts.

        If this fails: raise the classes of ``mlops_core.errors`` themselves, with text as their parts.
        """
        for error in provoked_errors(registry):
            if not isinstance(error, MlopsError):
                continue
            again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes, made in this line)
            assert (type(again), str(again)) == (type(error), str(error))
            if isinstance(error, BackendError):
                parts = (error.operation, error.subject, error.backend)
                assert (again.operation, again.subject, again.backend) == parts

    def test_vendor_errors_arrive_as_ours__without_secrets(
        self, subject: RegistryUnderTest, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """What the instance was opened with in confidence appears in no text, error, trace, log or output of it.

        If this fails: keep secrets in ``Secret``, out of ``repr`` and addresses, and redact the vendor's words.
        """
        with caplog.at_level(logging.INFO):
            registry = subject.another()
            call_every_method(registry)
            made = register(registry)
            registry.set_alias(MODEL, ALIAS, made.version)
            errors = provoked_errors(registry)
        printed = capfd.readouterr()
        texts = [
            *(repr(each) for each in (registry, registry.capabilities, made, *registry.models())),
            *(repr(each) for each in (*registry.versions(MODEL), registry.resolve(MODEL, ALIAS))),
            *(str(each) for each in (registry, subject.registry, made.url)),
            *(repr(each) + "".join(traceback.format_exception(each)) for each in errors),
            *(repr(vars(each)) for each in errors),
            *(f"{each.getMessage()} {each.args!r} {each.exc_text}" for each in caplog.records),
            printed.out,
            printed.err,
        ]
        for secret in subject.secrets:
            assert [text for text in texts if secret in text] == []


def provoked_errors(registry: ModelRegistry, /) -> list[Exception]:
    """What a call of each kind raises that needs no fault of the backend; leaves one version of one model.

    Whether it raises, and what, is for other tests to say.
    """
    made = register(registry)
    calls: list[Callable[[], object]] = [
        lambda: registry.get("nope", made.version),
        lambda: registry.get(MODEL, made.version + 1_000),
        lambda: registry.resolve(MODEL, "challenger"),
        lambda: registry.open(made, "nope"),
        lambda: registry.set_alias(MODEL, "Not An Alias", made.version),
        lambda: registry.delete_model(MODEL),
    ]
    errors: list[Exception] = []
    for call in calls:
        try:
            call()
        except Exception as exc:  # noqa: BLE001 (whatever it is, it must not tell secrets)
            errors.append(exc)
    return errors
