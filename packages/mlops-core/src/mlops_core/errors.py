"""The error tree. Every message has four parts: what failed, where, why, and what to do next.

::

    MlopsError
    ├── ConfigurationError                wrong settings; raised before any request
    │     └── AdapterNotFoundError        the adapter, or a library that it needs, is not installed
    ├── InvalidNameError                  a name outside the grammar, quoted in the message
    ├── UntrustedModelError               the caller's trust policy does not allow what the package holds
    ├── IntegrityError                    bytes are not those that the manifest promises
    ├── SignatureMismatchError            a table or a feature differs from the one that the model was trained with
    ├── FeatureError                      a feature definition that cannot work
    ├── DatasetError                      a plan or a table that cannot be built
    ├── ScoringError                      a chain, or a run of one, that cannot work as asked
    │     └── TooManyRejectsError         a run rejected more than it may; its scores are not written
    └── BackendError                      a vendor said no: operation, subject, backend
          ├── NotFoundError
          │     ├── ModelNotFoundError, VersionNotFoundError, AliasNotFoundError
          │     └── RunNotFoundError, ArtifactNotFoundError
          ├── AlreadyExistsError, ConflictError, UnsupportedOperationError
          └── AuthenticationError, AccessDeniedError, BackendUnavailableError (retryable)
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping


class MlopsError(Exception):
    """Base of everything that this library raises on purpose.

    Args:
        what: What failed, in a few words, with the subject quoted.
        where: The backend, file, table or feature in which it failed.
        why: The reason; a vendor's words, redacted, where a vendor gave one.
        hint: What to type or to look at next.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        parts = (("where", self.where), ("why", self.why), ("next", self.hint))
        return "\n".join([self.what, *(f"  {label + ':':6} {text}" for label, text in parts if text)])

    def __reduce__(self) -> tuple[Callable[..., MlopsError], tuple[type[MlopsError], dict[str, object]]]:
        # Exceptions pickle by positional arguments; ours are keyword-only and must survive a process boundary.
        return _rebuild, (type(self), dict(self.__dict__))


def _rebuild(kind: type[MlopsError], state: dict[str, object]) -> MlopsError:
    error = kind.__new__(kind)
    error.args = (state["what"],)
    error.__dict__.update(state)
    return error


class ConfigurationError(MlopsError, ValueError):
    """Settings are wrong. Raised before any request is made."""


class AdapterNotFoundError(ConfigurationError):
    """An adapter, or a library that a part of the core needs, is not installed or cannot be imported."""


class InvalidNameError(MlopsError, ValueError):
    """A name breaks the grammar of :mod:`mlops_core.naming`. Raised before any request is made."""


class UntrustedModelError(MlopsError):
    """The package holds something that the caller's trust policy does not allow to be loaded."""


class IntegrityError(MlopsError):
    """Stored bytes differ from what the manifest or the record promises. Nothing was deserialised."""


class SignatureMismatchError(MlopsError, ValueError):
    """A table or a feature differs, column by column, from what the model was trained with."""


class FeatureError(MlopsError, ValueError):
    """A feature definition cannot work: unknown, doubled, cyclic, or called with wrong parameters."""


class DatasetError(MlopsError, ValueError):
    """A dataset plan or one of its tables cannot be used as asked."""


class ScoringError(MlopsError):
    """A chain, its input or its outputs cannot be used as asked, or a handler broke its promises."""


class TooManyRejectsError(ScoringError):
    """A run rejected a larger share of its rows than it may. Rejects are written, scores are not.

    Args:
        what: How many rows of how many.
        where: The input.
        why: The reasons that did it, with their rows.
        hint: What to look at next.
        result: The run's ``ScoringResult``, from which a report can be drawn.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "", result: object = None) -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.result = result


class BackendError(MlopsError):
    """A backend did not do what it was asked.

    Args:
        what: What failed, in a few words.
        operation: The port's method, such as ``"register"``.
        subject: What it was applied to, such as ``"churn:3"``.
        backend: The configured name of the backend, such as ``"prod"``.
        why: The vendor's words, redacted.
        hint: What to type or to look at next.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self, what: str, *, operation: str = "", subject: str = "", backend: str = "", why: str = "", hint: str = ""
    ) -> None:
        super().__init__(what, where=f"backend {backend!r}" if backend else "", why=why, hint=hint)
        self.operation = operation
        self.subject = subject
        self.backend = backend


class NotFoundError(BackendError, LookupError):
    """The subject does not exist."""


class ModelNotFoundError(NotFoundError):
    """No model of that name."""


class VersionNotFoundError(NotFoundError):
    """The model exists, the version does not (or not any more)."""


class AliasNotFoundError(NotFoundError):
    """The model exists, the alias does not."""


class RunNotFoundError(NotFoundError):
    """No run of that id."""


class ArtifactNotFoundError(NotFoundError):
    """No stored object under that key or path."""


class AlreadyExistsError(BackendError):
    """A create-only write found the subject already there."""


class ConflictError(BackendError):
    """A compare-and-set write found another value than the expected one."""


class UnsupportedOperationError(BackendError, NotImplementedError):
    """The backend does not declare the capability. Raised before any request is made."""


class AuthenticationError(BackendError):
    """The backend does not know who is asking."""


class AccessDeniedError(BackendError):
    """The backend knows who is asking and refuses."""


class BackendUnavailableError(BackendError):
    """The backend could not be reached, or could not answer in time. The same call may be made again."""

    retryable: ClassVar[bool] = True


@contextmanager
def translating_errors(
    classify: Callable[[Exception], type[BackendError] | None],
    *,
    what: str,
    operation: str,
    subject: str,
    backend: str,
    hint: str | Mapping[type[BackendError], str] = "",
) -> Generator[None]:
    """Turn a vendor's exceptions into ours, with the original as ``__cause__``.

    Our own errors pass through, and so does everything that ``classify`` does not claim: a bug of ours is never
    dressed up as a vendor's failure. In a generator the ``with`` belongs inside, around the iteration.

    Args:
        classify: The class for a vendor's exception, or ``None`` if the exception is not the vendor's.
        what: What failed, if it fails.
        operation: The port's method.
        subject: What the method was applied to.
        backend: The configured name of the backend.
        hint: What to do next; what it is depends on the class where it is a mapping.
    """
    try:
        yield
    except MlopsError:
        raise
    except Exception as exc:
        kind = classify(exc)
        if kind is None:
            raise
        todo = hint if isinstance(hint, str) else hint.get(kind, "")
        raise kind(what, operation=operation, subject=subject, backend=backend, why=str(exc), hint=todo) from exc


def near_matches(name: str, known: Iterable[str]) -> str:
    """A sentence for an unknown name: the nearest known names, else all of them.

    Args:
        name: What was asked for.
        known: The names that exist.

    Returns:
        Such as ``"did you mean 'delay'?"`` or ``"known: a, b, c"``; ``""`` when nothing is known.
    """
    import difflib

    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(repr(each) for each in close)}?"
    return f"known: {', '.join(names)}" if names else ""


def extra_not_installed(extra: str, *, needed_for: str, missing: str) -> AdapterNotFoundError:
    """The error for a library of an extra that is not installed, with the line that installs it.

    Args:
        extra: The extra of ``mlops-core``, such as ``"sklearn"``.
        needed_for: What the caller wanted to do.
        missing: The module that could not be imported.
    """
    return AdapterNotFoundError(
        f"{needed_for} needs the extra {extra!r}",
        why=f"the module {missing!r} is not installed",
        hint=f"pip install 'mlops-core[{extra}]'",
    )
