"""Run a command with a bucket: on the S3 service that MLOPS_DEMO_S3_ENDPOINT names, or on a server of its own.

    python with_s3.py mlops train late-flight

A named service is used as it is: it has the bucket `flights`, and the credentials are in AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY. Else `ministack`, a small S3 server that lives in memory, is started on a free port of this host;
it and all that the command has stored are gone when the command ends.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ENDPOINT = "MLOPS_BACKENDS__S3__ENDPOINT_URL"
BUCKET = "flights"
PATIENCE = 30.0
"""Seconds until a server must listen."""


@contextmanager
def environment() -> Generator[Mapping[str, str]]:
    """The variables that the command needs beside those that are set."""
    if endpoint := os.environ.get("MLOPS_DEMO_S3_ENDPOINT"):
        yield {ENDPOINT: endpoint}
        return
    os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"]))  # it is our own server
    keys = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20)}
    with tempfile.TemporaryDirectory(prefix="with-s3-") as folder, server(Path(folder)) as endpoint:
        make_bucket(endpoint, keys)
        yield {**keys, ENDPOINT: endpoint}


@contextmanager
def server(folder: Path) -> Generator[str]:
    """A server that keeps everything in memory; gives its address."""
    port = free_port()
    address = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "HOME": str(folder)}
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (a fixed command)
            [Path(sys.executable).with_name("ministack")],
            env={**os.environ, **address},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the command; the server is ended below
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the S3 server did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def make_bucket(endpoint: str, keys: Mapping[str, str]) -> None:
    import boto3

    client = cast("Any", boto3).client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
    )
    with closing(client):
        client.create_bucket(Bucket=BUCKET)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast("int", probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stop(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)  # through the `finally` above


def main() -> int:
    signal.signal(signal.SIGTERM, stop)
    with environment() as more, subprocess.Popen(sys.argv[1:], env={**os.environ, **more}) as command:  # noqa: S603
        try:
            return command.wait()
        except KeyboardInterrupt:
            return command.wait()  # Ctrl-C has reached the command too, which says what became of it
        except BaseException:
            command.terminate()
            raise


if __name__ == "__main__":
    sys.exit(main())
