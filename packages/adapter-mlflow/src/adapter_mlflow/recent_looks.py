"""Versions that an instance has just looked at, so that their files are opened without another look."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adapter_mlflow.remembered import Remembered
from adapter_mlflow.thread_lock import ThreadLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_core.manifest import Manifest
    from mlops_core.ports.model_registry import PinnedVersion

    from adapter_mlflow.version_documents import StoredVersion

SECONDS: Final = 60.0
"""How long a look counts."""
_REMEMBERED: Final = 64


@dataclass(slots=True, kw_only=True)
class Look:
    """A version as it was when it was looked at.

    Attributes:
        version: What MLflow said.
        digest: The digest of its package.
        manifest: What its package holds, once somebody has asked.
        until: When the look counts no more.
        opened: The paths that were opened since.
    """

    version: StoredVersion
    digest: str
    manifest: Manifest | None
    until: float
    opened: set[str] = field(default_factory=set[str])


class RecentLooks:
    """A bounded memory of looks. It may be used from several threads.

    A look counts for a short time, and once for each file: so a package is fetched with one look, and a version that
    somebody has deleted meanwhile is missed by the next fetch at the latest.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = ThreadLock()
        self._looks = Remembered[tuple[str, int], Look](_REMEMBERED)

    def remember(self, version: StoredVersion, digest: str, manifest: Manifest | None = None) -> Look:
        """Keep a look; it takes the place of an earlier one."""
        look = Look(version=version, digest=digest, manifest=manifest, until=self._clock() + SECONDS)
        return self._looks.put((version.model, version.number), look)

    def take(self, version: PinnedVersion, path: str) -> Look | None:
        """The look that counts for one file, which it does not do a second time."""
        look = self._looks.get((version.model, version.version))
        if look is None or look.digest != version.digest or look.until < self._clock():
            return None
        with self._lock:
            if path in look.opened:
                return None
            look.opened.add(path)
        return look

    def forget(self, model: str, version: int | None = None) -> None:
        """Let a version, or all of a model, be looked at anew."""
        self._looks.forget_those(lambda key: key[0] == model and version in {None, key[1]})
