"""A version's record, as JSON and in words; shared by the verbs that print one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mlops_core.json_values import JsonValue
    from mlops_core.ports.model_registry import ModelVersion, PinnedVersion


def pinned_json(pinned: PinnedVersion) -> dict[str, JsonValue]:
    """What names a version."""
    return {"model": pinned.model, "version": pinned.version, "digest": pinned.digest}


def version_json(record: ModelVersion) -> dict[str, JsonValue]:
    """A version's record without the list of its files and columns."""
    origin = record.origin
    return {
        **pinned_json(record),
        "created_at": record.created_at.isoformat(),
        "aliases": list(record.aliases),
        "metrics": dict(record.metrics),
        "tags": dict(record.tags),
        "framework": record.manifest.framework,
        "size": record.manifest.size,
        "run": record.run,
        "commit": record.commit,
        "origin": None
        if origin is None
        else {
            "backend": origin.backend,
            "model": origin.model,
            "version": origin.version,
            "digest": origin.digest,
        },
        "url": record.url,
        "operation_id": record.operation_id,
    }


def time_text(moment: datetime) -> str:
    """A moment, such as ``2026-11-23 18:04:11Z``."""
    return f"{moment:%Y-%m-%d %H:%M:%SZ}"


def number_text(number: float | None) -> str:
    """A metric's value, such as ``0.8123``; ``-`` where there is none."""
    return "-" if number is None else f"{number:.6g}"


def metrics_text(metrics: Mapping[str, float], *, most: int = 2) -> str:
    """A few metrics in one line, those of a test part first, and how many more there are."""
    shown = sorted(metrics.items(), key=lambda each: (not each[0].startswith("test_"), each[0]))[:most]
    more = f", +{len(metrics) - len(shown)}" if len(metrics) > len(shown) else ""
    return ", ".join(f"{name} {number_text(value)}" for name, value in shown) + more
