"""The SDK of the invented vendor Acme Vault: models, versions and runs in one SQLite file, behind access tokens."""

from acme_vault.client import VaultClient
from acme_vault.errors import (
    AcmeAliasMissing,
    AcmeConflict,
    AcmeError,
    AcmeFileMissing,
    AcmeForbidden,
    AcmeMissing,
    AcmeModelMissing,
    AcmeRejected,
    AcmeRunMissing,
    AcmeUnauthorized,
    AcmeUnreachable,
    AcmeVersionMissing,
)
from acme_vault.records import Model, Page, Point, Request, Run, StoredFile, Version
from acme_vault.server import Vault, create_vault
from acme_vault.wire import Wire

__all__ = [
    "AcmeAliasMissing",
    "AcmeConflict",
    "AcmeError",
    "AcmeFileMissing",
    "AcmeForbidden",
    "AcmeMissing",
    "AcmeModelMissing",
    "AcmeRejected",
    "AcmeRunMissing",
    "AcmeUnauthorized",
    "AcmeUnreachable",
    "AcmeVersionMissing",
    "Model",
    "Page",
    "Point",
    "Request",
    "Run",
    "StoredFile",
    "Vault",
    "VaultClient",
    "Version",
    "Wire",
    "create_vault",
]
