"""Frozen settings, from an argument, the environment (``MLOPS_*``) and ``mlops.toml``, in this order of precedence.

Relative paths of the file are taken against the file's folder, so a command does the same from every folder.
"""

from __future__ import annotations

from mlops_core.secret import Secret
from mlops_core.settings.reading import SECTIONS, load_settings, settings_schema
from mlops_core.settings.records import (
    PORTS,
    BackendSettings,
    CacheSettings,
    Candidate,
    CheckJob,
    ScoreJob,
    Settings,
    TrainJob,
    TrustSettings,
    use_table,
)
from mlops_core.settings.sources import FILE_NAME, secrets_in, unread_variables

__all__ = [
    "FILE_NAME",
    "PORTS",
    "SECTIONS",
    "BackendSettings",
    "CacheSettings",
    "Candidate",
    "CheckJob",
    "ScoreJob",
    "Secret",
    "Settings",
    "TrainJob",
    "TrustSettings",
    "load_settings",
    "secrets_in",
    "settings_schema",
    "unread_variables",
    "use_table",
]
