"""Mutants of the model registry: what happens to the process, secrets, and signatures."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import TYPE_CHECKING

from mlops_core.errors import ModelNotFoundError, NotFoundError

from .registry_base import SECRET, RegistryMutant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from mlops_core.manifest import Package
    from mlops_core.ports.model_registry import ModelRegistryCapability, ModelVersion, PinnedVersion, RegisteredModel

    from .registry_base import Arguments


class EnvironmentIsWritten(RegistryMutant):
    """The address is handed to the vendor's library through the environment."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        os.environ["ACME_ADDRESS"] = "memory"
        return super().registering(model, package, asked)


class LoggingIsSetUp(RegistryMutant):
    """Everybody's logging gets a handler."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        logging.getLogger().addHandler(logging.NullHandler())
        return super().registering(model, package, asked)


class LogLevelIsSet(RegistryMutant):
    """Everybody's logging says more."""

    def listed(self, model: str) -> Iterator[ModelVersion]:
        logging.getLogger().setLevel(logging.ERROR)
        return super().listed(model)


class WarningsAreSilenced(RegistryMutant):
    """Everybody's warnings are switched off."""

    def models(self) -> Iterator[RegisteredModel]:
        warnings.simplefilter("ignore")
        return super().models()


class OutputIsPrinted(RegistryMutant):
    """The vendor's link is printed."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        sys.stdout.write(f"view {model} at https://acme.test\n")
        return super().registering(model, package, asked)


class FolderIsChanged(RegistryMutant):
    """The process is left in another folder."""

    def registering(self, model: str, package: Package, asked: Arguments) -> ModelVersion:
        os.chdir("/")
        return super().registering(model, package, asked)


class SecretInRepr(RegistryMutant):
    """What the instance was opened with is shown in its ``repr``."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(token={SECRET!r})"


class SecretInAnError(RegistryMutant):
    """The vendor's words, with the token in them, are passed on."""

    def get(self, model: str, version: int, /) -> ModelVersion:
        try:
            return super().get(model, version)
        except ModelNotFoundError as exc:
            why = f"GET /models/{model}?token={SECRET}: 404"
            raise ModelNotFoundError(exc.what, operation="get", subject=model, backend="memory", why=why) from None


class SecretInACause(RegistryMutant):
    """The message has no token; the exception that caused it has."""

    def resolve(self, model: str, alias: str, /) -> PinnedVersion:
        try:
            return super().resolve(model, alias)
        except NotFoundError as exc:
            raise exc from ConnectionError(f"GET /models?token={SECRET}")


class KeywordIsRenamed(RegistryMutant):
    """``force`` is called ``really``."""

    def delete_model(self, model: str, /, *, really: bool = False) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().delete_model(model, force=really)


class MoreIsRequired(RegistryMutant):
    """A call needs an argument that the port does not have."""

    def delete_alias(self, model: str, alias: str, /, *, region: str) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        del region
        super().delete_alias(model, alias)


class DefaultIsAnother(RegistryMutant):
    """Models are deleted with everything in them by default."""

    def delete_model(self, model: str, /, *, force: bool = True) -> None:
        super().delete_model(model, force=force)


class MethodIsMissing(RegistryMutant):
    """A method of the port was forgotten."""

    @property
    def delete_alias(self) -> NoReturn:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise AttributeError("delete_alias")


class PropertyIsAMethod(RegistryMutant):
    """``capabilities`` has to be called."""

    def capabilities(self) -> ModelRegistryCapability:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().capabilities
