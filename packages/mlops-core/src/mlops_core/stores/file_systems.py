"""What a folder's file system must be able to do."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Final

from mlops_core.errors import ConfigurationError

MOUNTINFO: Final = Path("/proc/self/mountinfo")
"""Where Linux lists the mounted file systems; other systems have no such file, and only links are tested there."""
_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "fuse"})
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def refuse_unsuitable(folder: Path, *, mountinfo: Path = MOUNTINFO) -> None:
    """Check that locks and hard links can be relied upon in a folder, which must exist.

    Args:
        folder: Where something is about to be stored.
        mountinfo: The system's list of mounts.

    Raises:
        ConfigurationError: The folder lies on a network file system, or on one without hard links.
    """
    kind = _kind_of(folder.resolve(), mountinfo)
    if kind in _NETWORK or kind.startswith("fuse."):
        raise ConfigurationError(
            "the folder cannot hold a store",
            where=str(folder),
            why=f"it lies on a network file system ({kind}), where locks between hosts cannot be relied upon",
            hint="choose a path on a local disk, or a backend that is made to be shared",
        )
    probe = folder / f"{secrets.token_hex(16)}.part"
    link = probe.with_suffix(".link")
    probe.touch(exist_ok=False)
    try:
        link.hardlink_to(probe)
    except OSError as exc:
        raise ConfigurationError(
            "the folder cannot hold a store",
            where=str(folder),
            why=f"its file system makes no hard links: {exc}",
            hint="choose a path on a disk with ext4, xfs, btrfs, apfs or ntfs",
        ) from exc
    finally:
        link.unlink(missing_ok=True)
        probe.unlink()


def _kind_of(path: Path, mountinfo: Path) -> str:
    """The type of the file system that holds a path; ``""`` where the system does not say."""
    try:
        lines = mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    deepest, kind = -1, ""
    for line in lines:
        mount, _, rest = line.partition(" - ")
        point = Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), mount.split(" ")[4]))
        # A later mount hides an earlier one at the same place.
        if path.is_relative_to(point) and len(point.parts) >= deepest:
            deepest, kind = len(point.parts), rest.split(" ")[0]
    return kind
