"""What can be configured about a bucket."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from mlops_core.errors import ConfigurationError
from mlops_core.secret import Secret  # noqa: TC002 (read_options looks at the types of the fields)
from mlops_core.stores.keys import check_key


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """The options of ``[backends.<name>]`` with ``adapter = "s3"``.

    Attributes:
        bucket: The bucket; it must exist.
        prefix: What every key begins with, such as ``teams/risk``; nothing by default.
        region: The bucket's region; by default what the environment and the SDK's own files say.
        endpoint_url: Where the service is, for services other than Amazon's.
        profile: A profile of the SDK's own files, which name the credentials.
        access_key_id: Credentials, as references; by default the SDK finds its own.
        secret_access_key: The other half of them.
        session_token: The third part of temporary ones.
        path_style: Whether the bucket is part of the path rather than of the host; by default with ``endpoint_url``.
        checksums: ``"when_supported"`` adds the SDK's own checksums to every request, ``"when_required"`` leaves them
            out where the service does not demand them. By default the second with ``endpoint_url``: many services know
            none, and every package is verified by its own SHA-256 in any case.
        encryption: ``"aes256"`` or ``"kms"`` asks for it with every write; by default the bucket's own rule holds.
        kms_key_id: The key of ``"kms"``; the account's default key without.
        unsigned_payload: Leave the payload out of the signature, which saves its hash. Allowed with a plain-http
            ``endpoint_url`` only, for networks that are trusted: over https the SDK signs no payload anyhow.
        concurrency: Requests in flight for one large object.
        part_size: Bytes of one such request; a transfer holds at most ``concurrency + 1`` of them in memory.
        connect_timeout: Seconds until a connection must stand.
        read_timeout: Seconds until a reply must begin or go on; a request may be made five times.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None
    path_style: bool | None = None
    checksums: Literal["when_required", "when_supported"] | None = None
    encryption: Literal["aes256", "kms"] | None = None
    kms_key_id: str | None = None
    unsigned_payload: bool = False
    concurrency: int = 4
    part_size: int = 8 << 20
    connect_timeout: float = 5.0
    read_timeout: float = 30.0

    def check(self, where: str) -> None:
        """Refuse what cannot work together.

        Raises:
            ConfigurationError: The message says what and why.
        """
        for wrong, what, why, hint in self._problems():
            if wrong:
                raise ConfigurationError(what, where=where, why=why, hint=hint)
        if self.prefix:
            try:
                check_key(self.prefix)
            except ValueError as exc:
                why = getattr(exc, "why", str(exc))
                what = f"the prefix {self.prefix!r:.80} cannot begin a key"
                raise ConfigurationError(what, where=where, why=why, hint='prefix = "teams/risk"') from None

    def _problems(self) -> tuple[tuple[bool, str, str, str], ...]:
        smallest_part, largest_part = 5 << 20, 5 << 30
        scheme, host, has_password = _address(self.endpoint_url)
        return (
            (not self.bucket.strip(), "the option 'bucket' is empty", "it names the bucket", 'bucket = "models"'),
            (
                "/" in self.bucket and not self.bucket.startswith("arn:"),
                f"the option 'bucket' is no name of a bucket: {self.bucket!r:.80}",
                "it is the name only; what follows is the option 'prefix'",
                'bucket = "models" and prefix = "teams/risk"',
            ),
            (
                (self.access_key_id is None) != (self.secret_access_key is None),
                "half of the credentials is missing",
                "access_key_id and secret_access_key belong together",
                'secret_access_key = { env = "AWS_SECRET_ACCESS_KEY" }',
            ),
            (
                self.session_token is not None and self.access_key_id is None,
                "a session token belongs to an access key",
                "access_key_id and secret_access_key are missing",
                'access_key_id = { env = "AWS_ACCESS_KEY_ID" }',
            ),
            (
                self.profile is not None and self.access_key_id is not None,
                "the credentials are given twice",
                "a profile names credentials too",
                "leave out profile, or the keys",
            ),
            (
                self.kms_key_id is not None and self.encryption != "kms",
                "kms_key_id is without effect",
                "it belongs to encryption with a key of KMS",
                'encryption = "kms"',
            ),
            (
                self.endpoint_url is not None and not (scheme in {"http", "https"} and host),
                "the option 'endpoint_url' is no address",
                "it is https:// or http:// and a host",
                'endpoint_url = "https://s3.example.com"',
            ),
            (
                urlsplit(self.endpoint_url or "").path.strip("/") == self.bucket if host else False,
                "the option 'endpoint_url' holds the bucket",
                "the bucket is added to it: what is written would lie in a folder of that name",
                f"endpoint_url = {(self.endpoint_url or '').rstrip('/').removesuffix('/' + self.bucket)!r}",
            ),
            (
                has_password,
                "the option 'endpoint_url' holds credentials",
                "an address is shown in messages",
                "give them as access_key_id and secret_access_key",
            ),
            (
                self.unsigned_payload and scheme != "http",
                "unsigned_payload is for plain http",
                "over https the payload is protected by the connection, and the SDK signs none",
                "leave it out",
            ),
            (
                not smallest_part <= self.part_size <= largest_part,
                "the option 'part_size' is out of range",
                "a part of a large upload has 5 MiB to 5 GiB",
                "part_size = 8388608",
            ),
            (
                self.concurrency < 1,
                "the option 'concurrency' is too small",
                "one request at a time is the least",
                "concurrency = 4",
            ),
            (
                not all(0 < each < math.inf for each in (self.connect_timeout, self.read_timeout)),
                "a time-out is no time",
                "connect_timeout and read_timeout are seconds above 0",
                "read_timeout = 30",
            ),
        )


def _address(url: str | None) -> tuple[str, str, bool]:
    """Scheme and host of an address, both empty where it has none, and whether it holds a user or a password."""
    try:
        parts = urlsplit(url or "")
        _ = parts.port
    except ValueError:
        return "", "", False
    return parts.scheme, parts.hostname or "", "@" in parts.netloc
