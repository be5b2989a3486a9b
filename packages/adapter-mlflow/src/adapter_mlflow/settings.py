"""What can be configured about an MLflow server."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mlops_core.errors import ConfigurationError
from mlops_core.naming import check_text
from mlops_core.secret import Secret  # noqa: TC002 (read_options looks at the types of the fields)

_LONGEST_EXPERIMENT: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowSettings:
    """The options of ``[backends.<name>]`` with ``adapter = "mlflow"``.

    Nothing is taken from MLflow's own environment variables, and nothing is written to them: two servers can be open
    at once.

    Attributes:
        tracking_uri: The server's address, ``https://`` or ``http://``.
        registry_uri: The address of the server of models, of their files and of the runs that hold those; by default
            ``tracking_uri``. With credentials, another path of the same server only: they are meant for one.
        token: A bearer token, as a reference.
        username: The user of basic authentication, as a reference.
        password: The password of that user, as a reference.
        ca_bundle: A file of certificates that are trusted instead of the usual ones.
        client_certificate: A file with a certificate, and its key, that this client shows to the server.
        insecure_tls: Believe any certificate. Whoever is in between can read the credentials.
        workspace: The workspace of the server, for servers that have them.
        experiment: The experiment of runs that name none, and of the runs that hold the files of models.
        connect_timeout: Seconds until a connection must stand.
        read_timeout: Seconds until a reply must begin or go on.
    """

    tracking_uri: str
    registry_uri: str | None = None
    token: Secret | None = None
    username: Secret | None = None
    password: Secret | None = None
    ca_bundle: str | None = None
    client_certificate: str | None = None
    insecure_tls: bool = False
    workspace: str | None = None
    experiment: str = "mlops"
    connect_timeout: float = 5.0
    read_timeout: float = 60.0

    @property
    def addresses(self) -> tuple[str, str]:
        """The addresses of tracking and of the registry, without a slash at their ends."""
        return self.tracking_uri.rstrip("/"), (self.registry_uri or self.tracking_uri).rstrip("/")

    def below(self, base: Path) -> MlflowSettings:
        """The same settings, with relative paths of certificates taken against a folder."""

        def whole(path: str | None) -> str | None:
            return None if path is None else str(base / Path(path).expanduser())

        return replace(self, ca_bundle=whole(self.ca_bundle), client_certificate=whole(self.client_certificate))

    def check(self, where: str) -> None:
        """Refuse what cannot work together.

        Raises:
            ConfigurationError: The message says what and why.
        """
        for option, address in (("tracking_uri", self.tracking_uri), ("registry_uri", self.registry_uri)):
            if address is not None:
                _check_address(option, address, where)
        for wrong, what, why, hint in self._problems():
            if wrong:
                raise ConfigurationError(what, where=where, why=why, hint=hint)

    def _problems(self) -> tuple[tuple[bool, str, str, str], ...]:
        schemes = {urlsplit(each).scheme for each in self.addresses}
        tls = (self.ca_bundle, self.client_certificate, self.insecure_tls or None)
        return (
            (
                (self.username is None) != (self.password is None),
                "half of the credentials is missing",
                "username and password belong together",
                'password = { env = "MLFLOW_TRACKING_PASSWORD" }',
            ),
            (
                self.token is not None and self.username is not None,
                "the credentials are given twice",
                "a token takes the place of username and password",
                "leave out token, or username and password",
            ),
            (
                (self.token or self.username) is not None and len({_server(each) for each in self.addresses}) > 1,
                "the credentials would go to two servers",
                "registry_uri names another one than tracking_uri",
                'name two backends: use = { model_registry = "...", experiment_tracker = "..." }',
            ),
            (
                self.ca_bundle is not None and self.insecure_tls,
                "insecure_tls makes ca_bundle pointless",
                "with it any certificate is believed",
                "leave out insecure_tls",
            ),
            (
                any(each is not None for each in tls) and "https" not in schemes,
                "an option of TLS is without effect",
                "ca_bundle, client_certificate and insecure_tls are for https://",
                'tracking_uri = "https://..."',
            ),
            (
                self.workspace is not None and not self.workspace.strip(),
                "the option 'workspace' is empty",
                "it names a workspace of the server",
                "leave it out for the server's default",
            ),
            (
                not _can_name_an_experiment(self.experiment),
                "the option 'experiment' cannot name an experiment",
                f"it is text of 1 to {_LONGEST_EXPERIMENT} characters",
                'experiment = "mlops"',
            ),
            (
                not all(0 < each < math.inf for each in (self.connect_timeout, self.read_timeout)),
                "a time-out is no time",
                "connect_timeout and read_timeout are seconds above 0",
                "",
            ),
        )


def _server(address: str) -> tuple[str, str | None, int]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _can_name_an_experiment(name: str) -> bool:
    try:
        check_text("the experiment", name)
    except ValueError:
        return False
    return bool(name.strip()) and len(name) <= _LONGEST_EXPERIMENT


def _check_address(option: str, address: str, where: str) -> None:
    try:
        parts = urlsplit(address)
        _ = parts.port
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        raise _no_address(option, where) from None  # its message could show a password
    if "@" in parts.netloc:
        why = "an address is shown in messages"
        hint = "give them as username and password, or as token"
        raise ConfigurationError(f"the option {option!r} holds credentials", where=where, why=why, hint=hint)
    if not usable or parts.query or parts.fragment:
        raise _no_address(option, where)


def _no_address(option: str, where: str) -> ConfigurationError:
    why = "it is https:// or http://, a host, and perhaps a path: a folder or a database is not asked directly"
    hint = f'{option} = "http://127.0.0.1:5000", the address of an `mlflow server`'
    return ConfigurationError(f"the option {option!r} is no address of a server", where=where, why=why, hint=hint)
