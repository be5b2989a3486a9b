"""What must not be shown of the texts that servers and vendors' libraries write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from adapter_mlflow.settings import MlflowSettings

_PASSWORD: Final = re.compile(r"(://[^/\s:@]*:)[^/\s]*@")
_QUERY: Final = re.compile(r"(://[^\s?'\"]*\?)[^\s'\"]+")
_SHOWN: Final = "***"


def without_credentials(text: str, settings: MlflowSettings) -> str:
    """A text without the credentials of the settings, or of any address."""
    for secret in (settings.token, settings.password):
        if secret is not None:
            text = text.replace(secret.reveal(), _SHOWN)
    if settings.username is not None:  # often a short word, which is a part of others
        text = re.sub(rf"(?<!\w){re.escape(settings.username.reveal())}(?!\w)", _SHOWN, text)
    return without_secrets_of_addresses(text)


def without_secrets_of_addresses(text: str) -> str:
    """A text in which addresses have no password, and no query: some stores are signed into with it."""
    return _QUERY.sub(rf"\1{_SHOWN}", _PASSWORD.sub(rf"\1{_SHOWN}@", text))
