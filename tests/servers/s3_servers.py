"""S3 servers of this host: ministack (a Python package), Ceph's gateway (Debian's packages), rclone (ignores conditions)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import free_port, running, wait_for_port

if TYPE_CHECKING:
    from collections.abc import Generator

ACCESS_KEY = "test-access-key"
SECRET_KEY = "canary-secret-key"
CEPH_PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")


@contextmanager
def ministack(folder: Path) -> Generator[str]:
    """ministack, in memory; gives its address."""
    port = free_port()
    log = folder / "ministack.log"
    own = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "HOME": str(folder),
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    env = {**os.environ, **own}
    command = [str(Path(sys.executable).with_name("ministack"))]
    with running(command, log=log, env=env) as process:
        wait_for_port(port, process, log=log)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def rclone(folder: Path) -> Generator[str]:
    """Rclone's S3 server over a folder: it ignores every condition."""
    port = free_port()
    log = folder / "rclone.log"
    (folder / "rclone").mkdir()
    keys = f"{ACCESS_KEY},{SECRET_KEY}"
    where = ["--addr", f"127.0.0.1:{port}", "--auth-key", keys, "--config", os.devnull, str(folder / "rclone")]
    command = [str(Path(sys.executable).with_name("rclone")), "serve", "s3", *where]
    with running(command, log=log) as process:
        wait_for_port(port, process, log=log)
        yield f"http://127.0.0.1:{port}"


def has_ceph() -> bool:
    """Whether Ceph's programs are installed."""
    return all(shutil.which(each) for each in CEPH_PROGRAMS)


@contextmanager
def ceph(folder: Path, *, gibibytes: int = 4) -> Generator[str]:
    """Ceph's gateway over one monitor and one store in memory, without authentication among them; gives its address.

    The store holds so many GiB, what was deleted included: nothing collects it.
    """
    monitor, gateway = free_port(), free_port()
    config = folder / "ceph.conf"
    for each in ("mon", "osd", "run", "log", "rgw"):
        (folder / each).mkdir()
    (folder / "keyring").touch()
    identity = str(uuid.uuid4())
    config.write_text(
        _CEPH.format(folder=folder, identity=identity, monitor=monitor, gateway=gateway, disk=gibibytes << 30)
    )
    # The programs drop root's rights for a user that may not see the folder, unless they are told to stay.
    stay = ["--setuser", "root", "--setgroup", "root"] if os.geteuid() == 0 else []
    log = folder / "programs.log"

    def program(name: str, *arguments: str) -> list[str]:
        return [name, "-c", str(config), *arguments]

    def call(command: list[str]) -> None:
        with log.open("ab") as output:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=60)

    address = f"[v1:127.0.0.1:{monitor}]"
    monmap = str(folder / "monmap")
    call(["monmaptool", "--create", "--addv", "a", address, "--fsid", identity, monmap])
    call(program("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, *stay))
    with ExitStack() as programs:
        programs.enter_context(running(program("ceph-mon", "-i", "a", "-f", *stay), log=log))
        disk = str(uuid.uuid4())
        call(program("ceph", "osd", "new", disk))
        call(program("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk, *stay))
        programs.enter_context(_started(program("ceph-osd", "-i", "0", "-f", *stay), log))
        served = programs.enter_context(running(program("radosgw", "-n", "client.rgw", "-f", *stay), log=log))
        wait_for_port(gateway, served, log=log, seconds=60)
        user = ["user", "create", "--uid", "test", "--display-name", "test"]
        call(
            program("radosgw-admin", "-n", "client.rgw", *user, "--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
        )
        yield f"http://127.0.0.1:{gateway}"


@contextmanager
def _started(command: list[str], log: Path) -> Generator[None]:
    """A store that stays: it may greet the monitor before it knows whose it is, and then it is refused and ends."""
    with ExitStack() as attempts:
        for _ in range(5):
            process = attempts.enter_context(running(command, log=log))
            with suppress(subprocess.TimeoutExpired):
                process.wait(1.5)
                continue
            yield
            return
        raise RuntimeError(f"{command!r} ended each time:\n{log.read_text(errors='replace')[-2000:]}")


_CEPH = """
[global]
fsid = {identity}
mon_host = v1:127.0.0.1:{monitor}
mon_initial_members = a
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr2 = false
run_dir = {folder}/run
admin_socket = {folder}/run/$name.asok
pid_file = {folder}/run/$name.pid
log_file = {folder}/log/$name.log
keyring = {folder}/keyring
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_data = {folder}/rgw
log_to_stderr = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_max_pg_per_osd = 1000
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = {disk}
mon_data_avail_crit = 1
mon_data_avail_warn = 1
rgw_frontends = beast endpoint=127.0.0.1:{gateway} tcp_nodelay=1
rgw_enable_gc_threads = false
rgw_enable_lc_threads = false
"""
