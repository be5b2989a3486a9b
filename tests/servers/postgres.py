"""A PostgreSQL cluster of this host's own binaries, for the time of a ``with``."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import free_port, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_DEBIAN = Path("/usr/lib/postgresql")  # one folder for each major version, none of them on the path
_PROGRAMS = ("initdb", "postgres", "pg_isready")
_NOT_DURABLE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


def has_postgres() -> bool:
    """Whether PostgreSQL's programs are installed."""
    return _programs() is not None


def postgres_version() -> str:
    """The version of PostgreSQL, such as ``15.18``; ask :func:`has_postgres` first."""
    command = [str(_installed() / "postgres"), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return said.split()[2]


@contextmanager
def postgres(folder: Path) -> Generator[str]:
    """A new cluster without passwords and without durability; gives SQLAlchemy's address of its database.

    Args:
        folder: Where its log goes. The data lie in a temporary folder of the system, since PostgreSQL does not run as
            root, and whom it runs as then may not see the folders of a test.
    """
    programs = _installed()
    log, port = folder / "postgres.log", free_port()
    user = _ordinary_user() if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="postgres-") as made:
        place = Path(made)
        if user is not None:
            shutil.chown(place, user)
        data = place / "data"

        def program(name: str, *arguments: str) -> Sequence[str]:
            return [str(programs / name), *arguments]

        make = program("initdb", "-D", str(data), "-U", "test", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        with running(make, log=log, user=user, folder=place) as process:
            if process.wait(60) != 0:
                raise RuntimeError(f"initdb failed:\n{log.read_text(errors='replace')[-2000:]}")
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", *_NOT_DURABLE]
        serve = program(
            "postgres", "-D", str(data), "-p", str(port), *(part for each in options for part in ("-c", each))
        )
        ask = program("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port))
        with running(serve, log=log, user=user, folder=place) as process:
            wait_until(lambda: subprocess.run(ask, check=False).returncode == 0, process, log=log, seconds=30)
            yield f"postgresql+psycopg2://test@127.0.0.1:{port}/postgres"


def _installed() -> Path:
    programs = _programs()
    if programs is None:
        raise RuntimeError("PostgreSQL is not installed: ask has_postgres() first")
    return programs


def _programs() -> Path | None:
    """The folder with all of PostgreSQL's programs; the newest version's, where there are several."""
    on_path = shutil.which("initdb")
    installed = sorted(_DEBIAN.glob("*/bin"), key=lambda each: float(each.parent.name), reverse=True)
    found = [*installed, *([Path(on_path).resolve().parent] if on_path else [])]
    return next((each for each in found if all((each / name).exists() for name in _PROGRAMS)), None)


def _ordinary_user() -> str:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
