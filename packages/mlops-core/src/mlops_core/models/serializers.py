"""Models to bytes and back: skops by default, pickle by explicit choice on both sides."""

from __future__ import annotations

import logging
import pickle
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from mlops_core.errors import (
    ConfigurationError,
    IntegrityError,
    UntrustedModelError,
    extra_not_installed,
    near_matches,
)
from mlops_core.models.archive_checks import check_archive
from mlops_core.models.skops_schema import read_contents
from mlops_core.models.trust import PARTIAL

if TYPE_CHECKING:
    from mlops_core.models.trust import TrustPolicy

_log = logging.getLogger(__name__)

SerializerName: TypeAlias = Literal["skops", "pickle"]
MODEL_FILES: Final[dict[SerializerName, str]] = {"skops": "model.skops", "pickle": "model.pkl"}
"""The file that holds the model, by serializer."""
_PICKLE_PROTOCOL: Final = 5  # of every supported Python, so that bytes do not depend on the one at hand


def serializer_named(name: str | None) -> SerializerName:
    """Check the name of a serializer; ``None`` is the default, skops.

    Raises:
        ConfigurationError: There is no such serializer.
    """
    for known in MODEL_FILES:
        if name is None or name == known:
            return known
    raise ConfigurationError(f"no serializer is called {name!r}", hint=near_matches(str(name), MODEL_FILES))


def serialize(model: object, serializer: SerializerName) -> bytes:
    """A model as bytes. Those of skops are canonical, see :mod:`mlops_core.models.canonical_skops`.

    Args:
        model: The fitted model.
        serializer: ``"skops"`` or ``"pickle"``.

    Raises:
        ConfigurationError: The model cannot be written so that it can be read back.
        AdapterNotFoundError: Skops is not installed.
    """
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    if serializer == "pickle":
        try:
            return pickle.dumps(model, protocol=_PICKLE_PROTOCOL)
        except Exception as exc:
            raise ConfigurationError(f"pickle cannot write this {kind}", why=f"{type(exc).__name__}: {exc}") from exc
    skops_io = _skops_io()
    from mlops_core.models.canonical_skops import canonical_skops

    try:
        data = canonical_skops(model)
        check_archive(data, where=kind)
        # Skops writes functions and classes by name without looking whether the name can be imported again.
        skops_io.loads(data, trusted=skops_io.get_untrusted_types(data=data))
    except Exception as exc:
        hint = 'change that part, or choose serializer="pickle", which whoever loads it must allow explicitly'
        if isinstance(exc, (MemoryError, SystemError)):  # the interpreter's own trouble, not the model's
            hint = "make the same call again"
        why = f"{type(exc).__name__}: {exc}"
        raise ConfigurationError(f"skops cannot write this {kind}", why=why, hint=hint) from exc
    return data


def deserialize(
    data: bytes, serializer: str, *, trust: TrustPolicy, allow_unsafe: bool = False, where: str = "the model file"
) -> object:
    """A model from bytes that have been verified.

    Args:
        data: The bytes of the model file.
        serializer: What the manifest names.
        trust: Which types a skops file may hold.
        allow_unsafe: Let pickle run; it can run any code, so this is given for one call, and logged.
        where: The file that they came from, for messages.

    Raises:
        UntrustedModelError: The file holds a type that ``trust`` does not list, or is a pickle that is not allowed.
        IntegrityError: The file is not what its serializer writes.
        ConfigurationError: There is no such serializer, or a type cannot be imported.
        AdapterNotFoundError: Skops is not installed.
    """
    if serializer_named(serializer) == "skops":
        return _from_skops(data, trust, where)
    if not allow_unsafe:
        raise UntrustedModelError(
            "the model is a pickle, which can run any code when it is loaded",
            where=where,
            why="unsafe formats are not allowed for this call",
            hint="register it again with skops, or pass allow_unsafe=True if you trust whoever made it",
        )
    _log.warning("loading a pickle, which can run any code: %s", where)
    try:
        return cast("object", pickle.loads(data))  # noqa: S301 - the explicit choice of this call, logged
    except Exception as exc:
        why = f"{type(exc).__name__}: {exc}"
        raise IntegrityError("the pickle cannot be loaded here", where=where, why=why, hint=_VERSIONS_HINT) from exc


def untrusted_types(data: bytes) -> list[str]:
    """The types of a skops file that skops does not build unless it is told to, sorted."""
    return cast("list[str]", _skops_io().get_untrusted_types(data=data))


_VERSIONS_HINT: Final = "install the package's requirements.txt"


def _from_skops(data: bytes, trust: TrustPolicy, where: str) -> object:
    skops_io = _skops_io()
    from mlops_core.models.index_bounds import check_index_bounds

    check_archive(data, where=where)
    contents = read_contents(data, where=where)
    trusted = trust.trusted(contents.types)
    if contents.partials_are_reviewed:
        trusted.append(PARTIAL)
    try:
        model = cast("object", skops_io.loads(data, trusted=trusted))
    except skops_io.exceptions.UntrustedTypesFoundException as exc:
        found = cast("list[str]", skops_io.get_untrusted_types(data=data))
        raise _untrusted(sorted(set(found) - set(trusted)), where) from exc
    except (ImportError, AttributeError) as exc:
        raise ConfigurationError(
            "the model needs something that is not installed here", where=where, why=str(exc), hint=_VERSIONS_HINT
        ) from exc
    except Exception as exc:  # whatever a crafted file makes the readers of skops, NumPy and SciPy raise
        why = f"{type(exc).__name__}: {exc}"
        raise IntegrityError("the skops file cannot be read", where=where, why=why, hint=_VERSIONS_HINT) from exc
    check_index_bounds(model, where=where)
    return model


def _untrusted(types: list[str], where: str) -> UntrustedModelError:
    listed = ", ".join(repr(each) for each in types)
    return UntrustedModelError(
        "the model file holds types that are not trusted",
        where=where,
        why=", ".join(types),
        hint=f"if you have reviewed what building them does: [trust] types = [{listed}]",
    )


def _skops_io() -> Any:
    """Skops, which has no complete types: hence ``Any``."""
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # skops lists all of scikit-learn when it is imported
            import skops.io
    except ModuleNotFoundError as exc:
        missing = str(exc.name)
        if missing.partition(".")[0] not in {"skops", "sklearn"}:
            raise
        raise extra_not_installed("sklearn", needed_for="a model file of skops", missing=missing) from exc
    return skops.io
