"""What the vendor raises. Every exception has a code, which is what to look at."""

# ruff: noqa: N818 (not every vendor calls an exception an error)
from __future__ import annotations

from typing import ClassVar


class AcmeError(Exception):
    """Base of the vendor's exceptions.

    Attributes:
        code: What went wrong, in a word that stays the same from release to release.
    """

    code: ClassVar[str] = "error"


class AcmeUnreachable(AcmeError):
    """Nobody answered. Whether the request was carried out is unknown."""

    code = "unreachable"


class AcmeUnauthorized(AcmeError):
    """The token is unknown."""

    code = "unauthorized"


class AcmeForbidden(AcmeError):
    """The token is known and does not allow this."""

    code = "forbidden"


class AcmeConflict(AcmeError):
    """What is there forbids it."""

    code = "conflict"


class AcmeRejected(AcmeError):
    """The request makes no sense to the vault."""

    code = "rejected"


class AcmeMissing(AcmeError):
    """There is no such thing; a subclass says what."""

    code = "missing"


class AcmeModelMissing(AcmeMissing):
    """There is no such model."""

    code = "missing-model"


class AcmeVersionMissing(AcmeMissing):
    """The model has no such live version."""

    code = "missing-version"


class AcmeAliasMissing(AcmeMissing):
    """The model has no such alias."""

    code = "missing-alias"


class AcmeRunMissing(AcmeMissing):
    """There is no such run."""

    code = "missing-run"


class AcmeFileMissing(AcmeMissing):
    """The version or the run has no such file."""

    code = "missing-file"
